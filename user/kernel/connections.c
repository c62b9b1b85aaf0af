/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/connections.h"

#include "base/cleanup.h"
#include <errno.h>
#include <string.h>

#define TCP_ESTABLISHED 1

/* The remote address of a line of /proc/net/tcp{,6} as KEY: words in hexadecimal, each in this host's byte order. */
static bool parse_line(const char *line, struct heavy_key *key)
{
	static const __u8 v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned int word[4], state;
	char remote[33];
	int words;

	if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%*x %32[0-9A-Fa-f]:%*x %x", remote, &state) != 2 ||
	    state != TCP_ESTABLISHED)
		return false;
	words = sscanf(remote, "%8x%8x%8x%8x", &word[0], &word[1], &word[2], &word[3]);
	memset(key, 0, sizeof(*key));
	key->family = words == 1 ? 4 : 6;
	if (words == 4 && !memcmp(word, v4_mapped, sizeof(v4_mapped))) {
		key->family = 4;
		word[0] = word[3];
	}
	memcpy(key->bytes, word, key->family == 4 ? 4 : 8); /* of IPv6, the /64 */
	return true;
}

static int mark(const char *path, const struct heavy_entry *entry, unsigned int entries, bool *connected)
{
	_cleanup_file_ FILE *file = fopen(path, "re");
	struct heavy_key key;
	char line[512];

	if (!file)
		return errno == ENOENT ? 0 : -errno; /* a kernel without IPv6 */
	while (fgets(line, sizeof(line), file))
		for (unsigned int i = 0; parse_line(line, &key) && i < entries; i++)
			connected[i] |= !memcmp(&key, &entry[i].key, sizeof(key));
	return ferror(file) ? -EIO : 0;
}

int connections_count(const struct heavy_entry *entry, unsigned int entries)
{
	bool connected[HEAVY_ENTRIES] = {};
	int error = mark("/proc/self/net/tcp", entry, entries, connected), count = 0;

	if (!error)
		error = mark("/proc/self/net/tcp6", entry, entries, connected);
	for (unsigned int i = 0; i < entries; i++)
		count += connected[i];
	return error ? error : count;
}
