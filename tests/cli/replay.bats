#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# replay, native engine: against frames whose fate is known from how another library made them. Needs no root.
#
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # $1 is for the inner shell; output, stderr and lines are what run sets

bats_require_minimum_version 1.5.0

ROOT="$BATS_TEST_DIRNAME/../.."
FLAGFILTER="${FLAGFILTER:-$ROOT/build/flagfilter}"
FRAMES="$ROOT/build/tests/frames"

setup_file() {
	local maker="$BATS_TEST_DIRNAME/../frames/make_frames.py"

	mkdir -p "${FRAMES%/*}"
	# .expected is written last: it is there only if all of them are
	[[ $FRAMES.expected -nt $maker && $FRAMES.expected -nt $ROOT/docs/contract.md ]] || "$maker" "$FRAMES"
}

# What $1's verdicts on all frames must be; a frame nobody knows the fate of has "?".
expected_verdicts() {
	awk -F'\t' -v preset="$1" '
		BEGIN { at["default"] = 2; at["strict"] = 4; at["conntrack"] = 6 }
		{ print NR "\t" $at[preset] "\t" $(at[preset] + 1) }' "$FRAMES.expected"
}

# Compares verdicts on stdin, line by line, with what $1 must say. The first that differ are shown.
compare_with_expected() {
	awk -F'\t' -v OFS='\t' '
		NR == FNR { expected[FNR] = $0; frames++; next }
		FNR in expected && expected[FNR] == FNR "\t?\t?" { next }
		$0 != expected[FNR] { if (differ++ < 10) print "expected " expected[FNR] ", got " $0 }
		END { if (FNR != frames) print FNR " lines for " frames " frames"; exit differ || FNR != frames }
	' <(expected_verdicts "$1") -
}

@test "every frame of known fate gets the verdict it must get: default" {
	"$FLAGFILTER" replay "$FRAMES.pcap" --verdicts | compare_with_expected default
}

@test "every frame of known fate gets the verdict it must get: strict" {
	"$FLAGFILTER" replay "$FRAMES.pcap" --preset strict --verdicts | compare_with_expected strict
}

@test "every frame of known fate gets the verdict it must get: conntrack" {
	"$FLAGFILTER" replay "$FRAMES.pcap" --preset conntrack --verdicts | compare_with_expected conntrack
}

@test "among the frames are some of each class that a report has" {
	"$FLAGFILTER" --json replay "$FRAMES.pcap" | jq -r '.not_judged | keys[]' | sort >"$BATS_TEST_TMPDIR/classes"
	[ -s "$BATS_TEST_TMPDIR/classes" ]
	cut -f1 "$FRAMES.expected" | grep -v '^0x\|?' | sort -u | diff - "$BATS_TEST_TMPDIR/classes"
}

@test "the comparison above finds a single wrong verdict" {
	"$FLAGFILTER" replay "$FRAMES.pcap" --verdicts >"$BATS_TEST_TMPDIR/verdicts"
	sed -i '1000s/pass\|drop/would-drop/' "$BATS_TEST_TMPDIR/verdicts"
	run -1 compare_with_expected default <"$BATS_TEST_TMPDIR/verdicts"
	[[ ${lines[0]} == "expected 1000"* ]]
	sed -i '$d;1000s/would-drop/drop/' "$BATS_TEST_TMPDIR/verdicts"
	run -1 compare_with_expected default <"$BATS_TEST_TMPDIR/verdicts"
}

@test "pcapng and standard input say the same as a pcap file" {
	"$FLAGFILTER" replay "$FRAMES.pcap" --verdicts >"$BATS_TEST_TMPDIR/pcap"
	"$FLAGFILTER" replay "$FRAMES.pcapng" --verdicts | cmp - "$BATS_TEST_TMPDIR/pcap"
	"$FLAGFILTER" replay - --verdicts <"$FRAMES.pcap" | cmp - "$BATS_TEST_TMPDIR/pcap"
	# shellcheck disable=SC2002 # a pipe, not a file
	cat "$FRAMES.pcapng" | "$FLAGFILTER" replay --verdicts - | cmp - "$BATS_TEST_TMPDIR/pcap"
}

