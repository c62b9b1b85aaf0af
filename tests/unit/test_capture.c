/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Captures of every form that is read, and every way in which a file is none. */
#include "packet/capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define ETHERNET 1
#define IEEE802_11 105
#define ODD 999 /* a type without a name */

/* A file in memory, as it is written. */
struct file {
	__u8 bytes[4096];
	size_t size;
	bool big_endian;
};

/* Sizes of the frames in every good file here, and thus what is read back. Frame N consists of bytes N. */
static const __u32 frame_size[] = {60, 0, 1, 13, 14, 333};
#define FRAMES (sizeof(frame_size) / sizeof(frame_size[0]))

static void put(struct file *file, __u32 value, unsigned int width)
{
	for (unsigned int i = 0; i < width; i++)
		file->bytes[file->size + (file->big_endian ? width - 1 - i : i)] = value >> 8 * i;
	file->size += width;
}

static void put_frame_bytes(struct file *file, unsigned int frame)
{
	memset(file->bytes + file->size, frame, frame_size[frame]);
	file->size += frame_size[frame];
}

static void make_pcap(struct file *file, bool big_endian, __u32 magic, __u32 link_type)
{
	*file = (struct file){.big_endian = big_endian};
	put(file, magic, 4);
	put(file, 2, 2);
	put(file, 4, 2);
	put(file, 0, 4);
	put(file, 0, 4);
	put(file, 65535, 4);
	put(file, link_type, 4);
	for (unsigned int i = 0; i < FRAMES; i++) {
		put(file, 1700000000, 4);
		put(file, 999999, 4);
		put(file, frame_size[i], 4);
		put(file, frame_size[i] + 100, 4); /* was longer on the wire */
		put_frame_bytes(file, i);
	}
}

static void make_pcapng(struct file *file, bool big_endian, __u32 link_type)
{
	*file = (struct file){.big_endian = big_endian};
	put(file, 0x0a0d0d0a, 4); /* section header */
	put(file, 28, 4);
	put(file, 0x1a2b3c4d, 4);
	put(file, 1, 2);
	put(file, 0, 2);
	put(file, 0xffffffff, 4);
	put(file, 0xffffffff, 4);
	put(file, 28, 4);
	put(file, 1, 4); /* interface description */
	put(file, 20, 4);
	put(file, link_type, 2);
	put(file, 0, 2);
	put(file, 0, 4);
	put(file, 20, 4);
	for (unsigned int i = 0; i < FRAMES; i++) {
		__u32 padding = -frame_size[i] & 3, length = 32 + frame_size[i] + padding;

		put(file, 6, 4); /* enhanced packet */
		put(file, length, 4);
		put(file, 0, 4);
		put(file, 0, 4);
		put(file, 0, 4);
		put(file, frame_size[i], 4);
		put(file, frame_size[i], 4);
		put_frame_bytes(file, i);
		put(file, 0, padding);
		put(file, length, 4);
	}
}

