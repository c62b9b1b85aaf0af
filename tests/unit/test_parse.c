/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The parser against frames whose class is known from how they were built: nothing here asks the parser's headers where
 * a field lies. Every frame is parsed in a heap block that ends where the frame ends, so that the sanitizer sees a read
 * of one byte too many.
 */
#include "parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURE_SIZE 20480
#define TCP_SIZE 20

enum { IPV4 = 0x0800, IPV6 = 0x86dd, CTAG = 0x8100, STAG = 0x88a8 };
enum { HOP = 0, TCP = 6, UDP = 17, ROUTING = 43, FRAGMENT = 44, ESP = 50, AH = 51, ICMPV6 = 58, NONE = 59, DEST = 60 };

static const __u8 extension[] = {HOP, DEST, ROUTING, AH, FRAGMENT};
static const struct {
	unsigned int depth;
	__u16 tpid[4];
} tagging[] = {{0, {0}},
	       {1, {CTAG}},
	       {1, {STAG}},
	       {2, {STAG, CTAG}},
	       {2, {CTAG, CTAG}},
	       {3, {CTAG, STAG, CTAG}},
	       {4, {STAG, CTAG, CTAG, STAG}}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
	__u8 bytes[FIXTURE_SIZE];
	size_t size;
	size_t ip, tcp;	     /* where these headers begin; 0: there is none */
	size_t type_at;	     /* the two bytes that say what the next link-layer header is */
	size_t next_at;	     /* the byte that says what the next IP header is */
	size_t ethernet_end; /* a frame that ends before is a runt */
	size_t headers_end;  /* one that ends before is malformed */
	size_t flags_end;    /* and one that ends before has CUT_CLASS; 0: CLASS */
	unsigned int cut_class;
	unsigned int class;
};

/* Bytes that differ from place to place, so that no field can be mistaken for another one. */
static size_t put(struct fixture *f, size_t size)
{
	size_t at = f->size;

	assert_true(at + size <= FIXTURE_SIZE);
	for (size_t i = 0; i < size; i++)
		f->bytes[at + i] = 0xa1 + 7 * (at + i);
	f->size += size;
	return at;
}

static void put16(struct fixture *f, size_t at, unsigned int value)
{
	f->bytes[at] = value >> 8;
	f->bytes[at + 1] = value;
}

static void put_ethernet(struct fixture *f, unsigned int type)
{
	f->size = f->ip = f->tcp = f->headers_end = f->flags_end = 0;
	put(f, 14);
	f->type_at = 12;
	put16(f, f->type_at, type);
	f->ethernet_end = f->size;
	f->class = FF_NON_IP;
}

static void put_tag(struct fixture *f, unsigned int tpid)
{
	unsigned int type = f->bytes[f->type_at] << 8 | f->bytes[f->type_at + 1];
	size_t at = put(f, 4);

	put16(f, f->type_at, tpid);
	f->type_at = at + 2;
	put16(f, f->type_at, type);
	f->ethernet_end = f->size;
}

static void put_link(struct fixture *f, unsigned int tags, unsigned int type)
{
	put_ethernet(f, type);
	for (unsigned int i = 0; i < tagging[tags].depth; i++)
		put_tag(f, tagging[tags].tpid[i]);
}

/* Sets the length field of the IP header: LENGTH bytes in all (IPv4) or behind the header (IPv6). */
static void set_ip_length(struct fixture *f, size_t length)
{
	put16(f, f->ip + (f->bytes[f->ip] >> 4 == 4 ? 2 : 4), length);
}

/* Closes the datagram at the end of what was put so far. */
static void end_ip(struct fixture *f)
{
	set_ip_length(f, f->size - f->ip - (f->bytes[f->ip] >> 4 == 4 ? 0 : 40));
}

static void put_ipv4(struct fixture *f, size_t options, unsigned int protocol)
{
	f->ip = put(f, 20 + options);
	f->bytes[f->ip] = 0x40 | (5 + options / 4);
	put16(f, f->ip + 6, 0x4000); /* do not fragment */
	f->next_at = f->ip + 9;
	f->bytes[f->next_at] = protocol;
	f->headers_end = f->size;
	f->class = FF_NON_TCP;
	end_ip(f);
}