@test "the report's numbers are the sums of what is known of each frame" {
	local preset
	for preset in default strict conntrack; do
		"$FLAGFILTER" --json replay "$FRAMES-known.pcap" --preset "$preset" >"$BATS_TEST_TMPDIR/report"
		/usr/bin/python3 - "$preset" "$FRAMES.expected" "$BATS_TEST_TMPDIR/report" "$FRAMES-known.pcap" <<-'PYTHON'
			import collections, json, sys

			preset, expected, report, capture = sys.argv[1:]
			column = {"default": 1, "strict": 3, "conntrack": 5}[preset]
			verdicts, rules = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter)
			classes = collections.Counter()
			for line in open(expected):
			    fields = line.rstrip("\n").split("\t")
			    verdict, name, count = fields[column], fields[column + 1], {"packets": 1, "bytes": int(fields[7])}
			    if verdict == "?":
			        continue
			    verdicts["frames"].update(count)
			    verdicts[verdict].update(count)
			    if verdict == "drop":
			        rules[name].update(count)
			    classes[fields[0]] += 1
			report = json.load(open(report))
			zero = {"packets": 0, "bytes": 0}
			assert report["schema"] == 1 and report["engine"] == "native" and report["capture"] == capture, report
			assert report["policy"] == "preset " + preset, report["policy"]
			assert report["frames"] == verdicts["frames"], (report["frames"], verdicts["frames"])
			assert report["passed"] == verdicts["pass"], (report["passed"], verdicts["pass"])
			assert report["dropped"] == verdicts["drop"], (report["dropped"], verdicts["drop"])
			assert set(rules) <= {rule["name"] for rule in report["rules"]}
			for rule in report["rules"]:
			    assert rule["dropped"] == {**zero, **rules[rule["name"]]}, rule
			    assert rule["would_drop"] == rule["exempted"] == zero, rule
			assert report["not_judged"]
			for name, count in report["not_judged"].items():
			    assert count == classes[name], (name, count, classes[name])
		PYTHON
	done
}

@test "a monitored rule would drop, an exemption passes, and both say which rule it was" {
	cat >"$BATS_TEST_TMPDIR/policy.yaml" <<-EOF
		version: 1
		preset: strict
		rules:
		  - name: syn-fin
		    mode: monitor
		  - name: no-syn-ack-rst
		    mode: off
		exempt:
		  ports: [443]
	EOF
	# all_flags() of make_frames.py comes first: frame N has the flags N - 1, and goes to port 443
	"$FLAGFILTER" replay "$FRAMES.pcap" --policy "$BATS_TEST_TMPDIR/policy.yaml" --verdicts >"$BATS_TEST_TMPDIR/verdicts"
	[ "$(sed -n 4p "$BATS_TEST_TMPDIR/verdicts")" = $'4\tpass\tfin-no-ack' ]       # SYN,FIN
	[ "$(sed -n 20p "$BATS_TEST_TMPDIR/verdicts")" = $'20\twould-drop\tsyn-fin' ] # SYN,FIN,ACK
	[ "$(sed -n 9p "$BATS_TEST_TMPDIR/verdicts")" = $'9\tpass\ttcp' ]             # PSH
	[ "$(sed -n 17p "$BATS_TEST_TMPDIR/verdicts")" = $'17\tpass\ttcp' ]           # ACK
	grep -q $'\tdrop\ttiny-fragment$' "$BATS_TEST_TMPDIR/verdicts"
}

@test "--verdicts prints no report, with --json one object a line" {
	"$FLAGFILTER" --json replay "$FRAMES.pcap" --verdicts >"$BATS_TEST_TMPDIR/lines"
	"$FLAGFILTER" replay "$FRAMES.pcap" --verdicts >"$BATS_TEST_TMPDIR/verdicts"
	/usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1]):
    print(*json.loads(line).values(), sep="\t")' "$BATS_TEST_TMPDIR/lines" | cmp - "$BATS_TEST_TMPDIR/verdicts"
}

@test "the report for a person says what was replayed by what, and fits 80 columns" {
	run -0 --separate-stderr "$FLAGFILTER" replay "$FRAMES-known.pcap" --preset strict
	[[ ${lines[0]} == "$FRAMES-known.pcap: preset strict, native engine" ]]
	[[ $output == *no-syn-ack-rst* ]]
	[ -z "$stderr" ]
	[ -z "$(printf '%s\n' "${lines[@]:1}" | awk 'length > 80')" ]
}

# Runs replay on $1, which must fail in one line on stderr that has $2 in it.
expect_failure() {
	run -1 --separate-stderr "$FLAGFILTER" replay "$1"
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ ${stderr_lines[0]} == "flagfilter: $1: "*"$2"* ]]
	[ -z "$output" ]
}

@test "what is no capture fails in one line that says why" {
	expect_failure "$BATS_TEST_TMPDIR/nowhere.pcap" "No such file or directory"
	expect_failure "$BATS_TEST_TMPDIR" "Is a directory"
	: >"$BATS_TEST_TMPDIR/empty"
	expect_failure "$BATS_TEST_TMPDIR/empty" "not a capture: "
	expect_failure "$FRAMES.expected" "not a capture: "
	head -c 23 "$FRAMES.pcap" >"$BATS_TEST_TMPDIR/header"
	expect_failure "$BATS_TEST_TMPDIR/header" "not a capture: "
	{
		head -c 20 "$FRAMES.pcap"
		printf '\151\0\0\0'
	} >"$BATS_TEST_TMPDIR/wlan"
	expect_failure "$BATS_TEST_TMPDIR/wlan" "link type is IEEE802_11; judged are frames of Ethernet, "
}

