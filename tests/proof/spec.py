# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What docs/contract.md says of a frame, as terms: sections "Classes", "Rules" and what they say of counting.

To be read beside the document, and written from it alone, not from the parser. All numbers are terms of 64 bits: positions
count from the frame's first byte, and nothing here is ever as large that it would wrap.
"""

import dataclasses

import z3

NAMED = ("non-ip", "non-tcp", "fragment", "tiny-fragment", "truncated", "malformed", "vlan-depth", "ipv6-exthdr", "runt")
CLASS = {name: 512 + i for i, name in enumerate(NAMED)}
CLASSES = 512 + len(NAMED)

IPV4, IPV6, TAGS = 0x0800, 0x86dd, (0x8100, 0x88a8)
HOP_BY_HOP, TCP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 6, 43, 44, 51, 60
EXTENSIONS = (HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION)
TAGS_MAX, HEADERS_MAX = 4, 8
FLAGS_END = 14  # byte 13 of the TCP header is the last that is looked at
PORTS_END = 4


def number(value):
    return z3.BitVecVal(value, 64) if isinstance(value, int) else value


def is_one_of(value, numbers):
    return z3.Or(*(value == n for n in numbers))


class Frame:
    """A frame: LENGTH bytes, of which byte(POSITION) tells one; without an Ethernet header if the condition says so."""

    def __init__(self, byte, length, no_ethernet=None):
        self.byte, self.length = byte, length
        self.no_ethernet = z3.BoolVal(False) if no_ethernet is None else no_ethernet

    def u8(self, at):
        return z3.ZeroExt(56, self.byte(z3.simplify(number(at))))

    def u16(self, at):
        """In network byte order."""
        at = number(at)
        return z3.ZeroExt(48, z3.Concat(self.byte(z3.simplify(at)), self.byte(z3.simplify(at + 1))))

    def has(self, at, size):
        """Whether SIZE bytes from AT on are there."""
        return z3.UGE(self.length, number(at) + size)

    def chain(self, header):
        """What the chain of extension headers that begins with HEADER says. Proofs put something else in this place."""
        ends, reading, following = one_header(self, header)
        return reading if z3.is_true(z3.simplify(ends)) else when(ends, reading, self.chain(following))


@dataclasses.dataclass(frozen=True)
class Reading:
    """A frame's class; where its TCP header is, or 0 if its ports are not in the datagram; where its IP header is, if
    `found`; where its datagram ends by the header's length. The class is what it is judged by, where headers are is for exemptions."""
    kind: object
    tcp: object
    found: object
    ip: object
    end: object


def verdictless(kind):
    return Reading(number(CLASS[kind]), number(0), z3.BoolVal(False), number(0), number(0))


def when(condition, one, other):
    return Reading(*(z3.If(condition, a, b) for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(other))))


def first_of(*cases):
    """The reading of the first case whose condition holds: (condition, reading), ..., reading."""
    *before, reading = cases
    for condition, one in reversed(before):
        reading = when(condition, one, reading)
    return reading


# Ethernet, tags.

def read(frame):
    """The reading of FRAME."""
    return when(frame.no_ethernet, without_ethernet(frame), behind_tags(frame, 0))


def behind_tags(frame, tags):
    end = 14 + 4 * tags
    kind = frame.u16(end - 2)
    more = verdictless("vlan-depth") if tags == TAGS_MAX else behind_tags(frame, tags + 1)
    return first_of(
        (z3.Not(frame.has(0, end)), verdictless("runt")),
        (is_one_of(kind, TAGS), more),
        (kind == IPV4, ipv4(frame, end)),
        (kind == IPV6, ipv6(frame, end)),
        verdictless("non-ip"))


def cases(frame):
    """All frames, sorted by their tags and what is behind them: a proof is quicker case by case."""
    yield frame.no_ethernet
    tagged = [z3.Not(frame.no_ethernet)]
    for tags in range(TAGS_MAX + 1):
        kind = frame.u16(12 + 4 * tags)
        for expected in (IPV4, IPV6):
            yield z3.And(*tagged, kind == expected)
        yield z3.And(*tagged, z3.Not(is_one_of(kind, (IPV4, IPV6, *TAGS))))
        tagged.append(is_one_of(kind, TAGS))
    yield z3.And(*tagged)


