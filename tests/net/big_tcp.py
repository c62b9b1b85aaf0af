#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""big_tcp.py INTERFACE: lets TCP send segments of more than 64 KiB there, over IPv4 (Linux 6.3) and IPv6 (5.19).

Debian 12's ip knows only the latter.
"""

import socket
import struct
import sys

LIMIT = 185000  # bytes of one segment
RTM_NEWLINK, REQUEST_ACK = 16, 5
GSO_MAX_SIZE, GSO_IPV4_MAX_SIZE = 41, 63


def main():
    attributes = b"".join(struct.pack("=HHI", 8, kind, LIMIT) for kind in (GSO_MAX_SIZE, GSO_IPV4_MAX_SIZE))
    message = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(sys.argv[1]), 0, 0) + attributes
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    netlink.send(struct.pack("=IHHII", 16 + len(message), RTM_NEWLINK, REQUEST_ACK, 1, 0) + message)
    error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
    if error:
        sys.exit(f"{sys.argv[1]}: the kernel says {error}")


if __name__ == "__main__":
    main()
