#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sessions of every kind between two real TCP stacks.

sessions.py serve              on port 7000, IPv4 and IPv6, until SIGTERM
sessions.py talk HOST KIND N   N sessions, one after the other; the exit status is 1 unless all of them were as they
                               should be

Kinds:
    short       connect, a line there and a line back, close
    server      the same, and the server closes first
    reset       the client resets in the middle (SO_LINGER 0)
    reset-back  the server does
    half-close  the client shuts down its side, then reads all that the server still has to send
    urgent      a byte of urgent data
    bulk        a megabyte there and back
    refused     to a port where nobody listens
    fastopen    short, with data on the SYN
    abandoned   the client closes with unread data (the kernel resets)
"""

import hashlib
import os
import signal
import socket
import struct
import sys
import threading

PORT = 7000
CLOSED_PORT = 7001
TIMEOUT_S = 20
TCP_FASTOPEN = 23
LINGER_0 = struct.pack("ii", 1, 0)


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            break
        line += byte
    return line


def read_all(connection, limit=None):
    data = bytearray()
    while limit is None or len(data) < limit:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return bytes(data)


def serve_one(connection):
    with connection:
        connection.settimeout(TIMEOUT_S)
        kind = read_line(connection).decode().strip()
        if kind == "bulk":
            data = read_all(connection, 1_000_000)
            connection.sendall(data)
        elif kind == "half-close":
            size = len(read_all(connection))
            connection.sendall(b"%d\n" % size + b"t" * 200_000)
        elif kind == "reset-back":
            connection.sendall(b"soon\n")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        elif kind == "abandoned":
            connection.sendall(b"u" * 100_000)
            read_all(connection)
        elif kind == "server":
            connection.sendall(b"hello\n")
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)
        else:
            connection.sendall(b"hello\n")
            read_all(connection)


def serve_guarded(connection):
    try:
        serve_one(connection)
    except OSError:
        pass  # reset by the other side: some of these sessions are meant to be


def serve():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 64)
    listener.bind(("::", PORT))
    listener.listen(128)
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_guarded, args=(connection,), daemon=True).start()


def open_session(host, kind):
    address = (host, CLOSED_PORT if kind == "refused" else PORT)
    first = kind.encode() + b"\n"
    if kind == "fastopen":
        connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        connection.settimeout(None)  # a socket with a timeout does not block, and a connect in progress is an error
        connection.sendto(first, socket.MSG_FASTOPEN, address)
    else:
        connection = socket.create_connection(address, TIMEOUT_S)
        connection.sendall(first)
    connection.settimeout(TIMEOUT_S)
    return connection


def talk_bulk(connection):
    data = os.urandom(1_000_000)
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    back = read_all(connection, len(data))
    sender.join()
    return hashlib.sha256(back).digest() == hashlib.sha256(data).digest()


def talk_half_close(connection):
    connection.sendall(b"h" * 50_000)
    connection.shutdown(socket.SHUT_WR)
    return read_line(connection) == b"50000\n" and len(read_all(connection)) == 200_000


def talk_reset_back(connection):
    if read_line(connection) != b"soon\n":
        return False
    try:
        return connection.recv(1) is None
    except ConnectionResetError:
        return True


def talk(host, kind):
    try:
        connection = open_session(host, kind)
    except ConnectionRefusedError:
        return kind == "refused"
    with connection:
        if kind == "bulk":
            return talk_bulk(connection)
        if kind == "half-close":
            return talk_half_close(connection)
        if kind == "reset-back":
            return talk_reset_back(connection)
        if kind == "abandoned":
            return len(connection.recv(10)) > 0
        if kind == "urgent":
            connection.send(b"!", socket.MSG_OOB)
        said = read_line(connection) == b"hello\n"
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        if kind == "server":
            said = said and read_all(connection) == b""
        return said


def main():
    if sys.argv[1:] == ["serve"]:
        serve()
    host, kind, count = sys.argv[2], sys.argv[3], int(sys.argv[4])
    for number in range(count):
        if not talk(host, kind):
            sys.exit(f"{kind} session {number + 1} of {count} with {host} was not as it should be")


if __name__ == "__main__":
    main()