def begins_with_tag(frame):
    """A tag of no VLAN, which Linux takes off where there is no Ethernet header, too: 16 bits that name VLAN 0, the type of
    what follows, and that: an IP header of this type's version, or such a tag again, with a type that is judged."""
    no_vlan, kind, version = frame.u16(0) & 0xfff == 0, frame.u16(2), frame.u8(4) >> 4
    again = z3.And(is_one_of(kind, TAGS), frame.u16(4) & 0xfff == 0, is_one_of(frame.u16(6), (IPV4, IPV6, *TAGS)))
    return z3.And(frame.has(0, 8), no_vlan,
                  z3.Or(z3.And(kind == IPV4, version == 4), z3.And(kind == IPV6, version == 6), again))


def without_ethernet(frame):
    """Such a frame begins with the IP header. Any tag is one too many."""
    version = frame.u8(0) >> 4
    return first_of(
        (z3.Not(frame.has(0, 1)), verdictless("runt")),
        (begins_with_tag(frame), verdictless("vlan-depth")),
        (version == 4, ipv4(frame, 0)),
        (version == 6, ipv6(frame, 0)),
        verdictless("non-ip"))


# IP.

def datagram_length(frame, at, length):
    """LENGTH is what the IP header says, counted from AT; 0 means: to the end of the frame."""
    return z3.If(length == 0, frame.length - at, length)


def with_ip_at(at, end, reading):
    return dataclasses.replace(reading, found=z3.BoolVal(True), ip=number(at), end=end)


def ipv4(frame, at):
    version, header = frame.u8(at) >> 4, (frame.u8(at) & 15) * 4
    total = datagram_length(frame, at, frame.u16(at + 2))
    more_fragments, offset = frame.u8(at + 6) & 0x20 != 0, frame.u16(at + 6) & 0x1fff
    malformed = z3.Or(z3.Not(frame.has(at, 20)), version != 4, z3.ULT(header, 20), z3.ULT(total, header),
                      z3.Not(frame.has(at, header)))
    return with_ip_at(at, at + frame.u16(at + 2), first_of(
        (malformed, verdictless("malformed")),
        (frame.u8(at + 9) != TCP, verdictless("non-tcp")),
        (offset == 1, verdictless("tiny-fragment")),
        (offset != 0, verdictless("fragment")),
        tcp(frame, at + header, total - header, more_fragments)))


def ipv6(frame, at):
    left = datagram_length(frame, at + 40, frame.u16(at + 4))
    kind = frame.u8(at + 6)
    return with_ip_at(at, z3.If(frame.u16(at + 4) == 0, number(0), at + 40 + frame.u16(at + 4)), first_of(
        (z3.Or(z3.Not(frame.has(at, 40)), frame.u8(at) >> 4 != 6), verdictless("malformed")),
        (is_one_of(kind, EXTENSIONS), frame.chain(Header(number(at + 40), kind, left, z3.BoolVal(False), number(0)))),
        (kind != TCP, verdictless("non-tcp")),
        tcp(frame, number(at + 40), left, z3.BoolVal(False))))


# Extension headers.

@dataclasses.dataclass(frozen=True)
class Header:
    """An extension header of type `kind` at `at`, with `left` bytes of the datagram from there on, behind `seen` others.
    `first`: a fragment header before it said that this is the first fragment of several."""
    at: object
    kind: object
    left: object
    first: object
    seen: object