static void put_ipv6(struct fixture *f, unsigned int next)
{
	f->ip = put(f, 40);
	f->bytes[f->ip] = 0x6f;
	f->next_at = f->ip + 6;
	f->bytes[f->next_at] = next;
	f->headers_end = f->size;
	f->class = FF_NON_TCP;
	end_ip(f);
}

/* An extension header of TYPE, as long as it can be that its length field holds LENGTH. */
static void put_extension(struct fixture *f, unsigned int type, unsigned int length)
{
	unsigned int next = f->bytes[f->next_at];
	size_t at = put(f, type == FRAGMENT ? 8 : type == AH ? 4 * (length + 2) : 8 * (length + 1));

	f->bytes[f->next_at] = type;
	f->next_at = at;
	f->bytes[at] = next;
	if (type == FRAGMENT)
		put16(f, at + 2, 0x0006); /* an atomic one: offset 0, last; the bits between are reserved */
	else
		f->bytes[at + 1] = length;
	f->headers_end = f->size;
	end_ip(f);
}

static void set_flags(struct fixture *f, unsigned int flags)
{
	f->bytes[f->tcp + 12] = (f->bytes[f->tcp + 12] & 0xfe) | flags >> 8;
	f->bytes[f->tcp + 13] = flags;
	f->class = flags;
}

static void put_tcp(struct fixture *f, unsigned int flags)
{
	f->tcp = put(f, TCP_SIZE);
	f->flags_end = f->tcp + 14;
	f->cut_class = FF_TRUNCATED;
	set_flags(f, flags);
	end_ip(f);
}

/* The header stacks that lead to TCP: IPv4 with 0 to 40 bytes of options, IPv6 with at most one extension header. */
#define IPV4_STACKS 11
#define STACKS (IPV4_STACKS + 1 + COUNT(extension))

static void put_stack(struct fixture *f, unsigned int stack, unsigned int tags)
{
	put_link(f, tags, stack < IPV4_STACKS ? IPV4 : IPV6);
	if (stack < IPV4_STACKS) {
		put_ipv4(f, 4 * stack, TCP);
	} else {
		put_ipv6(f, TCP);
		if (stack > IPV4_STACKS)
			put_extension(f, extension[stack - IPV4_STACKS - 1], 1);
	}
	put_tcp(f, 0x002);
}

/* Each stack behind each kind of tags, by numbers from 0 on; false behind the last. */
static bool put_each(struct fixture *f, unsigned int number)
{
	if (number == STACKS * COUNT(tagging))
		return false;
	put_stack(f, number % STACKS, number / STACKS);
	return true;
}

/* The shortcut knows nothing else of the frame, or nothing. */
static __u32 parse_both_ways(struct ff_frame *frame)
{
	__u32 parsed = ff_parse(frame, frame->bytes), plain = ff_class_plain(frame);

	if (plain != FF_UNCLEAR)
		assert_int_equal(plain, parsed & FF_CLASS_MASK);
	return parsed;
}

/* What the parser says of the first SIZE bytes of F, if the first buffer has so many of them as SHOWN. */
static __u32 parse_shown(const struct fixture *f, size_t shown, size_t size)
{
	char *block = malloc(2 + shown), *whole = malloc(size + 1);
	struct ff_frame frame = {.data = block + 2, .data_end = block + 2 + shown, .whole = whole + 1, .bytes = size};
	__u32 parsed;

	assert_non_null(block);
	assert_non_null(whole);
	memcpy(block + 2, f->bytes, shown);
	memcpy(whole + 1, f->bytes, size);
	parsed = parse_both_ways(&frame);
	free(block);
	free(whole);
	return parsed;
}

