#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Captures as people have them: of every link type that is judged, of several in a file, packed, and by the tools that
# people have. Fates are those that make_captures.py knows; what tshark reads is the other witness. Needs no root.
#
# shellcheck disable=SC2030,SC2031,SC2086,SC2154 # output, stderr and lines are what run sets; names of types are words

bats_require_minimum_version 1.5.0

ROOT="$BATS_TEST_DIRNAME/../.."
FLAGFILTER="${FLAGFILTER:-$ROOT/build/flagfilter}"
FRAMES="$ROOT/build/tests/frames"
TYPES=(LINUX_SLL LINUX_SLL2 RAW RAW_BSD RAW_OPENBSD IPV4 IPV6 NULL LOOP)

setup_file() {
	local maker="$BATS_TEST_DIRNAME/../frames/make_frames.py"

	mkdir -p "${FRAMES%/*}"
	[[ $FRAMES.expected -nt $maker && $FRAMES.expected -nt $ROOT/docs/contract.md ]] || "$maker" "$FRAMES"
	"$BATS_TEST_DIRNAME/../frames/make_captures.py" "$FRAMES" "$BATS_FILE_TMPDIR"
	ln -s "$FRAMES.pcap" "$BATS_FILE_TMPDIR/ETHERNET.pcap"
	cut -f1-3,8 "$FRAMES.expected" >"$BATS_FILE_TMPDIR/ETHERNET.expected"
}

setup() { cd "$BATS_FILE_TMPDIR" || exit; }

need() { command -v "$1" >/dev/null || skip "$1 is not installed"; }

# agrees EXPECTED...: verdicts on stdin, of frames that are numbered from 1 on, are those expected.
agrees() {
	awk -F'\t' '
		FILENAME != "-" { verdict[++frames] = $2 "\t" $3; next }
		$1 != FNR || (verdict[FNR] != "?\t?" && $2 "\t" $3 != verdict[FNR]) {
			if (differ++ < 10) print "expected " FNR, verdict[FNR] ", got " $0
		}
		END { if (FNR != frames) print FNR " lines for " frames " frames"; exit differ || FNR != frames }
	' "$@" -
}

@test "each link type: every frame of known fate gets its verdict" {
	local type
	for type in "${TYPES[@]}"; do
		[ "$(wc -l <$type.expected)" -gt 5000 ]
		"$FLAGFILTER" replay $type.pcap --verdicts | agrees $type.expected
	done
}

@test "each link type: the report's sums are those of the frames as they are in the file" {
	local type
	for type in "${TYPES[@]}"; do
		grep -v '?' $type.expected >known
		"$FLAGFILTER" --json replay $type.pcap >report
		[ "$(jq .frames.bytes report)" -eq "$(awk -F'\t' '{ sum += $4 } END { print sum }' $type.expected)" ]
		jq -e '.frames.packets == .passed.packets + .dropped.packets and .frames.bytes == .passed.bytes + .dropped.bytes
			and .dropped.packets == ([.rules[].dropped.packets] | add)
			and .dropped.bytes == ([.rules[].dropped.bytes] | add) and .other_link_types == {}' report
		! grep -q '?' $type.expected || continue
		[ "$(jq .dropped.bytes report)" -eq "$(awk -F'\t' '$2 == "drop" { sum += $4 } END { print sum }' $type.expected)" ]
	done
}

@test "each link type: monitored and exempted bytes are those in the file" {
	local type
	cat >policy.yaml <<-EOF
		version: 1
		preset: default
		rules:
		  - {name: syn-fin, mode: monitor}
		exempt:
		  ports: [443]
	EOF
	for type in LINUX_SLL RAW NULL; do
		"$FLAGFILTER" replay $type.pcap --verdicts --policy policy.yaml >verdicts
		"$FLAGFILTER" --json replay $type.pcap --policy policy.yaml >report
		[ "$(jq '[.rules[].would_drop.bytes] | add' report)" -eq \
			"$(paste verdicts $type.expected | awk -F'\t' '$2 == "would-drop" { sum += $7 } END { print sum }')" ]
		[ "$(jq '.passed.bytes' report)" -eq \
			"$(paste verdicts $type.expected | awk -F'\t' '$2 != "drop" { sum += $7 } END { print sum }')" ]
		[ "$(jq '[.rules[].exempted.bytes] | add' report)" -gt 0 ]
	done
}