/* A path to SIZE BYTES; it is good until the descriptor is closed. */
static int make_path(const void *bytes, size_t size, char path[32])
{
	int fd = memfd_create("capture", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* Opens what is in FILE. */
static int open_bytes(const struct file *file, size_t size, struct capture **capture, struct diag *diag)
{
	_cleanup_fd_ int fd = -1;
	char path[32];

	fd = make_path(file->bytes, size, path);
	assert_int_equal(capture_open(capture, path, diag), 0);
	return capture_begin(*capture, diag);
}

/* Reads CAPTURE to its end, and expects the frames in their order. How the end came is returned. */
static int read_frames(struct capture *capture, unsigned int *frames, struct diag *diag)
{
	struct captured frame = {};
	int more;

	for (*frames = 0; (more = capture_next(capture, &frame, diag)) > 0; (*frames)++) {
		__u8 expected[512];

		assert_true(*frames < FRAMES);
		assert_int_equal(frame.number, *frames + 1);
		assert_int_equal(frame.size, frame_size[*frames]);
		assert_int_equal(frame.file_size, frame_size[*frames]);
		memset(expected, *frames, frame.size);
		assert_memory_equal(frame.data, expected, frame.size);
	}
	return more;
}

static void expect_all_frames(const struct file *file)
{
	_cleanup_capture_ struct capture *capture = NULL;
	struct diag diag = {};
	unsigned int frames;

	assert_int_equal(open_bytes(file, file->size, &capture, &diag), 0);
	assert_int_equal(read_frames(capture, &frames, &diag), 0);
	assert_int_equal(frames, FRAMES);
	assert_string_equal(diag.text, "");
}

static void test_every_form(void **state)
{
	struct file file;

	(void)state;
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		make_pcap(&file, big_endian, 0xa1b2c3d4, ETHERNET);
		expect_all_frames(&file);
		make_pcap(&file, big_endian, 0xa1b23c4d, ETHERNET); /* nanoseconds */
		expect_all_frames(&file);
		make_pcapng(&file, big_endian, ETHERNET);
		expect_all_frames(&file);
	}
}

/*
 * A file cut anywhere: in its header it is no capture; later, the frames before are read, and the end is either clean
 * or said to be none.
 */
static void check_cuts(const struct file *file, size_t header, const char *beginning, unsigned int ends)
{
	unsigned int clean = 0;

	for (size_t size = 0; size < file->size; size++) {
		_cleanup_capture_ struct capture *capture = NULL;
		struct diag diag = {};
		unsigned int frames = 0;
		char said[64];
		int end;

		end = open_bytes(file, size, &capture, &diag);
		if (size < header) {
			assert_int_equal(end, -EINVAL);
			assert_non_null(strstr(diag.text, beginning));
			continue;
		}
		assert_int_equal(end, 0);
		end = read_frames(capture, &frames, &diag);
		assert_true(frames < FRAMES);
		if (!end) {
			clean++;
			continue;
		}
		assert_int_equal(end, -EIO);
		snprintf(said, sizeof(said), ": broken after frame %u: ", frames);
		assert_non_null(strstr(diag.text, said));
		assert_false(diag.usage);
	}
	assert_int_equal(clean, ends);
}

static void test_cut_anywhere(void **state)
{
	struct file file;

	(void)state;
	make_pcap(&file, false, 0xa1b2c3d4, ETHERNET);
	check_cuts(&file, 24, ": not a capture: ", FRAMES); /* before each frame */
	make_pcapng(&file, false, ETHERNET);
	check_cuts(&file, 28, ": not a capture: ", 1 + FRAMES); /* and before the interface */
}

static void expect_no_capture(const char *path, int error, const char *words)
{
	_cleanup_capture_ struct capture *capture = NULL;
	struct diag diag = {};
	int got = capture_open(&capture, path, &diag);

	assert_int_equal(got ? got : capture_begin(capture, &diag), error);
	assert_true(strncmp(diag.text, path, strlen(path)) == 0);
	assert_non_null(strstr(diag.text, words));
	assert_null(strchr(diag.text, '\n'));
	assert_false(diag.usage);
}

static void test_not_a_capture(void **state)
{
	static const char *const text[] = {"", "version: 1\npreset: default\n", "\x1f\x8b\x08\x00 a compressed file",
					   "\x1f", "\x1f\x8b"};

	(void)state;
	expect_no_capture("/nonexistent/file.pcap", -ENOENT, ": No such file or directory");
	expect_no_capture("/tmp", -EISDIR, ": Is a directory");
	for (unsigned int i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		_cleanup_fd_ int fd = -1;
		char path[32];

		fd = make_path(text[i], strlen(text[i]), path);
		expect_no_capture(path, -EINVAL, ": not a capture: ");
	}
}

static void test_random_bytes(void **state)
{
	struct file good, file;

	(void)state;
	srand(3);
	make_pcapng(&good, false, ETHERNET);
	for (unsigned int i = 0; i < 2000; i++) {
		_cleanup_capture_ struct capture *capture = NULL;
		struct diag diag = {};
		struct captured frame;

		file = good;
		for (unsigned int changes = 1 + rand() % 4; changes; changes--)
			file.bytes[rand() % file.size] = rand();
		if (open_bytes(&file, file.size, &capture, &diag))
			continue;
		while (capture_next(capture, &frame, &diag) > 0)
			;
	}
}

static void test_other_link_type(void **state)
{
	static const __u16 types[] = {IEEE802_11, ODD};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct captured frame;
		struct file file;
		_cleanup_capture_ struct capture *pcap = NULL, *pcapng = NULL;
		struct diag diag = {};

		make_pcap(&file, false, 0xa1b2c3d4, types[i]);
		assert_int_equal(open_bytes(&file, file.size, &pcap, &diag), -EPROTONOSUPPORT);
		assert_non_null(strstr(diag.text, i ? "link type is 999; " : "link type is IEEE802_11; "));
		/* Where there may be several, it is known at the end. */
		diag = (struct diag){};
		make_pcapng(&file, false, types[i]);
		assert_int_equal(open_bytes(&file, file.size, &pcapng, &diag), 0);
		assert_int_equal(capture_next(pcapng, &frame, &diag), -EPROTONOSUPPORT);
		assert_non_null(strstr(diag.text, i ? "link type is 999; " : "link type is IEEE802_11; "));
		assert_int_equal(capture_passed_over(pcapng, types[i]), FRAMES);
		assert_int_equal(capture_passed_over(pcapng, ETHERNET), 0);
	}
}

