#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What follows from the contract itself, whatever program keeps it: P4, that what must not matter does not; and P6, that no
fragments which the preset `default` lets pass put together a segment whose flags it drops. Speaks TAP.

usage: lemmas.py
"""

import dataclasses
import sys

import z3

import spec


def bits(name):
    return z3.BitVec(name, 64)


def frame_of(name, length, byte=None):
    frame = spec.Frame(byte or z3.Function(f"byte of {name}", z3.BitVecSort(64), z3.BitVecSort(8)), length)
    return frame


def unsatisfiable(*conditions):
    solver = z3.Solver()
    solver.set("timeout", 240000)
    solver.add(*conditions)
    return solver.check() == z3.unsat


def satisfiable(*conditions):
    solver = z3.Solver()
    solver.add(*conditions)
    return solver.check() == z3.sat


def alike(one, other, *places):
    """The two frames have the same bytes there; (position, mask) for some bits of one."""
    return [one.u8(at) & mask == other.u8(at) & mask for at, mask in
            ((place if isinstance(place, tuple) else (place, 0xff)) for place in places)]


def same_reading(one, other):
    return z3.And(*(a == b for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(other))))


# P4. Each step of the contract reads these bytes and no others: if two frames agree on them, it says the same of both, though
# they differ anywhere else: addresses, checksums, identification, TCI, data offset, ports, and all behind the datagram.

def step_tcp():
    """Nothing but byte 12 bit 0 and byte 13, and only if both are in the datagram."""
    at, left, first = bits("at"), bits("left"), z3.Bool("first")
    one, other = frame_of("one", bits("length")), frame_of("other", bits("other length"))
    small = [z3.ULT(value, 1 << 32) for value in (at, left, one.length, other.length)]
    inside = z3.Implies(z3.UGE(left, 14), z3.And(*alike(one, other, (at + 12, 1), at + 13)))
    reach = z3.And(z3.UGE(one.length, at + left), z3.UGE(other.length, at + left))
    return unsatisfiable(*small, inside, reach,
                         z3.Not(same_reading(spec.tcp(one, at, left, first), spec.tcp(other, at, left, first))))


def step_header():
    """Of an extension header the first two bytes, and of a fragment header the two after these."""
    header = spec.Header(bits("at"), bits("kind"), bits("left"), z3.Bool("first"), bits("seen"))
    one, other = frame_of("one", bits("length")), frame_of("other", bits("other length"))
    small = [z3.ULT(value, 1 << 32) for value in (header.at, header.left, one.length, other.length)]
    small += [z3.ULT(header.kind, 256), z3.ULT(header.seen, 8)]
    agree = alike(one, other, header.at, header.at + 1)
    agree += [z3.Implies(header.kind == spec.FRAGMENT, z3.And(*alike(one, other, header.at + 2, header.at + 3)))]
    reach = z3.And(*(z3.UGE(frame.length, header.at + header.left) for frame in (one, other)))
    after = spec.one_header(one, header)[2]
    agree += [z3.Implies(z3.UGE(after.left, 14), z3.And(*alike(one, other, (after.at + 12, 1), after.at + 13)))]
    results = [spec.one_header(frame, header) for frame in (one, other)]
    equal = [results[0][0] == results[1][0], z3.Implies(results[0][0], same_reading(results[0][1], results[1][1]))]
    equal += [z3.Implies(z3.Not(results[0][0]), z3.And(*(a == b for a, b in zip(dataclasses.astuple(results[0][2]),
                                                                               dataclasses.astuple(results[1][2])))))]
    return unsatisfiable(*small, *agree, reach, z3.Not(z3.And(*equal)))


def step_ip():
    """Of an IPv4 header the version and length, the total length, the fragment bits and the protocol; of an IPv6 header the
    version, the payload length and the next header."""
    good = True
    for version, step, places in ((4, spec.ipv4, (0, 2, 3, (6, 0x3f), 7, 9)), (6, spec.ipv6, ((0, 0xf0), 4, 5, 6))):
        for at in (0, 14, 18, 22, 26, 30):
            one, other = frame_of("one", bits("length")), frame_of("other", bits("other length"))
            for frame in (one, other):
                chain = z3.Function("chain", *[z3.BitVecSort(64)] * 4)
                # The chain is the same for both by step_header; TCP by step_tcp.
                frame.chain = lambda header, chain=chain: spec.Reading(
                    chain(header.at, header.kind, header.left), spec.number(0), z3.BoolVal(False), spec.number(0), spec.number(0))
            size = (one.u8(at) & 15) * 4 if version == 4 else spec.number(40)
            length = one.u16(at + 2) if version == 4 else one.u16(at + 4) + 40
            agree = alike(one, other, *((at + place[0], place[1]) if isinstance(place, tuple) else at + place
                                        for place in places))
            agree += alike(one, other, (at + size + 12, 1), at + size + 13)
            small = [z3.ULT(frame.length, 1 << 32) for frame in (one, other)]
            stated = one.u16(at + (2 if version == 4 else 4)) != 0
            reach = [z3.UGE(frame.length, at + length) for frame in (one, other)] + \
                [z3.UGE(frame.length, at + 20) for frame in (one, other)]
            good &= unsatisfiable(*small, *agree, *reach, stated, z3.Not(same_reading(step(one, at), step(other, at))))
    return good


# P6.

def dropped_by_default(kind):
    """The preset default, by docs/contract.md: rules on flags, and the three classes that presets enforce."""
    def rule(value, mask):
        return kind & mask == value
    flags = z3.Or(rule(0x03, 0x03), rule(0x06, 0x06), rule(0x01, 0x11), rule(0, 0x3f))
    return z3.Or(z3.And(z3.ULT(kind, 512), flags),
                 spec.is_one_of(kind, [spec.CLASS[name] for name in ("tiny-fragment", "vlan-depth", "ipv6-exthdr")]))


def fragments_ipv4():
    """Whichever IPv4 fragment brings byte 13 of the segment into the datagram that is put together: if it passes, the byte
    is one that the preset lets pass. So it does not matter how fragments overlap, nor which of two is preferred."""
    length, at = bits("length"), 14
    frame = frame_of("fragment", length)
    header, total = (frame.u8(at) & 15) * 4, frame.u16(at + 2)
    offset, more = (frame.u16(at + 6) & 0x1fff) * 8, frame.u8(at + 6) & 0x20 != 0
    whole = [z3.ULT(length, 1 << 32), z3.UGE(length, at + total), z3.UGE(header, 20), z3.UGE(total, header),
             frame.u8(at) >> 4 == 4, frame.u8(at + 9) == spec.TCP, z3.Or(more, offset != 0)]
    brings = [z3.ULE(offset, 13), z3.UGT(offset + total - header, 13)]
    byte = frame.u8(at + header + 13 - offset)
    passes = z3.Not(dropped_by_default(spec.ipv4(frame, at).kind))
    return unsatisfiable(*whole, *brings, passes, dropped_by_default(byte)) and satisfiable(*whole, *brings, passes)


def fragments_ipv6():
    """The first fragment of an IPv6 datagram, met at any header of its chain: if the chain ends there and the frame passes,
    then what follows is not TCP, or byte 13 of the segment is in this fragment, and one that the preset lets pass. Overlaps are
    the receiver's to discard."""
    header = spec.Header(bits("at"), bits("kind"), bits("left"), z3.Bool("first"), bits("seen"))
    frame = frame_of("fragment", bits("length"))
    small = [z3.ULT(value, 1 << 32) for value in (header.at, header.left, frame.length)]
    small += [spec.is_one_of(header.kind, spec.EXTENSIONS), z3.ULT(header.seen, 8)]
    whole = z3.UGE(frame.length, header.at + header.left)
    ends, reading, after = spec.one_header(frame, header)
    passes = z3.Not(dropped_by_default(reading.kind))
    offset = frame.u16(header.at + 2) & 0xfff8
    says_first = z3.And(header.kind == spec.FRAGMENT, z3.UGE(header.left, 8), frame.u8(header.at + 3) & 1 != 0)
    first = z3.And(z3.Or(header.first, says_first), z3.Implies(header.kind == spec.FRAGMENT, offset == 0))
    not_tcp = z3.And(z3.Not(spec.is_one_of(after.kind, (spec.TCP, *spec.EXTENSIONS))), reading.kind == spec.CLASS["non-tcp"])
    judged = z3.And(after.kind == spec.TCP, z3.UGE(after.left, 14),
                    reading.kind & 0xff == frame.u8(after.at + 13), z3.Not(dropped_by_default(frame.u8(after.at + 13))))
    given = [*small, whole, first, ends, passes]
    return unsatisfiable(*given, z3.Not(z3.Or(not_tcp, judged))) and satisfiable(*given)


