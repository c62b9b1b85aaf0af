#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What an operator sees of a filter: the flag matrix, what it costs, and `top` on terminals of every size.

bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }
setup() {
	net_setup
	export LC_ALL=C.UTF-8 NO_COLOR=
	SCREEN=$BATS_TEST_TMPDIR/screen TERMINALS=0
}
teardown() {
	for (( ; TERMINALS > 0; TERMINALS--)); do
		t kill-server 2>/dev/null || true
	done
	net_teardown
}

# ---- matrix

# matrix FILTER [ARG...]: of `matrix --json`, by jq.
matrix() { ff --json matrix s0 "${@:2}" | jq -c "$1"; }

# row FLAGS: what the matrix has of a combination of flags: verdict rule passed dropped
row() {
	matrix ".classes[] | select(.flags == \"$1\")
		| [.verdict, .rule, .passed.packets, .dropped.packets] | map(tostring) | join(\" \")" | tr -d '"'
}

@test "matrix has every combination of flags that came in, how often, and what became of it" {
	ff attach s0
	ff rule s0 syn-rst=monitor >/dev/null
	send4 SF,SR,F,S,SAE --count 50
	send6 SF --count 7
	equal "$(row SYN,FIN)" "drop syn-fin 0 17"
	equal "$(row SYN,RST)" "would-drop syn-rst 10 0"
	equal "$(row FIN)" "drop fin-no-ack 0 10"
	equal "$(row SYN)" "pass null 10 0"
	equal "$(row SYN,ACK,ECE)" "pass null 10 0"
	equal "$(matrix '[.classes[] | select(.class == "tcp")] | length')" 5
	equal "$(matrix '.classes[] | select(.flags == "SYN,ACK,ECE").value')" $((0x52))
	equal "$(matrix '.classes[] | select(.flags == "SYN").passed.bytes')" $((10 * 54))
	run -0 ff matrix s0
	grep -Eq '^SYN,FIN +drop +syn-fin +0 +17$' <<<"$output"
	grep -Eq '^SYN,ACK,ECE +pass +- +10 +0$' <<<"$output"
	[ "$(wc -L <<<"$output")" -le 80 ]
}

@test "matrix adds up to what stats has, classes that could not be judged included" {
	# nothing comes between the two commands
	in_s sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	in_a sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	ff attach s0
	send4 SF,S,0 --count 30
	send4 SF --tiny --count 6
	in_a bash -c "echo hello >/dev/udp/$S4/9"
	local stats matrix
	stats=$(ff --json stats s0) matrix=$(ff --json matrix s0)
	jq -en --argjson s "$stats" --argjson m "$matrix" '
		($m.classes | map(.passed.packets) | add) == $s.passed.packets
		and ($m.classes | map(.dropped.packets) | add) == $s.dropped.packets
		and ($m.classes[] | select(.class == "non-tcp").passed.packets) == $s.not_judged["non-tcp"]
		and ($m.classes[] | select(.class == "tiny-fragment").dropped.packets) == 6'
}

@test "matrix shows both verdicts where a change of policy made both occur" {
	ff attach s0
	send4 SF --count 20
	ff rule s0 syn-fin=off >/dev/null
	ff rule s0 fin-no-ack=off >/dev/null
	send4 SF --count 3
	equal "$(row SYN,FIN)" "pass null 3 20"
}

@test "matrix of a filter that has seen nothing says so" {
	in_s sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	in_a sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	ff attach s0
	run -0 ff matrix s0
	[[ $output == *"no frame has come in yet"* ]]
	equal "$(matrix .classes)" "[]"
}

# history KEY [ARG...]: what would have been, of `matrix --json ARG...`
history_of() { matrix ".history.$1 | objects.packets? // ." "${@:2}"; }

@test "matrix --rule: what would this rule have dropped since attach?" {
	ff attach s0
	send4 RAU,SF,SFU,S --count 80
	equal "$(history_of newly_dropped --rule URG/URG)" 20 # RAU passed; SFU is dropped already
	equal "$(history_of dropped --rule URG/URG)" 40
	equal "$(history_of newly_dropped --rule rst-ack-urg)" 20
	equal "$(history_of newly_passed --rule rst-ack-urg)" 0 # it would stand beside the others
	equal "$(matrix '.classes | map(.flags)' --rule rst-ack-urg)" '["RST,ACK,URG"]'
	run -0 ff matrix s0 --rule rst-ack-urg
	[[ ${output//$'\n'/ } == *"would have dropped 20 of "* ]]
	run -0 ff matrix s0 --rule PSH,FIN/PSH,FIN
	[[ ${output//$'\n'/ } == *"nothing would have been dropped"* ]]
	equal "$(count rst-ack-urg dropped)" "-" # it was only a question
}

@test "matrix --policy and --preset: what would they have dropped, let pass, and counted?" {
	local policy=$BATS_TEST_TMPDIR/policy.yaml
	ff attach s0
	send4 RAU,SF,SR,U --count 40
	equal "$(history_of newly_dropped --preset conntrack)" 20 # RAU and U
	equal "$(history_of newly_dropped --preset strict)" 10
	equal "$(history_of dropped --preset conntrack)" 40
	equal "$(history_of newly_passed --preset none)" 20
	printf '%s\n' 'version: 1' 'preset: none' 'rules:' '  - {name: syn-fin, mode: enforce}' \
		'  - {name: no-urgent, flags: URG/URG, mode: monitor}' >"$policy"
	equal "$(history_of newly_dropped --policy "$policy")" 0
	equal "$(history_of newly_passed --policy "$policy")" 10
	equal "$(history_of would_drop --policy "$policy")" 20
	equal "$(history_of at_most --policy "$policy")" false
	run -0 ff matrix s0 --policy "$policy"
	[[ $output == *"would have passed, and were dropped: 10"* && $output == *"only monitored, and passed: 20"* ]]
	echo 'exempt: {ports: [80]}' >>"$policy"
	equal "$(history_of at_most --policy "$policy")" true
	run -0 ff matrix s0 --policy "$policy"
	[[ ${output//$'\n'/ } == *"would have dropped at most 10 "* ]]
}

@test "what is asked must be a rule, and only one question at a time: exit 2" {
	ff attach s0
	run -2 --separate-stderr ff matrix s0 --rule SIN/SIN
	one_line "'SIN/SIN'" "VALUE/MASK"
	run -2 --separate-stderr ff matrix s0 --rule nonsense
	one_line "'nonsense'"
	run -2 --separate-stderr ff matrix s0 --rule SYN/FIN
	one_line
	run -2 --separate-stderr ff matrix s0 --rule URG/URG --preset strict
	one_line
	run -1 --separate-stderr ff matrix a0
	one_line "a0"
}

# ---- what it costs

@test "status --cost counts the packets that came while it looked, and what each took" {
	ff attach s0
	start_flood S --pps 2000
	sleep 0.3
	ff --json status s0 --cost=1 | tee "$SCREEN" >&2
	jq -e '.filters[0].cost | .packets > 1000 and .packets < 3000 and .window_s >= 1 and .window_s < 2
		and .ns_per_packet > 5 and .ns_per_packet < 20000
		and (.cpu_percent - .ns_per_packet * .packets / .window_s / 1e7 | fabs) < 0.0001' "$SCREEN"
	run -0 ff status --cost=0.3 s0
	stop_flood
	grep -Eq '^  cost      [0-9]+ ns a packet, [0-9.e-]+ % of a CPU \([0-9]+ packets in [0-9.]+ s' <<<"$output"
}

@test "status --cost without packets says so, and status alone does not look" {
	in_s sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	in_a sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	ff attach s0
	run -0 ff status s0 --cost 0.1
	[[ $output == *"no packet came in within 0.1"* ]]
	equal "$(ff --json status --cost=0.1 | jq '.filters[0].cost | [.packets, .ns_per_packet, .cpu_percent] == [0, null, 0]')" true
	equal "$(ff --json status s0 | jq '.filters[0] | has("cost")')" false
	run -0 ff status s0
	[[ $output == *"status --cost"* ]]
}

@test "a status --cost that is killed leaves the kernel's statistics off" {
	ff attach s0
	start_in "$SERVER" "$FLAGFILTER" status s0 --cost 60
	sleep 0.3
	kill -KILL "$STARTED"
	wait "$STARTED" || true
	send4 S --count 5
	[ "$(bpftool -j prog show id "$(xdp_id)" | jq '.run_cnt // 0')" -lt 5 ]
	run -2 --separate-stderr ff status s0 --cost=0
	one_line "interval"
}

# ---- top

# t COMMAND...: in the terminal that was made last.
t() { tmux -L "ff-$$-$TERMINALS" -f /dev/null "$@"; }

# new_terminal ARG...: with a tmux server of its own, for one that is told to end takes its time.
new_terminal() {
	need_tools tmux
	TERMINALS=$((TERMINALS + 1))
	t new-session -d "$@" 3>&-
}

# start_top COLUMNSxROWS [ARG...]: in a terminal of that size; a shell there says how it ended.
start_top() {
	new_terminal -x "${1%x*}" -y "${1#*x}" "stty -g >'$BATS_TEST_TMPDIR/before'
		'$FLAGFILTER' --netns $SERVER top ${*:2}; echo status=\$?; stty -g >'$BATS_TEST_TMPDIR/after'; sleep 60"
	wait_until 5 on_screen 'packets/s|mode .* dropped|status='
}

# on_screen REGEX: some line matches now.
on_screen() {
	t capture-pane -p >"$SCREEN"
	grep -Eq "$1" "$SCREEN"
}

# sees REGEX...: each is on the screen within five seconds.
sees() {
	local regex
	for regex; do
		wait_until 5 on_screen "$regex" || {
			echo "no '$regex' on the screen:"
			cat "$SCREEN"
			return 1
		}
	done
}

top_pid() { pgrep -f "^$FLAGFILTER --netns $SERVER top"; }

ended_and_restored() {
	sees "^status=$1"
	wait_until 5 cmp -s "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "top shows what was sent: per interface, per rule, per combination of flags" {
	ff attach s0
	send4 SF,SR,S,SAE --count 400
	send6 F --count 30
	start_top 80x24
	sees '^>s0 +2[0-9][0-9] +0 +230 +0 ' \
		'^>syn-fin +enforce +0 +100 +0' '^ syn-rst +enforce +0 +100 +0' '^ fin-no-ack +enforce +0 +30 +0' \
		'^ SYN,FIN +drop +0 +0 +100 syn-fin' '^ SYN,ACK,ECE +pass +0 +100 +0' '^ FIN +drop +0 +0 +30 fin-no-ack' \
		'^s0  native, exclusive  counting for 00:00:0[0-9]  preset default'
	send4 SF --count 50
	sees '^>syn-fin +enforce +[0-9]+ +150 +0 .*█'
	sees '^>syn-fin +enforce +0 +150 +0' # a second later no more come
	t send-keys q
	ended_and_restored 0
}

@test "top tells the rate at which packets come" {
	local rate
	ff attach s0
	start_top 80x24
	start_flood SF --pps 1000
	sees '^>syn-fin +enforce +([6-9]..|1[0-4]..) '
	sleep 2.2
	on_screen '^>syn-fin'
	stop_flood
	rate=$(awk '$1 == ">syn-fin" { print $3 }' "$SCREEN")
	[ "$rate" -gt 500 ] && [ "$rate" -lt 1500 ]
}

@test "top shows who sends what is dropped, unless somebody else reads samples there" {
	ff attach s0
	start_top 120x40
	start_flood SF --pps 1000
	sees 'top offenders .10 s. +packets/s' "$A4 +([6-9]..|1[0-4]..) .* syn-fin"
	t send-keys q
	ended_and_restored 0
	"$FLAGFILTER" --netns "$SERVER" capture s0 >/dev/null 2>&1 3>&- &
	PROCESSES+=("$!")
	start_top 120x40
	sees '^>syn-fin +enforce +([6-9]..|1[0-4]..) '
	if grep -q "top offenders" "$SCREEN"; then false; fi
	stop_flood
}

@test "a rule is switched from top, after one question" {
	ff attach s0
	send4 SR --count 10
	start_top 80x24 s0
	t send-keys Down m
	sees '^s0: rule syn-rst from enforce to monitor\? y/n'
	equal "$(mode syn-rst)" enforce
	t send-keys n
	sees 'nothing was changed'
	equal "$(mode syn-rst)" enforce
	t send-keys m y
	sees 'rule syn-rst is in mode monitor now' '^>syn-rst +monitor'
	equal "$(mode syn-rst)" monitor
	send4 SR --count 7
	sees '^>syn-rst +monitor +[0-9]+ +10 +7 +█' '^ SYN,RST +would-drop +[0-9]+ +7 +10 syn-rst'
	t send-keys o y
	sees '^>syn-rst +off '
	equal "$(mode syn-rst)" off
	t send-keys e y
	sees '^>syn-rst +enforce '
	equal "$(mode syn-rst)" enforce
	send4 SR --count 5
	equal "$(count syn-rst dropped)" 15
}

@test "top: an answer is to the question that was asked, also if rule or interface have gone meanwhile" {
	in_s ip link add q0 type veth peer name q1
	ff attach q0 >/dev/null
	ff attach s0 --policy "$BATS_TEST_DIRNAME/../../dist/monitor.yaml" >/dev/null
	ff rule s0 add zz SYN,URG/SYN,URG enforce >/dev/null
	start_top 100x30
	sees '^>s0'
	t send-keys Down Down Down Down Down Down Down o
	sees '^s0: rule zz from enforce to off\? y/n'
	ff rule s0 del zz >/dev/null
	sees '^>syn-fin'
	t send-keys y
	sees 's0 has no rule zz any more'
	equal "$(mode syn-fin)" monitor
	t send-keys e
	sees '^s0: rule syn-fin from monitor to enforce\? y/n'
	ff detach s0 >/dev/null
	sees '^>q0'
	t send-keys y
	sees 'not attached to s0'
	equal "$(ff --json rule q0 | jq -r '.rules[] | select(.name == "syn-fin").mode')" enforce
	ff rule q0 syn-fin=monitor >/dev/null
	sees '^>syn-fin +monitor'
}

@test "top fits every size, and follows when it changes" {
	local size
	ff attach --preset conntrack s0
	send4 SF,SR,F,S,A,RAU,SFU,U --count 80
	start_top 80x24
	for size in 120x40 200x60 80x24 40x10 20x6 250x12 80x24; do
		t resize-window -x "${size%x*}" -y "${size#*x}"
		sleep 0.3
		# the first line and the last, whole tables in between, nothing that was wrapped or left over
		sees '^ (rule|interface)'
		t capture-pane -p >"$SCREEN"
		[ "$(wc -l <"$SCREEN")" -le "${size#*x}" ]
		[ "$(wc -L <"$SCREEN")" -le "${size%x*}" ]
		[[ $(head -1 "$SCREEN") == s0* ]]
		tail -1 "$SCREEN" | grep -Eq '^\? help.*(quit|rule|off|monitor|enforce|pause|by order)$' # no key is cut
		[ "$(grep -c '^>s0' "$SCREEN")" -eq 1 ]
		[ "$(grep -c '^>syn-fin' "$SCREEN")" -eq 1 ]
		[ "${size#*x}" -lt 40 ] || [ "$(grep -cE '^.(syn-|fin-|tcp-|tiny|vlan|ipv6|no-|rst-)[a-z-]+ ' "$SCREEN")" -eq 12 ]
	done
	t resize-window -x 200 -y 60
	sees 'rule .*exempted.* flags +verdict' # side by side
	t send-keys q
	ended_and_restored 0
}

@test "top says so where there are no rules, or no frames" {
	in_s sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	in_a sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
	ff attach --preset none s0
	start_top 80x24
	sees '^ no rules: every frame passes' '^ no frame has come in yet'
}

@test "top restores the terminal on signals, and stands aside for Ctrl-Z" {
	local signal
	ff attach s0
	for signal in TERM INT HUP QUIT; do
		start_top 80x24
		kill "-$signal" "$(top_pid)"
		ended_and_restored 0
		run ! grep -q 'syn-fin' "$SCREEN" # the other screen is gone
	done
	new_terminal -x 80 -y 24 "bash --norc --noprofile"
	t send-keys "'$FLAGFILTER' --netns $SERVER top" Enter
	sees '^>syn-fin'
	t send-keys C-z
	sees 'Stopped'
	t send-keys "stty -a | grep -o ' icanon\\| echo ' | wc -l; fg" Enter
	sees '^>syn-fin'
	t send-keys q
	sees '^2$'
}

@test "top sorts, pauses, helps" {
	ff attach s0
	send4 SF --count 3
	send4 0 --count 9
	start_top 80x24
	sees '^>syn-fin'
	t send-keys s s
	sees 'by packets$'
	[ "$(grep -nE '^ tcp-no-flag' "$SCREEN" | cut -d: -f1)" -lt "$(grep -nE '^>syn-fin' "$SCREEN" | cut -d: -f1)" ]
	t send-keys s
	sees 'by order$'
	t send-keys '?'
	sees '^q +quit'
	t send-keys x p
	sees 'PAUSED'
	send4 SF --count 3
	sleep 1.5
	on_screen '^>syn-fin +enforce +[0-9]+ +3 '
	t send-keys p
	sees '^>syn-fin +enforce +[0-9]+ +6 '
}

@test "top shows all interfaces, those that come and those that go" {
	ff attach s0
	in_s ip link add d0 type veth peer name d1
	start_top 80x24
	ff attach d0
	sees '^ d0 '
	t send-keys Tab
	sees '^>d0 ' '^ s0 ' '^d0  native'
	t send-keys e m
	sees '^d0: rule syn-fin from'
	t send-keys y
	sees 'd0: rule syn-fin is in mode monitor now'
	equal "$(mode syn-fin)" enforce # that is s0's
	in_s ip link del d0
	sees '^>s0 ' '^s0  native'
	ff detach s0
	sees '^attached nowhere'
	ff attach s0
	sees '^>s0 '
	t send-keys q
	ended_and_restored 0
}

@test "top on one interface says that its filter was taken away, and goes on when it is back" {
	ff attach s0
	start_top 80x24 s0
	ff detach s0
	sees '^not attached to s0'
	ff attach s0
	sees '^>syn-fin' '^\? help'
}

@test "top on a VT100 without UTF-8 draws with ASCII alone" {
	ff attach s0
	start_flood SF,S --pps 500
	export TERM=vt100
	new_terminal -x 80 -y 24 "LC_ALL=C TERM=vt100 '$FLAGFILTER' --netns $SERVER top"
	sees '^>syn-fin .*@'
	stop_flood
	run ! grep -qP '[^\x00-\x7f]' "$SCREEN"
}

@test "top without a terminal, or on one that it cannot draw on: one clear line" {
	ff attach s0
	run -2 --separate-stderr ff top
	one_line "stats IF --watch"
	run -2 --separate-stderr ff --json top s0
	one_line "--json stats"
	need_tools script
	for type in dumb no-such-terminal; do
		run -1 script -qec "TERM=$type '$FLAGFILTER' --netns $SERVER top" /dev/null
		[[ $output == "flagfilter: this terminal cannot be drawn on: TERM is '$type'"* ]]
		[[ $output != *$'\033'* ]]
	done
	run -1 script -qec "TERM=vt100 '$FLAGFILTER' --netns $SERVER top nowhere" /dev/null
	[[ $output == "flagfilter: no interface 'nowhere'"* && $output != *$'\033'* ]]
	ff detach s0
	run -1 script -qec "TERM=vt100 '$FLAGFILTER' --netns $SERVER top" /dev/null
	[[ $output == "flagfilter: attached nowhere"* ]]
}