# tshark puts fragments together by default, and hands IP to whichever version it has; what it cannot read whole it
# shows no flags of. Frames that both read are compared, in the eight flags of byte 13.
@test "each link type: tshark reads the flags that were judged" {
	local type
	need tshark
	for type in "${TYPES[@]}"; do
		nice tshark -r $type.pcap -o ip.defragment:false -o ipv6.defragment:false -T fields -e tcp.flags 2>/dev/null |
			paste - $type.expected | awk -F'\t' -v type=$type '
				$1 ~ /^0x[0-9a-f]+$/ && $2 ~ /^0x/ {
					both++
					if (substr($1, length($1) - 1) != substr($2, 4)) differ++
				}
				END { print type ": " both " read by both, " differ + 0 " differ"; exit both < 3000 || differ }'
	done
}

@test "each link type, packed by gzip: the same, from a file and from a pipe" {
	local type
	for type in ETHERNET "${TYPES[@]}"; do
		gzip -c $type.pcap >$type.pcap.gz
		"$FLAGFILTER" replay $type.pcap.gz --verdicts | agrees $type.expected
	done
	# shellcheck disable=SC2002 # a pipe, not a file
	cat LINUX_SLL.pcap.gz | "$FLAGFILTER" replay - --verdicts | agrees LINUX_SLL.expected
	diff <("$FLAGFILTER" replay --summary LINUX_SLL.pcap | tail -n +2) <("$FLAGFILTER" replay --summary LINUX_SLL.pcap.gz | tail -n +2)
}

@test "the summary of each link type names the same sources as on Ethernet" {
	# 192.0.2.1 and 2001:db8::1 are who sends most of what make_frames.py makes
	local type
	for type in LINUX_SLL LINUX_SLL2 RAW NULL LOOP; do
		"$FLAGFILTER" --json replay --summary $type.pcap >summary
		jq -e '[.sources[:2][].source] | sort == ["192.0.2.1", "2001:db8::/64"]' summary
		[ "$(jq .frames.bytes summary)" -eq "$(awk -F'\t' '{ sum += $4 } END { print sum }' $type.expected)" ]
	done
}

@test "a file of interfaces of many link types, by mergecap; others are counted and not judged" {
	local type
	need mergecap
	for type in ETHERNET LINUX_SLL RAW NULL; do
		editcap -r -F pcapng $type.pcap $type.part 1-500
		head -n 500 $type.expected >$type.head
	done
	editcap -r -F pcapng -T ieee-802-11 ETHERNET.part wlan.part 1-30
	editcap -r -F pcapng -T ppp ETHERNET.part ppp.part 1-7
	mergecap -a -w many.pcapng ETHERNET.part LINUX_SLL.part RAW.part NULL.part
	"$FLAGFILTER" replay many.pcapng --verdicts | agrees ETHERNET.head LINUX_SLL.head RAW.head NULL.head
	mergecap -a -w others.pcapng wlan.part LINUX_SLL.part ppp.part
	"$FLAGFILTER" replay others.pcapng --verdicts >verdicts
	[[ $(head -n 1 verdicts) == $'31\t'* && $(tail -n 1 verdicts) == $'530\t'* ]]
	awk -F'\t' -v OFS='\t' '{ $1 -= 30; print }' verdicts | agrees LINUX_SLL.head
	"$FLAGFILTER" --json replay others.pcapng |
		jq -e '.other_link_types == {"IEEE802_11": 30, "PPP": 7} and .frames.packets == 500
			and .frames.packets == .passed.packets + .dropped.packets'
	"$FLAGFILTER" --json replay others.pcapng --summary |
		jq -e '.other_link_types == {"IEEE802_11": 30, "PPP": 7} and .frames.packets == 500'
	for type in "" --summary; do
		run -0 --separate-stderr "$FLAGFILTER" replay others.pcapng $type
		[[ $output == *$'\nof other link types, not judged'*$'\nPPP '*' 7'$'\nIEEE802_11 '*' 30' && ! $stderr ]]
		run -0 "$FLAGFILTER" replay many.pcapng $type
		[[ $output != *"link type"* ]]
	done
}

@test "a file of nothing but other link types is refused in one line" {
	need mergecap
	local capture
	editcap -r -F pcap -T ieee-802-11 ETHERNET.pcap wlan.pcap 1-30
	editcap -r -F pcapng -T ieee-802-11 ETHERNET.pcap wlan.pcapng 1-30
	for capture in wlan.pcap wlan.pcapng; do
		run -1 --separate-stderr "$FLAGFILTER" replay $capture
		[ "$stderr" = "flagfilter: $capture: link type is IEEE802_11; judged are frames of Ethernet, LINUX_SLL, LINUX_SLL2, RAW, IPV4, IPV6, NULL and LOOP" ]
		[ -z "$output" ]
	done
	editcap -r -F pcapng -T ppp ETHERNET.pcap ppp.pcapng 1-7
	mergecap -a -w neither.pcapng ppp.pcapng wlan.pcapng
	run -1 --separate-stderr "$FLAGFILTER" --json replay neither.pcapng
	[[ $stderr == *": link type is PPP, and others; judged are "* && ! $output ]]
}