/* A frame longer than the file says frames are, and one longer than anything. */
static void test_huge_frames(void **state)
{
	static __u8 zero[100000];
	struct file file;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		_cleanup_capture_ struct capture *capture = NULL;
		__u32 claimed = i ? 0x7fffffff : sizeof(zero);
		_cleanup_fd_ int fd = -1;
		struct captured frame;
		struct diag diag = {};
		char path[32];

		make_pcap(&file, false, 0xa1b2c3d4, ETHERNET);
		file.size = 24;
		file.bytes[16] = file.bytes[17] = 0;
		file.bytes[18] = 4; /* frames are up to 262144 bytes long */
		put(&file, 0, 4);
		put(&file, 0, 4);
		put(&file, claimed, 4);
		put(&file, claimed, 4);
		fd = make_path(file.bytes, file.size, path);
		assert_int_equal(write(fd, zero, sizeof(zero)), sizeof(zero));
		assert_int_equal(capture_open(&capture, path, &diag), 0);
		assert_int_equal(capture_begin(capture, &diag), 0);
		assert_int_equal(capture_next(capture, &frame, &diag), i ? -EIO : 1);
		if (i)
			assert_non_null(strstr(diag.text, ": broken after frame 0: "));
		else
			assert_int_equal(frame.size, sizeof(zero));
	}
}

static void test_standard_input(void **state)
{
	_cleanup_capture_ struct capture *capture = NULL;
	_cleanup_fd_ int fd = -1;
	struct diag diag = {};
	unsigned int frames;
	struct file file;
	char path[32];

	(void)state;
	make_pcap(&file, false, 0xa1b2c3d4, ETHERNET);
	fd = make_path(file.bytes, file.size - 1, path);
	assert_non_null(freopen(path, "r", stdin));
	assert_int_equal(capture_open(&capture, "-", &diag), 0);
	assert_int_equal(capture_begin(capture, &diag), 0);
	assert_int_equal(read_frames(capture, &frames, &diag), -EIO);
	assert_int_equal(frames, FRAMES - 1);
	assert_true(strncmp(diag.text, "standard input: broken after frame 5: ", 38) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form),	cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_not_a_capture),	cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_other_link_type), cmocka_unit_test(test_huge_frames),
		cmocka_unit_test(test_standard_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
