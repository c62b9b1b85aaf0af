/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP flags as people write them. */
#ifndef POLICY_FLAGS_H
#define POLICY_FLAGS_H

#include "flagfilter.h"
#include <stddef.h>

/* The contract's flags by their names alone. */
enum {
	FIN = FF_FLAGS_FIN,
	SYN = FF_FLAGS_SYN,
	RST = FF_FLAGS_RST,
	PSH = FF_FLAGS_PSH,
	ACK = FF_FLAGS_ACK,
	URG = FF_FLAGS_URG,
	ECE = FF_FLAGS_ECE,
	CWR = FF_FLAGS_CWR,
	AE = FF_FLAGS_AE,
	CLASSIC = FIN | SYN | RST | PSH | ACK | URG,
	ECN = ECE | CWR | AE,
};

/*
 * Flags from words ("SYN,FIN", "NONE"; any case), from letters as scapy and Wireshark write them ("SF"; F S R P A U E
 * C, and N for AE), or from a number ("0x03"). "AE" is the word. -EINVAL, and FLAGS as before, for anything else.
 */
int flags_parse(const char *text, __u16 *flags);

/* The one flag that is called WORD, of LENGTH characters (any case), or 0. */
__u16 flags_word(const char *word, size_t length);

/* "VALUE/MASK", both as above. -EINVAL also for a value outside its mask and for an empty mask. */
#define FLAGS_VALUE_SIZE 128 /* of VALUE as text, at most */
int flags_parse_match(const char *text, __u16 *value, __u16 *mask);

/* Words, in the order SYN RST FIN PSH ACK URG ECE CWR AE: "SYN,ACK"; "NONE" for no flag. Returns BUFFER. */
#define FLAGS_SIZE 40
const char *flags_format(__u16 flags, char buffer[FLAGS_SIZE]);

/* Whether Linux' nf_conntrack calls a segment with FLAGS invalid for its flags alone, whatever its connection. */
bool flags_conntrack_invalid(__u16 flags);

#endif
