#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs a command where the kernel has no seccomp filters to give, as in a container that forbids them.

usage: tests/cli/no_seccomp.py COMMAND...
"""

import ctypes
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
SECCOMP, PRCTL = {"x86_64": (317, 157), "aarch64": (277, 167)}[platform.machine()]
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, EPERM = 0x7FFF0000, 0x00050001

program = b"".join(struct.pack("HBBI", *instruction) for instruction in (
    (LOAD, 0, 0, 0),  # the number of the system call
    (EQUAL, 4, 0, SECCOMP),
    (EQUAL, 0, 2, PRCTL),
    (LOAD, 0, 0, 16),  # its first argument
    (EQUAL, 1, 0, PR_SET_SECCOMP),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, EPERM),
))
libc = ctypes.CDLL(None, use_errno=True)
code = ctypes.create_string_buffer(program)
descriptor = ctypes.create_string_buffer(struct.pack("HP", len(program) // 8, ctypes.addressof(code)))
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, FILTER, descriptor, 0, 0):
    sys.exit(os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