/* SIZE bytes that have no Ethernet header; the first buffer has some of them, or all. */
static __u32 parse_without_ethernet(const __u8 *bytes, size_t size)
{
	__u32 parsed = 0;

	for (size_t shown = size > 80 ? size : 0; shown <= size; shown++) {
		char *block = malloc(shown + 1);
		struct ff_frame frame = {
			.data = block, .data_end = block + shown, .whole = bytes, .bytes = size, .no_ethernet = true};
		__u32 again;

		assert_non_null(block);
		memcpy(block, bytes, shown);
		again = parse_both_ways(&frame);
		if (shown > 0 && size <= 80)
			assert_int_equal(again, parsed);
		parsed = again;
		free(block);
	}
	return parsed;
}

static __u32 parse(const struct fixture *f, size_t size)
{
	return parse_shown(f, size, size);
}

/* That F is one of the frames which the shortcut knows, and its CLASS. */
static void expect_plain(const struct fixture *f, unsigned int class)
{
	struct ff_frame frame;
	char *block = malloc(2 + f->size);

	assert_non_null(block);
	memcpy(block + 2, f->bytes, f->size);
	frame = (struct ff_frame){.data = block + 2, .data_end = block + 2 + f->size, .bytes = f->size};
	assert_int_equal(ff_class_plain(&frame), class);
	free(block);
}

static void expect_class(const struct fixture *f, size_t size, unsigned int class)
{
	unsigned int got = parse(f, size) & FF_CLASS_MASK;

	if (got == class)
		return;
	print_message("%zu of these %zu bytes:\n", size, f->size);
	for (size_t i = 0; i < f->size && i < 256; i++)
		print_message("%02x%s", f->bytes[i], i % 16 == 15 ? "\n" : " ");
	print_message("\n");
	assert_int_equal(got, class);
}

static unsigned int class_of_cut(const struct fixture *f, size_t size)
{
	if (size < f->ethernet_end)
		return FF_RUNT;
	if (size < f->headers_end)
		return FF_MALFORMED;
	return size < f->flags_end ? f->cut_class : f->class;
}

/* The frame, and every beginning of it; and the frame in two buffers, however much is in the first. */
static void expect_cuts(const struct fixture *f)
{
	__u32 parsed = parse(f, f->size);

	for (size_t size = 0; size <= f->size; size++) {
		expect_class(f, size, class_of_cut(f, size));
		assert_int_equal(parse_shown(f, size, f->size), parsed);
	}
}

static void test_all_flags_in_all_stacks(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int i = 0; put_each(&f, i); i++) {
		for (unsigned int flags = 0; flags < 512; flags++) {
			f.bytes[f.tcp + 12] = flags * 37; /* data offset and reserved bits: they do not matter */
			set_flags(&f, flags);
			expect_class(&f, f.size, flags);
			if (i % STACKS == 0 || i % STACKS == IPV4_STACKS)
				expect_plain(&f, flags);
		}
	}
}

static void test_says_where_headers_are(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int i = 0; put_each(&f, i); i++) {
		__u32 parsed = parse(&f, f.size);

		assert_int_equal(parsed >> FF_IP_SHIFT & FF_IP_MASK, f.ip);
		assert_true(parsed & FF_IP_FOUND);
		assert_int_equal(parsed >> FF_TCP_SHIFT & FF_TCP_MASK, f.tcp);
	}
}

static void test_cut_anywhere(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int i = 0; put_each(&f, i); i++) {
		set_flags(&f, 0x003);
		expect_cuts(&f);
	}
}

/* Sets all bytes behind the datagram to FILLER, or to something that changes from byte to byte. */
static void fill_behind(struct fixture *f, size_t end, int filler)
{
	for (size_t i = end; i < f->size; i++)
		f->bytes[i] = filler < 0 ? rand() : filler;
}

/*
 * For every IP length, also one that is larger than the frame: what stands behind it changes nothing. A length of 0
 * reaches to the frame's end, as segmentation offload (GSO, BIG TCP) means it.
 */