def offset_eight_ipv6():
    """A later fragment of a datagram whose fragment header announces TCP, that overlaps the segment's flags, never passes."""
    header = spec.Header(bits("at"), spec.number(spec.FRAGMENT), bits("left"), z3.Bool("first"), bits("seen"))
    frame = frame_of("fragment", bits("length"))
    small = [z3.ULT(value, 1 << 32) for value in (header.at, header.left, frame.length)]
    offset = frame.u16(header.at + 2) & 0xfff8
    _, reading, _ = spec.one_header(frame, header)
    return unsatisfiable(*small, z3.UGE(header.left, 8), frame.has(header.at, 8), frame.u8(header.at) == spec.TCP,
                         offset != 0, z3.ULE(offset, 13), z3.Not(dropped_by_default(reading.kind)))


def main():
    lemmas = (("P4: TCP is judged by its nine flag bits alone", step_tcp),
              ("P4: an extension header by its type, length and fragment bits", step_header),
              ("P4: an IP header by version, lengths, fragment bits and protocol", step_ip),
              ("P6: IPv4 fragments that pass put together no segment that is dropped", fragments_ipv4),
              ("P6: an IPv6 first fragment that passes shows the flags, or is not TCP", fragments_ipv6),
              ("P6: an IPv6 fragment behind a TCP header's flags alone passes", offset_eight_ipv6))
    results = [(name, lemma()) for name, lemma in lemmas]
    for number, (name, good) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} {name}")
    return 0 if all(good for _, good in results) else 1


if __name__ == "__main__":
    sys.exit(main())