@test "sections, each in its byte order, with interfaces, snap lengths, old and simple packets, and blocks of other kinds" {
	need tshark
	/usr/bin/python3 - >sections.pcapng <<-'PY'
		import struct, sys
		ip = bytes.fromhex("450000280001000040063ccdc0000201c6336401" "9c4001bb0000000100000000" "5003200000000000")
		ether, sll = bytes(12) + b"\x08\0" + ip, bytes(14) + b"\x08\0" + ip
		def block(kind, body):
		    body += bytes(-len(body) % 4)
		    return struct.pack(E + "II", kind, len(body) + 12) + body + struct.pack(E + "I", len(body) + 12)
		def interface(link, snaplen):
		    return block(1, struct.pack(E + "HHI", link, 0, snaplen))
		def enhanced(number, frame):
		    return block(6, struct.pack(E + "IIIII", number, 0, 0, len(frame), len(frame)) + frame)
		def old(number, frame):
		    return block(2, struct.pack(E + "HHIIII", number, 0, 0, 0, len(frame), len(frame)) + frame)
		def simple(size, frame):
		    return block(3, struct.pack(E + "I", size) + frame)
		out = sys.stdout.buffer
		for E in "<", ">", "<":
		    out.write(block(0x0a0d0d0a, struct.pack(E + "IHHq", 0x1a2b3c4d, 1, 0, -1)))
		    out.write(block(0xbad, struct.pack(E + "I", 0) + b"custom") + block(0x40000bad, bytes(4)) + block(0x7fff, b"what?"))
		    out.write(interface(1, 54) + interface(113, 0))
		    out.write(enhanced(1, sll) + enhanced(0, ether) + old(1, sll) + simple(2000, ether))
		    out.write(block(5, struct.pack(E + "III", 0, 0, 0)) + interface(101, 65535) + enhanced(2, ip) + old(0, ether))
	PY
	[ "$(tshark -r sections.pcapng -T fields -e tcp.flags 2>/dev/null | grep -c 0x0003)" -eq 18 ]
	[ "$("$FLAGFILTER" replay sections.pcapng --verdicts | grep -c $'\tdrop\tsyn-fin$')" -eq 18 ]
	[ "$("$FLAGFILTER" replay sections.pcapng --verdicts | tail -n 1)" = $'18\tdrop\tsyn-fin' ]
	# not a frame, and not a reason to fail
	head -c 28 sections.pcapng >empty.pcapng
	"$FLAGFILTER" --json replay empty.pcapng | jq -e '.frames.packets == 0'
}

@test "pcap of either byte order, of nanoseconds, with an FCS, of old versions, and of those who changed it" {
	local variant
	need editcap
	editcap -r -F nsecpcap ETHERNET.pcap nano.pcap 1-500
	editcap -r -F modpcap ETHERNET.pcap modified.pcap 1-500
	head -n 500 ETHERNET.expected >ETHERNET.head
	/usr/bin/python3 - <<-'PY'
		import struct
		data = open("nano.pcap", "rb").read()
		head, frames, at = struct.unpack_from("<IHHiIII", data), [], 24
		while at < len(data):
		    frame = struct.unpack_from("<IIII", data, at)
		    frames.append((*frame, data[at + 16:at + 16 + frame[2]]))
		    at += 16 + frame[2]
		def write(name, E="<", magic=0xa1b2c3d4, version=(2, 4), link=1, extra=b"", swap=False):
		    with open(name + ".pcap", "wb") as out:
		        out.write(struct.pack(E + "IHHiIII", magic, *version, 0, 0, 65535, link) + extra)
		        for sec, part, size, wire, frame in frames:
		            sizes = (size + 9, size) if swap else (size, wire)
		            out.write(struct.pack(E + "IIII", sec, 0, *sizes) + frame)
		write("big", ">")
		write("big_nano", ">", 0xa1b23c4d)
		write("fcs", link=1 | 0x24000000)
		write("v2.2", version=(2, 2), swap=True)
		write("v2.3", version=(2, 3))
		write("v2.3_swapped", version=(2, 3), swap=True)
		write("dgux", version=(543, 0), swap=True)
		write("ixia", magic=0x1c0001ab, extra=bytes(4))
		write("ixia_nano", ">", magic=0x1c0001ac, extra=bytes(4))
	PY
	for variant in nano modified big big_nano fcs v2.2 v2.3 v2.3_swapped dgux ixia ixia_nano; do
		"$FLAGFILTER" replay $variant.pcap --verdicts | agrees ETHERNET.head || {
			echo "$variant"
			return 1
		}
	done
}

