/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What there is to say about a frame beside its verdict, found by the program's own parser. */
#ifndef PACKET_PACKET_H
#define PACKET_PACKET_H

#include "flagfilter.h"
#include <stddef.h>

struct packet {
	__u16 class;
	__u8 family;		   /* 4 or 6; 0: no addresses to be seen, and nothing below counts */
	bool ports;		   /* they can be seen */
	__u8 source[16], dest[16]; /* network byte order; an IPv4 address fills the first four */
	__u16 source_port, dest_port;
	bool has_header;  /* all of TCP's 20 bytes are there, and: */
	__u16 window;	  /* as it stands in the header */
	bool has_options; /* TCP's */
};

/*
 * Of a frame of SIZE bytes at DATA, with any alignment, as far as they are there. NO_ETHERNET: it begins with the IP
 * header.
 */
void packet_parse(struct packet *packet, const void *data, size_t size, bool no_ethernet);

/* "192.0.2.1", "2001:db8::1". Returns BUFFER. */
#define PACKET_ADDRESS_SIZE 48
const char *packet_address(__u8 family, const __u8 address[16], char buffer[PACKET_ADDRESS_SIZE]);

/* "192.0.2.1:40000 > 192.0.2.2:80", "[2001:db8::1]:40000 > [2001:db8::2]:80", or without what cannot be seen. Returns
 * BUFFER. */
#define PACKET_SIZE 128
const char *packet_format(const struct packet *packet, char buffer[PACKET_SIZE]);

#endif