static void test_any_ip_length(void **state)
{
	static const int filler[] = {0x00, 0xff, 0x02, 0x06, -1};
	struct fixture f;

	(void)state;
	srand(1);
	for (unsigned int stack = 0; stack < STACKS; stack++)
		for (size_t length = 0; length < 150; length++)
			for (unsigned int i = 0; i < COUNT(filler); i++) {
				unsigned int class = 0x003;
				size_t end;

				put_stack(&f, stack, stack % COUNT(tagging));
				set_flags(&f, class);
				put(&f, 20);
				set_ip_length(&f, length);
				end = length ? f.ip + (stack < IPV4_STACKS ? 0 : 40) + length : f.size;
				/* the IPv4 header is what says where it ends */
				fill_behind(&f, stack < IPV4_STACKS && end < f.headers_end ? f.headers_end : end,
					    filler[i]);
				if (end < f.headers_end)
					class = FF_MALFORMED;
				else if (end < f.flags_end)
					class = FF_TRUNCATED;
				expect_class(&f, f.size, class);
			}
}

/* With a length of 0 the datagram ends where the frame does, wherever that is. */
static void test_length_0_cut_anywhere(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int i = 0; put_each(&f, i); i++) {
		set_flags(&f, 0x003);
		set_ip_length(&f, 0);
		expect_cuts(&f);
		assert_int_equal(parse(&f, f.size) >> FF_TCP_SHIFT & FF_TCP_MASK, f.tcp);
		assert_int_equal(parse(&f, f.tcp + 3) >> FF_TCP_SHIFT & FF_TCP_MASK, 0);
	}
}

/* An exemption looks at the ports: those of a datagram that ends before them would be padding. */
static void test_no_ports_behind_ip_length(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int stack = 0; stack < STACKS; stack++)
		for (size_t left = 0; left < TCP_SIZE; left++) {
			put_stack(&f, stack, 0);
			if (stack == IPV4_STACKS && !left)
				continue; /* a length of 0 reaches to the frame's end */
			set_ip_length(&f, f.tcp - f.ip - (stack < IPV4_STACKS ? 0 : 40) + left);
			assert_int_equal(parse(&f, f.size) >> FF_TCP_SHIFT & FF_TCP_MASK, left < 4 ? 0 : f.tcp);
		}
}

static void test_extension_chains(void **state)
{
	static const __u8 length[] = {0, 1, 3};
	struct fixture f;

	(void)state;
	for (unsigned int count = 1; count <= 11; count++)
		for (unsigned int start = 0; start < COUNT(extension) * COUNT(length); start++) {
			size_t eighth = 0;

			put_link(&f, start % COUNT(tagging), IPV6);
			put_ipv6(&f, TCP);
			for (unsigned int i = 0; i < count; i++) {
				put_extension(&f, extension[(start + i * (1 + start / 5)) % COUNT(extension)],
					      length[(start + i) % COUNT(length)]);
				if (i == 7)
					eighth = f.size;
			}
			put_tcp(&f, 0x1c2);
			if (count > 8) { /* the eighth is still stepped over, and nothing behind it matters */
				f.headers_end = eighth;
				f.flags_end = 0;
				f.class = FF_IPV6_EXTHDR;
			}
			expect_cuts(&f);
		}
}

/* Eight headers, each as long as its type allows. */
static void test_longest_chain(void **state)
{
	struct fixture f;

	(void)state;
	put_link(&f, COUNT(tagging) - 1, IPV6);
	put_ipv6(&f, TCP);
	for (unsigned int i = 0; i < 8; i++)
		put_extension(&f, DEST, 255);
	put_tcp(&f, 0x1ff);
	assert_int_equal(f.tcp, 14 + 4 * 4 + 40 + 8 * 2048);
	expect_class(&f, f.size, 0x1ff);
	assert_int_equal(parse(&f, f.size) >> FF_TCP_SHIFT & FF_TCP_MASK, f.tcp);
	for (size_t cut = f.flags_end - 3; cut <= f.size; cut++)
		expect_class(&f, cut, class_of_cut(&f, cut));
	expect_class(&f, f.headers_end - 1, FF_MALFORMED);
	for (size_t shown = 0; shown < f.size; shown += shown < 100 ? 1 : 97)
		assert_int_equal(parse_shown(&f, shown, f.size), parse(&f, f.size));
}