def one_header(frame, header):
    """Whether the chain ends with HEADER, what it says then, and otherwise the header that follows."""
    at, is_fragment = header.at, header.kind == FRAGMENT
    offset, more = frame.u16(at + 2) & 0xfff8, frame.u8(at + 3) & 1 != 0
    following, length = frame.u8(at), frame.u8(at + 1)
    size = z3.If(is_fragment, number(8), z3.If(header.kind == AUTHENTICATION, (length + 2) * 4, (length + 1) * 8))
    first = z3.Or(header.first, z3.And(is_fragment, more))
    # A datagram that ends inside its chain; TCP may be behind the rest of it, in another fragment.
    cut = when(header.first, verdictless("tiny-fragment"), verdictless("malformed"))
    later = first_of(
        (z3.And(following == TCP, offset == 8), verdictless("tiny-fragment")),
        (z3.Or(following == TCP, is_one_of(following, EXTENSIONS)), verdictless("fragment")),
        verdictless("non-tcp"))
    cases = (
        (z3.ULT(header.left, 8), cut),
        (z3.Not(frame.has(at, 8)), verdictless("malformed")),
        (z3.And(is_fragment, offset != 0), later),
        (z3.ULT(header.left, size), cut),
        (z3.Not(frame.has(at, size)), verdictless("malformed")),
        (following == TCP, tcp(frame, at + size, header.left - size, first)),
        (z3.Not(is_one_of(following, EXTENSIONS)), verdictless("non-tcp")),
        (header.seen == HEADERS_MAX - 1, verdictless("ipv6-exthdr")))
    return (z3.Or(*(condition for condition, _ in cases)), first_of(*cases, verdictless("ipv6-exthdr")),
            Header(at + size, following, header.left - size, first, header.seen + 1))


# TCP.

def tcp(frame, at, left, first_fragment):
    """The segment at AT, of which LEFT bytes are in the datagram. Its flags: byte 12 bit 0, then byte 13."""
    flags = frame.u16(at + 12) & 0x1ff
    cut = z3.If(first_fragment, number(CLASS["tiny-fragment"]), number(CLASS["truncated"]))
    kind = z3.If(z3.And(z3.UGE(left, FLAGS_END), frame.has(at, FLAGS_END)), flags, cut)
    return Reading(kind, z3.If(z3.UGE(left, PORTS_END), at, number(0)), z3.BoolVal(False), number(0), number(0))


# Exemptions.

def destination_port(frame, reading):
    """Whether the destination port is known, and the port."""
    return z3.And(reading.tcp != 0, frame.has(reading.tcp, PORTS_END)), frame.u16(reading.tcp + 2)


def source(frame, reading):
    """Whether the source is known, its family, and the sixteen bytes of its address: the first four are an IPv4 address."""
    four = frame.u8(reading.ip) >> 4 == 4
    known = z3.And(reading.found, reading.kind != CLASS["malformed"],
                   frame.has(reading.ip, z3.If(four, number(20), number(40))))
    address = [z3.If(four, frame.u8(reading.ip + 12 + i) if i < 4 else number(0), frame.u8(reading.ip + 8 + i))
               for i in range(16)]
    return known, z3.If(four, number(4), number(6)), address


# Counting.

PASS, MONITOR, DROP, DROP_UNLESS_EXEMPT = range(4)
SILENT, SAMPLE = 0x8000, 0x4000
FATE_DROP, FATE_PASS = 1, 2
RULES_COUNTED = 128


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What becomes of a frame, each a condition: it is dropped; counted as passed, by its class; counted under the rule as
    dropped, as would-drop, as exempted; nothing at all is counted, for another program does."""
    dropped: object
    passed: object
    would_drop: object
    exempted: object
    silent: object


def judge(verdict, exempt):
    """VERDICT is the table's word: what to do, and whether what passes is counted elsewhere. EXEMPT is asked for only by
    DROP_UNLESS_EXEMPT."""
    action = z3.LShR(verdict, 8) & 0x3f
    spared = z3.And(action == DROP_UNLESS_EXEMPT, exempt)
    dropped = z3.And(z3.UGE(action, DROP), z3.Not(spared))
    silent = z3.And(z3.Not(dropped), verdict & SILENT != 0)
    passed = z3.And(z3.Not(dropped), z3.Not(silent))
    return Judgement(dropped, passed, z3.And(passed, action == MONITOR), z3.And(passed, spared), silent)