@test "a FIFO is read to its end" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	cat "$FRAMES.pcap" >"$BATS_TEST_TMPDIR/fifo" &
	"$FLAGFILTER" replay "$BATS_TEST_TMPDIR/fifo" --verdicts | compare_with_expected default
}

@test "a path that is not UTF-8 is no reason to say nothing" {
	local odd="$BATS_TEST_TMPDIR/"$'caf\xe9.pcap'

	cp "$FRAMES-known.pcap" "$odd"
	run -0 "$FLAGFILTER" --json replay "$odd"
	[[ $output == *'caf?.pcap"'* ]]
}

@test "a capture without frames is a report of nothing" {
	head -c 24 "$FRAMES.pcap" >"$BATS_TEST_TMPDIR/none.pcap"
	run -0 "$FLAGFILTER" --json replay "$BATS_TEST_TMPDIR/none.pcap"
	[[ $output == *'"frames":{"packets":0,"bytes":0}'* ]]
	run -0 "$FLAGFILTER" replay --verdicts "$BATS_TEST_TMPDIR/none.pcap"
	[ -z "$output" ]
}

@test "a capture that breaks off is reported up to there, and fails" {
	# the file's header, one frame of 54 bytes, and the beginning of another
	head -c $((24 + 16 + 54 + 16 + 20)) "$FRAMES.pcap" >"$BATS_TEST_TMPDIR/broken.pcap"
	run -1 --separate-stderr "$FLAGFILTER" --json replay "$BATS_TEST_TMPDIR/broken.pcap"
	[[ $output == *'"frames":{"packets":1,"bytes":54}'* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ ${stderr_lines[0]} == "flagfilter: $BATS_TEST_TMPDIR/broken.pcap: broken after frame 1: "* ]]
	run -1 --separate-stderr "$FLAGFILTER" replay --verdicts "$BATS_TEST_TMPDIR/broken.pcap"
	[ "$output" = $'1\tdrop\ttcp-no-flag' ]
	[[ ${stderr_lines[0]} == *": broken after frame 1: "* ]]
	run -1 --separate-stderr "$FLAGFILTER" replay - <"$BATS_TEST_TMPDIR/broken.pcap"
	[[ ${stderr_lines[0]} == "flagfilter: standard input: broken after frame 1: "* ]]
}

@test "a mistake in the arguments is one line and exit status 2" {
	run -2 --separate-stderr "$FLAGFILTER" replay
	run -2 --separate-stderr "$FLAGFILTER" replay "$FRAMES.pcap" --engine warp
	[[ $stderr == *"'warp'"* ]]
	run -2 --separate-stderr "$FLAGFILTER" replay "$FRAMES.pcap" "$FRAMES.pcap"
	run -2 --separate-stderr "$FLAGFILTER" replay "$FRAMES.pcap" --preset strict --policy /dev/null
	run -2 --separate-stderr "$FLAGFILTER" replay "$FRAMES.pcap" --preset lenient
	[[ $stderr == *"'lenient'"* ]]
	[ -z "$output" ]
}

@test "nobody reading on ends it without a word" {
	run -0 --separate-stderr bash -c '"$1" replay "$2" --verdicts | head -n 1' - "$FLAGFILTER" "$FRAMES.pcap"
	[ "$output" = $'1\tdrop\ttcp-no-flag' ]
	[ -z "$stderr" ]
}

@test "a full disk is said, and fails" {
	[ -w /dev/full ] || skip "no /dev/full"
	run -1 --separate-stderr bash -c '"$1" replay "$2" --verdicts >/dev/full' - "$FLAGFILTER" "$FRAMES.pcap"
	[[ $stderr == *"No space left on device"* ]]
	run -1 --separate-stderr bash -c '"$1" --json replay "$2" >/dev/full' - "$FLAGFILTER" "$FRAMES.pcap"
	[[ $stderr == *"No space left on device"* ]]
}

@test "the native engine needs no root" {
	[ "$(id -u)" -eq 0 ] || skip "everything here ran without root already"
	cp "$FLAGFILTER" "$FRAMES-known.pcap" "$BATS_TEST_TMPDIR"
	chmod -R a+rX "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all -- \
		./flagfilter --json replay - <frames-known.pcap
	[[ $output == *'"engine":"native"'* ]]
}