/* The last header before something that is not TCP must be whole, too. */
static void test_extension_before_non_tcp(void **state)
{
	static const __u8 last[] = {UDP, ESP, ICMPV6, NONE, 4, 41, 47, 135, 255};
	struct fixture f;

	(void)state;
	for (unsigned int i = 0; i < COUNT(last); i++)
		for (unsigned int type = 0; type < COUNT(extension); type++) {
			put_link(&f, 0, IPV6);
			put_ipv6(&f, last[i]);
			put_extension(&f, extension[type], 2);
			put(&f, 30);
			end_ip(&f);
			expect_cuts(&f);
		}
}

static void test_ipv4_fragments(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int bits = 0; bits < 0x10000; bits++) { /* reserved, DF, MF, 13 bits of offset */
		unsigned int offset = bits & 0x1fff;

		put_link(&f, 0, IPV4);
		put_ipv4(&f, 0, TCP);
		put_tcp(&f, 0x003);
		put16(&f, f.ip + 6, bits);
		expect_class(&f, f.size, !offset ? 0x003 : offset == 1 ? FF_TINY_FRAGMENT : FF_FRAGMENT);
		f.bytes[f.next_at] = UDP;
		expect_class(&f, f.size, FF_NON_TCP);
	}
}

/* A first fragment, of every length and cut anywhere: tiny if it ends before the flags. */
static void test_tiny_first_fragments(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int stack = 0; stack < STACKS; stack++) {
		if (stack >= IPV4_STACKS && stack != STACKS - 1)
			continue; /* of the IPv6 stacks only the last one has a fragment header */
		put_stack(&f, stack, stack % COUNT(tagging));
		set_flags(&f, 0x010);
		put16(&f, stack < IPV4_STACKS ? f.ip + 6 : f.next_at + 2, stack < IPV4_STACKS ? 0x2000 : 0x0001);
		f.cut_class = FF_TINY_FRAGMENT;
		expect_cuts(&f);
		for (size_t left = 0; left <= TCP_SIZE; left++) {
			set_ip_length(&f, f.tcp + left - f.ip - (stack < IPV4_STACKS ? 0 : 40));
			expect_class(&f, f.size, left < 14 ? FF_TINY_FRAGMENT : 0x010);
		}
	}
}

static void test_ipv6_fragments(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int bits = 0; bits < 0x10000; bits++) { /* 13 bits of offset, two reserved, more fragments */
		unsigned int offset = bits >> 3;

		put_link(&f, 0, IPV6);
		put_ipv6(&f, TCP);
		put_extension(&f, FRAGMENT, 0);
		put_tcp(&f, 0x003);
		put16(&f, f.next_at + 2, bits);
		expect_class(&f, f.size, !offset ? 0x003 : offset == 1 ? FF_TINY_FRAGMENT : FF_FRAGMENT);
		f.bytes[f.next_at] = UDP;
		expect_class(&f, f.size, FF_NON_TCP);
	}
}

/*
 * First fragments whose datagram ends anywhere in the chain, with a fragment header in any place of it: tiny from there
 * on. What the frame has behind the datagram does not matter; nor that the frame ends there as well.
 */
static void test_ipv6_first_fragment_ends_in_chain(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int place = 0; place < 8; place++)
		for (unsigned int more = 0; more < 2; more++) {
			size_t payload, fragment_end = 0;

			put_link(&f, place % COUNT(tagging), IPV6);
			put_ipv6(&f, TCP);
			for (unsigned int i = 0; i < 8; i++) {
				put_extension(&f, i == place ? FRAGMENT : extension[(i + place) % 4], i % 3);
				if (i == place) {
					put16(&f, f.next_at + 2, more);
					fragment_end = f.size;
				}
			}
			put_tcp(&f, 0x003);
			payload = f.ip + 40;
			for (size_t end = payload; end < f.headers_end; end++) {
				bool tiny = more && end >= fragment_end;

				set_ip_length(&f, end - payload);
				if (end == payload) /* a length of 0 reaches to the frame's end */
					expect_class(&f, f.size, 0x003);
				else
					expect_class(&f, f.size, tiny ? FF_TINY_FRAGMENT : FF_MALFORMED);
				expect_class(&f, end, tiny ? FF_TINY_FRAGMENT : FF_MALFORMED);
			}
			end_ip(&f); /* the datagram goes on, and only the frame ends */
			for (size_t end = payload; end < f.headers_end; end++)
				expect_class(&f, end, FF_MALFORMED);
		}
}

