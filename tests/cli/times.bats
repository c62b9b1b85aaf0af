#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # output, stderr and lines are what run sets
#
# The times of frames in captures, of every kind that the formats have, or none; what they are is told by date. No root.

bats_require_minimum_version 1.5.0

ROOT="$BATS_TEST_DIRNAME/../.."
FLAGFILTER="${FLAGFILTER:-$ROOT/build/flagfilter}"
PYTHON=/usr/bin/python3

# make PYTHON: a capture that pcap(FRAME...), or pcapng(BLOCK...) of interface() and packets, writes.
make() {
	CAPTURE=$BATS_TEST_TMPDIR/capture
	"$PYTHON" -B - "$1" >"$CAPTURE" <<-'PY'
		import struct, sys
		E = "<"
		frame = bytes.fromhex("020000000005" "02000000000a" "0800" "4500002800010000400600" "00c0000201c0000202"
		                      "03e800500000000100000000" "5003040000000000")
		def pcap(*times, magic=0xa1b2c3d4, extra=b""):
		    yield struct.pack(E + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
		    for seconds, part in times:
		        yield struct.pack(E + "IIII", seconds, part, len(frame), len(frame)) + extra + frame
		def block(kind, body):
		    body += bytes(-len(body) % 4)
		    return struct.pack(E + "II", kind, len(body) + 12) + body + struct.pack(E + "I", len(body) + 12)
		def section():
		    return block(0x0a0d0d0a, struct.pack(E + "IHHq", 0x1a2b3c4d, 1, 0, -1))
		def interface(resolution=None, offset=None, link=1, snaplen=65535):
		    options = b""
		    if resolution is not None:
		        options += struct.pack(E + "HHB3x", 9, 1, resolution)
		    if offset is not None:
		        options += struct.pack(E + "HHq", 14, 8, offset)
		    return block(1, struct.pack(E + "HHI", link, 0, snaplen) + options + (options and bytes(4)))
		def enhanced(units, number=0):
		    return block(6, struct.pack(E + "IIIII", number, units >> 32, units & 0xffffffff, len(frame), len(frame)) + frame)
		def old(units, number=0):
		    return block(2, struct.pack(E + "HHIIII", number, 0, units >> 32, units & 0xffffffff, len(frame), len(frame)) + frame)
		def simple():
		    return block(3, struct.pack(E + "I", len(frame)) + frame)
		def pcapng(*blocks):
		    return (section(), *blocks)
		*before, capture = sys.argv[1].split("; ")
		exec("\n".join(before))
		sys.stdout.buffer.write(b"".join(eval(capture)))
	PY
}

summary() { "$FLAGFILTER" --json replay --summary "$CAPTURE"; }

# told FIRST [LAST]: seconds since 1970, with a fraction if there is one, in JSON and in text, for the frames and for whom
# they came from.
told() {
	local first last
	first=$(date -u -d "@$1" +%Y-%m-%dT%T.%3NZ) last=$(date -u -d "@${2:-$1}" +%Y-%m-%dT%T.%3NZ)
	summary | jq -e --arg first "$first" --arg last "$last" \
		'[.frames, .illegal, .sources[0]] | all(.first == $first and .last == $last)' || {
		echo "expected $first to $last; $(summary)"
		return 1
	}
	[ "$("$FLAGFILTER" replay --summary "$CAPTURE" | grep -c "$first to $last")" -eq 2 ]
}

# no_time FRAMES: null in JSON, and "without a time" in text.
no_time() {
	summary | jq -e --argjson frames "$1" '.frames.packets == $frames
		and ([.frames, .illegal, .sources[0], .sources[0].looks_like[0]] | all(has("first") and .first == null and .last == null))'
	run -0 "$FLAGFILTER" replay --summary "$CAPTURE"
	[[ $output == *" frame"*", without a time"* && $output != *1970* ]]
}

@test "pcap: seconds have no sign, in either byte order, of micro- and nanoseconds" {
	local second
	for second in 0 1 2147483647 2147483648 4294967295; do
		make "pcap(($second, 5000))"
		told "$second.005"
		make "E = '>'; pcap(($second, 5000))"
		told "$second.005"
		make "pcap(($second, 999999999), magic=0xa1b23c4d)"
		told "$second.999999999"
		make "pcap(($second, 999999), magic=0xa1b2cd34, extra=bytes(8))"
		told "$second.999999"
	done
	make "pcap((4294967295, 0), (1, 0), (2147483648, 0))"
	told 1 4294967295
	make "pcap((5, 4294967295))" # no fraction; but what it says
	told 4299.967295
}

@test "pcapng: units of any power of ten, or of two, and an offset" {
	make "pcapng(interface(), enhanced(2147483648123456))"
	told 2147483648.123456
	make "E = '>'; pcapng(interface(9, -5), enhanced(4294967296123456789))"
	told 4294967291.123456789
	make "pcapng(interface(0), enhanced(253402300800))" # the year 10000
	told 253402300800
	make "pcapng(interface(3), enhanced(1700000000123))"
	told 1700000000.123
	make "pcapng(interface(12), enhanced(1700000123456789012))"
	told 1700000.123456789
	make "pcapng(interface(19), enhanced(18446744073709551615))"
	told 1.844674407
	make "pcapng(interface(20, 1700000000), enhanced(18446744073709551615))"
	told 1700000000.184467440
	make "pcapng(interface(40, 1700000000), enhanced(18446744073709551615))"
	told 1700000000
	make "pcapng(interface(127, 1700000000), enhanced(18446744073709551615))"
	told 1700000000
	make "pcapng(interface(0x80), enhanced(1700000000))"
	told 1700000000
	make "pcapng(interface(0x80 | 10), enhanced(1700000000 << 10 | 512))"
	told 1700000000.5
	make "pcapng(interface(0x80 | 32), enhanced(1700000000 << 32 | 1 << 30))"
	told 1700000000.25
	make "pcapng(interface(0x80 | 63, 1700000000), enhanced(3 << 62))"
	told 1700000001.5
	make "pcapng(interface(0x80 | 64, 1700000000), enhanced(3 << 62))"
	told 1700000000.75
	make "pcapng(interface(0x80 | 66, 1700000000), enhanced(1 << 63))"
	told 1700000000.125
	make "pcapng(interface(0xff, 1700000000), enhanced(18446744073709551615))"
	told 1700000000
}

@test "pcapng: before 1970, and as far as years are numbers" {
	make "pcapng(interface(offset=-1700000000), enhanced(250000))"
	told -1699999999.75
	make "pcapng(interface(offset=-100000000000), enhanced(0))" # before Christ there are negative years
	summary | jq -e '.frames.first == "-1199-02-15T14:13:20.000Z"'
	make "pcapng(interface(0), enhanced(67767976233532799))"
	summary | jq -e '.frames.first == "2147483647-12-31T23:59:59.000Z"'
	for units in 67768036191676800 18446744073709551615 9223372036854775808; do
		make "pcapng(interface(0), enhanced($units))"
		no_time 1
	done
	make "pcapng(interface(0, 9223372036854775807), enhanced(9223372036854775807))"
	no_time 1
	make "pcapng(interface(0, -9223372036854775808), enhanced(1))"
	no_time 1
	make "pcapng(interface(0, -9223372036854775808), enhanced(9223372036854775807))"
	told -1
}

@test "pcapng: a frame without a time has none, and is no frame of 1970" {
	make "pcapng(interface(), simple(), simple())"
	no_time 2
	make "pcapng(interface(9, 1700000000), simple())"
	no_time 1
	make "pcapng(interface(), simple(), enhanced(1700000000000000), simple(), old(1700000003000000), simple())"
	told 1700000000 1700000003
	summary | jq -e '.frames.packets == 5'
	make "pcapng(interface(), enhanced(0))"
	told 0
}

@test "pcapng: interfaces and sections with resolutions, offsets, snap lengths and byte orders of their own" {
	make "pcapng(interface(6), interface(9, 10, snaplen=100), enhanced(1700000000000000), enhanced(1700000000000000000, 1))"
	told 1700000000 1700000010
	make "pcapng(interface(0), enhanced(1700000000), section(), interface(3), enhanced(1700000005000))"
	told 1700000000 1700000005
	make "little = b''.join(pcapng(interface(0), enhanced(1700000000))); E = '>'; [little, *pcapng(interface(0), enhanced(1700000007))]"
	told 1700000000 1700000007
	make "pcapng(interface(0), interface(0, link=113), enhanced(1700000000))"
	told 1700000000
}
