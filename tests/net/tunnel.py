#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A tunnel of tuns: what is sent into one comes out of the other. Ends when it is killed, and the tuns with it.

    tunnel.py NAMESPACE INTERFACE NAMESPACE INTERFACE [TYPE]

TYPE is the hardware type that both pretend to have (ARPHRD_*), which says nothing of their frames.
"""

import ctypes
import fcntl
import os
import select
import struct
import sys

TUNSETIFF, TUNSETLINK = 0x400454CA, 0x400454CD
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
FRAME_MAX = 65536
LIBC = ctypes.CDLL(None, use_errno=True)


def make_tun(namespace, interface, arphrd):
    with open(f"/run/netns/{namespace}", "rb") as netns:
        if LIBC.setns(netns.fileno(), CLONE_NEWNET):  # os.setns() came with Python 3.12
            raise OSError(ctypes.get_errno(), namespace)
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH14x", interface.encode(), IFF_TUN | IFF_NO_PI))
    if arphrd is not None:
        fcntl.ioctl(tun, TUNSETLINK, arphrd)
    return tun


def main():
    arphrd = int(sys.argv[5]) if len(sys.argv) > 5 else None
    one, other = (make_tun(*sys.argv[i:i + 2], arphrd) for i in (1, 3))
    print("ready", flush=True)
    while True:
        for tun in select.select([one, other], [], [])[0]:
            frame = os.read(tun, FRAME_MAX)
            try:
                os.write(other if tun == one else one, frame)
            except OSError:  # it is down
                pass


main()