/* Eight whole headers, and a ninth that is announced and would follow in the next fragment. */
static void test_ipv6_first_fragment_ends_before_ninth(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int type = 0; type < COUNT(extension); type++) {
		put_link(&f, 0, IPV6);
		put_ipv6(&f, extension[type]);
		put_extension(&f, FRAGMENT, 0);
		put16(&f, f.next_at + 2, 1);
		for (unsigned int i = 0; i < 7; i++)
			put_extension(&f, DEST, 0);
		f.class = FF_IPV6_EXTHDR;
		expect_class(&f, f.size, FF_IPV6_EXTHDR);
	}
}

/* Nothing of what is announced is there, and it is neither TCP nor an extension header. */
static void test_ipv6_first_fragment_of_something_else(void **state)
{
	static const __u8 next[] = {UDP, ESP, ICMPV6, NONE, 4, 41, 47, 135, 255};
	struct fixture f;

	(void)state;
	for (unsigned int i = 0; i < COUNT(next); i++) {
		put_link(&f, 0, IPV6);
		put_ipv6(&f, next[i]);
		put_extension(&f, FRAGMENT, 0);
		put16(&f, f.next_at + 2, 1);
		put_extension(&f, DEST, 1);
		expect_class(&f, f.size, FF_NON_TCP);
	}
}

/* What a later fragment's datagram carries is unknown if an extension header comes first in it. */
static void test_ipv6_later_fragment_of_extension(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int type = 0; type < COUNT(extension); type++)
		for (unsigned int before = 0; before < COUNT(extension); before++)
			for (unsigned int offset = 1; offset < 4; offset++) {
				put_link(&f, 0, IPV6);
				put_ipv6(&f, extension[type]);
				put_extension(&f, extension[before], 1);
				put_extension(&f, FRAGMENT, 0);
				put16(&f, f.next_at + 2, offset << 3 | (offset & 1));
				put(&f, 24);
				end_ip(&f);
				f.class = FF_FRAGMENT;
				expect_cuts(&f);
			}
}

/* Fragment headers may stand anywhere in the chain, and any of them makes it a fragment. */
static void test_ipv6_fragment_header_in_chain(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int place = 0; place < 8; place++)
		for (unsigned int more = 0; more < 2; more++) {
			put_link(&f, 0, IPV6);
			put_ipv6(&f, TCP);
			for (unsigned int i = 0; i < 8; i++) {
				put_extension(&f, i == place ? FRAGMENT : i % 2 ? AH : DEST, 1);
				if (i == place)
					put16(&f, f.next_at + 2, more);
			}
			put_tcp(&f, 0x012);
			f.cut_class = more ? FF_TINY_FRAGMENT : FF_TRUNCATED;
			expect_cuts(&f);
		}
}

static void test_contradictions(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int version = 0; version < 16; version++) {
		put_stack(&f, 0, 0);
		f.bytes[f.ip] = version << 4 | 5;
		expect_class(&f, f.size, version == 4 ? 0x002 : FF_MALFORMED);
		put_stack(&f, IPV4_STACKS, 0);
		f.bytes[f.ip] = version << 4 | 5;
		expect_class(&f, f.size, version == 6 ? 0x002 : FF_MALFORMED);
	}
	for (unsigned int ihl = 0; ihl < 16; ihl++) /* contradicts itself, or the total length of 40 */
		for (unsigned int protocol = TCP; protocol <= UDP; protocol += UDP - TCP) {
			unsigned int behind = protocol == TCP ? FF_TRUNCATED : FF_NON_TCP;

			put_stack(&f, 0, 0);
			f.bytes[f.ip] = 0x40 | ihl;
			f.bytes[f.next_at] = protocol;
			expect_class(&f, f.ip + 20, ihl == 5 ? behind : FF_MALFORMED);
			if (ihl < 5 || ihl > 10)
				expect_class(&f, f.size, FF_MALFORMED);
		}
	for (size_t length = 1; length < 20; length++) { /* shorter than the header, whatever is in it */
		put_link(&f, 0, IPV4);
		put_ipv4(&f, 0, UDP);
		put(&f, 30);
		set_ip_length(&f, length);
		expect_class(&f, f.size, FF_MALFORMED);
	}
}