@test "several members, and zeros behind them, are one gzip file" {
	split -n 3 RAW.pcap third.
	for third in third.*; do gzip -c "$third"; done >members.gz
	gzip -c </dev/null >>members.gz
	"$FLAGFILTER" replay members.gz --verdicts | agrees RAW.expected
	head -c 1000 /dev/zero >>members.gz
	"$FLAGFILTER" replay members.gz --verdicts | agrees RAW.expected
	echo behind >>members.gz
	run -1 --separate-stderr "$FLAGFILTER" replay members.gz
	[[ $stderr == *"the gzip file is damaged" ]]
}

@test "a gzip file that is cut or damaged is told as that, after what was good" {
	local size cut
	gzip -c RAW.pcap >whole.gz
	size=$(stat -c %s whole.gz)
	head -c $((size / 2)) whole.gz >cut.gz
	run -1 --separate-stderr "$FLAGFILTER" --json replay cut.gz
	[[ $stderr =~ ^"flagfilter: cut.gz: broken after frame "([0-9]+)": the gzip file is truncated"$ ]]
	((BASH_REMATCH[1] > 100))
	jq -e ".frames.packets == ${BASH_REMATCH[1]}" <<<"$output"
	head -c $((size - 1)) whole.gz >cut.gz # in the checksum
	run -1 --separate-stderr "$FLAGFILTER" --json replay cut.gz
	[[ $stderr == *": broken after frame $(wc -l <RAW.expected): the gzip file is truncated" ]]
	for cut in 2 5 9 12; do
		head -c $cut whole.gz >cut.gz
		run -1 --separate-stderr "$FLAGFILTER" replay cut.gz
		[ "$stderr" = "flagfilter: cut.gz: not a capture: the gzip file is truncated" ]
	done
	{ head -c $((size - 8)) whole.gz && printf '\1\2\3\4' && tail -c 4 whole.gz; } >damaged.gz # its checksum
	run -1 --separate-stderr "$FLAGFILTER" --json replay damaged.gz
	[[ $stderr == *": broken after frame $(wc -l <RAW.expected): the gzip file is damaged" ]]
	gzip -c "$FRAMES.expected" >text.gz
	run -1 --separate-stderr "$FLAGFILTER" replay text.gz
	[ "$stderr" = "flagfilter: text.gz: not a capture: neither pcap nor pcapng" ]
	# what is inside may be cut, too: then it is that which is told
	head -c 100000 RAW.pcap | gzip -c >inner.gz
	run -1 --separate-stderr "$FLAGFILTER" replay inner.gz
	[[ $stderr == *": the file ends in the midst" ]]
}

@test "what is packed otherwise is named, with what unpacks it" {
	local tool
	for tool in xz bzip2 zstd lz4; do
		command -v $tool >/dev/null || continue
		$tool -c RAW.pcap >packed
		run -1 --separate-stderr "$FLAGFILTER" replay packed
		[[ $stderr == "flagfilter: packed: not a capture: it is compressed: unpack it with \`$tool -dc\`, and replay -" ]]
		$tool -dc packed | "$FLAGFILTER" replay - --verdicts | agrees RAW.expected
	done
	[ -n "$output$stderr" ]
}

@test "a gigabyte packed into one megabyte is read in flat memory" {
	/usr/bin/python3 - <<-'PY'
		import gzip, struct
		frame = struct.pack("<IIII", 0, 0, 60000, 60000) + bytes(60000)
		with gzip.open("bomb.gz", "wb", 9) as out:
		    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
		    for _ in range(2000):
		        out.write(frame)
	PY
	(
		ulimit -v 60000
		"$FLAGFILTER" --json replay bomb.gz
	) | jq -e '.frames == {"packets": 2000, "bytes": 120000000}'
}

# A frame is judged when it is there, packed or not, and not when a buffer is full.
@test "from a pipe, verdicts come with the frames" {
	local pack fd reader
	head -c $((24 + 16 + 20)) RAW.pcap >begin
	for pack in cat "/usr/bin/python3 -uc 'import sys, zlib
z = zlib.compressobj(wbits=31)
sys.stdout.buffer.write(z.compress(sys.stdin.buffer.read()) + z.flush(zlib.Z_SYNC_FLUSH))'"; do
		rm -f fifo out
		mkfifo fifo
		# stdbuf preloads a library, which ASan would refuse to come behind.
		ASAN_OPTIONS=verify_asan_link_order=0 stdbuf -oL "$FLAGFILTER" replay fifo --verdicts >out &
		reader=$!
		exec {fd}<>fifo # does not wait for the reader
		head -c $((24 + 16 + 40)) RAW.pcap | eval "$pack" >&$fd
		for _ in {1..100}; do
			[ -s out ] && break
			sleep 0.1
		done
		[[ $(cat out) == $'1\t'* ]]
		exec {fd}>&-
		wait $reader || true
	done
}
