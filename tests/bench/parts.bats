#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The benchmark measures all of its parts, or says so and fails; its page and its picture are whole.

bats_require_minimum_version 1.5.0

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
PYTHON=/usr/bin/python3

# A build of links, so that results of a run that somebody made stay.
setup() {
	BUILD=$BATS_TEST_TMPDIR/build
	mkdir -p "$BUILD/bench" "$BATS_TEST_TMPDIR/docs"
	ln -s "$ROOT/build/flagfilter" "$BUILD/"
	cp -s "$ROOT"/build/bench/* "$BUILD/bench/" 2>/dev/null || true
	rm -f "$BUILD"/bench/results.*
}

need_to_measure() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	[ -x "$ROOT/build/bench/toggle" ] || skip "not built: make bench-build"
	[ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
	command -v taskset ethtool >/dev/null || skip "taskset or ethtool is not installed"
}

bench() { "$PYTHON" "$ROOT/tests/bench/bench.py" "$@" --build "$BUILD"; }

# report PYTHON...: with report.py at hand, and the figures that are published.
report() {
	"$PYTHON" -B - "$@" <<-PY
		import json, sys
		from pathlib import Path
		sys.path.insert(0, "$ROOT/tests/bench")
		import report
		results = json.loads(Path("$ROOT/docs/performance.json").read_text())
		$(cat)
	PY
}

@test "flips are measured: the product's, bare stores, and when the next packet sees them" {
	need_to_measure
	bench run --parts toggle
	jq -e '.missing == [] and .toggle.by_product.flips_per_s > 0 and .toggle.by_store.flips_per_s > 0
		and ([.toggle.by_product, .toggle.by_store, .toggle.by_test_run] | all(.misjudged == 0))
		and .toggle.latency.first_new_us.count > 0 and (.toggle.rule_command | length > 0)' "$BUILD/bench/results.json"
}

@test "a part that cannot be measured makes the run fail, and is named" {
	need_to_measure
	printf '#!/bin/sh\nkill -SEGV $$\n' >"$BATS_TEST_TMPDIR/broken"
	chmod +x "$BATS_TEST_TMPDIR/broken"
	ln -sf "$BATS_TEST_TMPDIR/broken" "$BUILD/bench/toggle"
	run -1 bench run --parts toggle
	[[ $output == *"Missing: toggle: "* ]]
}

@test "what is not installed makes the run fail, too" {
	need_to_measure
	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in ip sh ethtool true; do ln -s "$(command -v "$tool")" "$BATS_TEST_TMPDIR/bin/"; done
	PATH=$BATS_TEST_TMPDIR/bin run -1 bench run --quick --parts replay
	[[ $output == *"Missing: tcpdump: not installed"* ]]
}

@test "every row off the hot path is measured, by what the frame is and what is asked for" {
	need_to_measure
	bench run --quick --parts testrun >"$BATS_TEST_TMPDIR/tables"
	jq -e '.quick and .missing == [] and ([.testrun.both[] | .cpu] | unique == [0, 1])' "$BUILD/bench/results.json"
	sed -n '/^Off the hot path/,/^Beside/p' "$BATS_TEST_TMPDIR/tables" >"$BATS_TEST_TMPDIR/rows"
	for what in "1 source" "64 sources" "1,024 sources" "its source is exempt" "its port" "samples" "would be" ARP \
		"UDP, shorter" "ICMP, shorter" "one extension" "four extension" options "first fragment" "later fragment" \
		"three tags" "four tags"; do
		grep -E "$what.* [0-9]+\.[0-9] +[0-9.]+-[0-9.]+ .* (yes|NO)$" "$BATS_TEST_TMPDIR/rows"
	done
}

@test "a page with holes is not published" {
	cp "$ROOT/docs/performance.md" "$BATS_TEST_TMPDIR/docs/"
	report "$BUILD/bench" "$BATS_TEST_TMPDIR/docs" <<-'PY'
		out, docs = (Path(path) for path in sys.argv[1:])
		whole = {**results, "missing": [], **{part: results.get(part, {}) for part in report.TABLES}}
		for hole in [{"missing": ["toggle: exit status -11"]}, {"quick": True}, *({part: None} for part in report.TABLES)]:
		    holed = {key: value for key, value in {**whole, **hole}.items() if value is not None}
		    (out / "results.json").write_text(json.dumps(holed))
		    try:
		        report.write_docs(out, docs)
		        sys.exit(f"published without {hole}")
		    except SystemExit as end:
		        assert "holes" in str(end) and next(iter(hole.get("missing", hole))) in str(end), end
	PY
	cmp "$ROOT/docs/performance.md" "$BATS_TEST_TMPDIR/docs/performance.md"
}

@test "in the picture numbers stand within the frame, and every bar of ours has our colour, and no other" {
	command -v gnuplot >/dev/null || skip "gnuplot is not installed"
	report "$BATS_TEST_TMPDIR" <<-'PY'
		import re
		def check(picture):
		    text = picture.read_text()
		    numbers = re.findall(r'translate\((\d+\.\d+),\d+\.\d+\)"[^>]*text-anchor="start">\s*<text>([\d.]+)</text>', text)
		    assert len(numbers) > 20, numbers
		    for x, number in numbers:
		        assert float(x) + 8 * len(number) <= 805, (x, number)
		    ours = len(re.findall(r"polygon fill = 'rgb\( 31, 111, 180\)'", text))
		    named = len(re.findall(r"<text>flagfilter[^<]*</text>", text))
		    assert ours == named > 5, (ours, named)
		out = Path(sys.argv[1])
		report.write_picture(results, out, out / "now.svg")
		check(out / "now.svg")
		for rounds in results["flood"]["variants"].values():  # one number is far greater than all others
		    for r in rounds:
		        r["cpu_ns"] *= 100
		report.write_picture(results, out, out / "large.svg")
		check(out / "large.svg")
	PY
}