/* Every protocol number behind IPv4 and IPv6, cut anywhere. */
static void test_protocols(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int protocol = 0; protocol < 256; protocol++) {
		if (protocol == TCP)
			continue;
		put_link(&f, 1, IPV4);
		put_ipv4(&f, 8, protocol); /* an AH, too: IPv4 has no chain that is stepped over */
		put(&f, 20);
		end_ip(&f);
		expect_cuts(&f);
		if (memchr(extension, protocol, sizeof(extension)))
			continue;
		put_link(&f, 1, IPV6);
		put_ipv6(&f, protocol);
		put(&f, 20);
		end_ip(&f);
		expect_cuts(&f);
	}
}

static void test_ethertypes(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int tags = 0; tags < COUNT(tagging); tags++)
		for (unsigned int type = 0; type < 0x10000; type++) {
			unsigned int class = FF_NON_IP;

			if (type == IPV4 || type == IPV6)
				class = FF_MALFORMED; /* nothing behind it */
			else if (type == CTAG || type == STAG)
				class = tagging[tags].depth < 4 ? FF_RUNT : FF_VLAN_DEPTH;
			put_link(&f, tags, type);
			expect_class(&f, f.size, class);
		}
	for (unsigned int tags = 0; tags < COUNT(tagging); tags++) {
		put_link(&f, tags, 0x0806);
		put(&f, 46);
		expect_cuts(&f);
	}
}

/* Four tags, of any kind in any order, are stepped over; a fifth is too many, be it whole or not. */
static void test_tags(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int depth = 0; depth <= 7; depth++)
		for (unsigned int kinds = 0; kinds < 1u << depth; kinds++) {
			put_ethernet(&f, IPV4);
			for (unsigned int i = 0; i < depth; i++)
				put_tag(&f, kinds >> i & 1 ? STAG : CTAG);
			put_ipv4(&f, 0, TCP);
			put_tcp(&f, 0x003);
			if (depth > 4) {
				f.ethernet_end = 14 + 4 * 4;
				f.headers_end = f.flags_end = 0;
				f.class = FF_VLAN_DEPTH;
			}
			expect_cuts(&f);
		}
}

/* The same stacks, from the IP header on, and every beginning of them: a frame that is empty is a runt. */
static void test_without_ethernet(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned int stack = 0; stack < STACKS; stack++) {
		put_stack(&f, stack, 0);
		for (unsigned int flags = 0; flags < 512; flags++) {
			__u32 parsed;

			set_flags(&f, flags);
			parsed = parse_without_ethernet(f.bytes + f.ip, f.size - f.ip);
			assert_int_equal(parsed & FF_CLASS_MASK, flags);
			assert_true(parsed & FF_IP_FOUND);
			assert_int_equal(parsed >> FF_IP_SHIFT & FF_IP_MASK, 0);
			assert_int_equal(parsed >> FF_TCP_SHIFT & FF_TCP_MASK, f.tcp - f.ip);
		}
		for (size_t size = f.ip; size <= f.size; size++)
			assert_int_equal(parse_without_ethernet(f.bytes + f.ip, size - f.ip) & FF_CLASS_MASK,
					 size == f.ip ? (unsigned int)FF_RUNT : class_of_cut(&f, size));
	}
}

