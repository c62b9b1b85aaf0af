/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "conntrack.h"

bool conntrack_invalid(__u16 flags)
{
	/* tcp_valid_flags of nf_conntrack_proto_tcp.c, which does not look at PSH, ECE, CWR and AE. */
	switch (flags & (FF_FLAGS_FIN | FF_FLAGS_SYN | FF_FLAGS_RST | FF_FLAGS_ACK | FF_FLAGS_URG)) {
	case FF_FLAGS_SYN:
	case FF_FLAGS_SYN | FF_FLAGS_URG:
	case FF_FLAGS_SYN | FF_FLAGS_ACK:
	case FF_FLAGS_RST:
	case FF_FLAGS_RST | FF_FLAGS_ACK:
	case FF_FLAGS_FIN | FF_FLAGS_ACK:
	case FF_FLAGS_FIN | FF_FLAGS_ACK | FF_FLAGS_URG:
	case FF_FLAGS_ACK:
	case FF_FLAGS_ACK | FF_FLAGS_URG:
		return false;
	default:
		return true;
	}
}