/* Whatever the first byte, and however much like Ethernet the rest: the version alone says what follows. */
static void test_without_ethernet_the_version_counts(void **state)
{
	struct fixture f;

	(void)state;
	put_stack(&f, 0, 0);
	put16(&f, f.ip + 12, IPV4); /* source 8.0.69.x: where Ethernet has its type, and the next header's version */
	f.bytes[f.ip + 14] = 0x45;
	set_flags(&f, 0x003);
	assert_int_equal(parse_without_ethernet(f.bytes + f.ip, f.size - f.ip) & FF_CLASS_MASK, 0x003);
	for (unsigned int byte = 0; byte < 256; byte++) {
		__u32 parsed;

		f.bytes[f.ip] = byte;
		parsed = parse_without_ethernet(f.bytes + f.ip, f.size - f.ip);
		assert_int_equal(!(parsed & FF_IP_FOUND), byte >> 4 != 4 && byte >> 4 != 6);
		if (!(parsed & FF_IP_FOUND))
			assert_int_equal(parsed, FF_NON_IP);
	}
	assert_int_equal(parse_without_ethernet(f.bytes, 0), FF_RUNT);
}

/*
 * Linux takes off tags of no VLAN, whatever their priority. A bit of a VLAN's number, or what does not follow such a
 * tag, and it is none: above all IPv6 with a flow label that looks like one.
 */
static void test_without_ethernet_a_tag_is_one_too_many(void **state)
{
	static const unsigned int tpid[] = {CTAG, STAG};
	struct fixture f;

	(void)state;
	for (unsigned int stack = 0; stack < STACKS; stack++) {
		size_t type_at;

		put_stack(&f, stack, 1);
		for (unsigned int priority = 0; priority < 16; priority++) {
			put16(&f, 14, priority << 12);
			assert_int_equal(parse_without_ethernet(f.bytes + 14, f.size - 14), FF_VLAN_DEPTH);
			for (unsigned int bit = 0; bit < 12; bit++) {
				put16(&f, 14, priority << 12 | 1u << bit);
				assert_int_not_equal(parse_without_ethernet(f.bytes + 14, f.size - 14), FF_VLAN_DEPTH);
			}
		}
		for (unsigned int tags = 3; tags < COUNT(tagging); tags++) {
			put_stack(&f, stack, tags);
			type_at = 16;
			put16(&f, 14, 0x6000);
			put16(&f, 18, 0x2000);
			for (unsigned int i = 0; i < COUNT(tpid); i++) {
				put16(&f, type_at, tpid[i]);
				assert_int_equal(parse_without_ethernet(f.bytes + 14, f.size - 14), FF_VLAN_DEPTH);
			}
			put16(&f, type_at + 4, 0x0806); /* ARP: then these are no two tags */
			assert_int_not_equal(parse_without_ethernet(f.bytes + 14, f.size - 14), FF_VLAN_DEPTH);
		}
	}
	for (unsigned int label = 0; label < 0x10000; label++) {
		put_link(&f, 0, IPV6);
		put_ipv6(&f, TCP);
		put_tcp(&f, 0x003);
		put16(&f, f.ip, 0x6000);
		put16(&f, f.ip + 2, label);
		assert_int_equal(parse_without_ethernet(f.bytes + f.ip, f.size - f.ip) & FF_CLASS_MASK, 0x003);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_flags_in_all_stacks),
		cmocka_unit_test(test_without_ethernet),
		cmocka_unit_test(test_without_ethernet_the_version_counts),
		cmocka_unit_test(test_without_ethernet_a_tag_is_one_too_many),
		cmocka_unit_test(test_says_where_headers_are),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_any_ip_length),
		cmocka_unit_test(test_length_0_cut_anywhere),
		cmocka_unit_test(test_no_ports_behind_ip_length),
		cmocka_unit_test(test_extension_chains),
		cmocka_unit_test(test_longest_chain),
		cmocka_unit_test(test_extension_before_non_tcp),
		cmocka_unit_test(test_ipv4_fragments),
		cmocka_unit_test(test_tiny_first_fragments),
		cmocka_unit_test(test_ipv6_fragments),
		cmocka_unit_test(test_ipv6_first_fragment_ends_in_chain),
		cmocka_unit_test(test_ipv6_first_fragment_ends_before_ninth),
		cmocka_unit_test(test_ipv6_first_fragment_of_something_else),
		cmocka_unit_test(test_ipv6_later_fragment_of_extension),
		cmocka_unit_test(test_ipv6_fragment_header_in_chain),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_ethertypes),
		cmocka_unit_test(test_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
