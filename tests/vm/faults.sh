# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Part of tests/vm/guest.sh: the loader is killed at one step after the other, behind libxdp's dispatcher and before another
# program. (tests/net/failures.bats does the same where the filter is exclusive.)
#
#	VM_STRIDE=1	at each step, and not at every so manyth: it takes about four seconds a step
#
# shellcheck shell=bash disable=SC2317 # the tests are called by name

# killed_at STEP COMMAND...: whether the command came to that step, where it was killed. If it has fewer, it did its work.
killed_at() {
	local step=$1 status=0
	shift
	FAULT_AT=$step LD_PRELOAD=/fault.so "$@" >/dev/null 2>&1 || status=$?
	[ $status = 137 ] || {
		equal $status 0 "exit status of $*" || exit
		return 1
	}
}

# Every honest frame goes through, and the other program sees what does; ARRIVED: of five SYN,FIN.
ask() {
	local before
	before=$(seen late)
	equal "$(cross v0 v1 "$ACK" 10)" 10 "ACK" || return
	ARRIVED=$(QUIET_MS=100 cross v0 v1 "$SF" 5)
	equal "$(seen late)" $((before + 10 + ARRIVED)) "seen by the other program"
}

# What status says is what is so.
is_attached() {
	local status=0
	flagfilter status v1 >/dev/null || status=$?
	ask || exit
	equal "$status $ARRIVED" "$((status ? 3 : 0)) $((status ? 5 : 0))" "status, and SYN,FIN that arrived" || exit
	return $status
}

# Ours alone beside the other one, with one set of pins.
one_filter() {
	equal "$(status v1 '.beside | length')" 1 "others" || return
	equal "$(find /sys/fs/bpf/flagfilter -mindepth 1 -maxdepth 1 | wc -l)" 1 "pins"
}

attach_killed() {
	if is_attached; then one_filter; fi
	flagfilter attach v1 --preset strict
	one_filter
	is_attached
	flagfilter detach v1
	no_pins
}

replace_killed() {
	local now
	is_attached
	now=$(dropped v1)
	equal "$((now >= DROPPED + 5))" 1 "it counts on, from $DROPPED to $now"
	DROPPED=$now
	flagfilter rule v1 syn-rst=monitor
	one_filter
	flagfilter rule v1 syn-rst=enforce
}

rule_killed() {
	is_attached
	equal "$(flagfilter --json rule v1 | jq -r '[.rules[] | select(.name | IN("syn-rst", "rst-fin")).mode] | unique | length')" 1 \
		"half a change: modes"
	flagfilter rule v1 syn-rst=enforce rst-fin=enforce
}

detach_killed() {
	if is_attached; then flagfilter detach v1; else flagfilter detach v1 && return 1; fi
	no_pins
	flagfilter attach v1 --preset conntrack
}

objects() { echo "programs $(bpftool -j prog show | jq length), maps $(bpftool -j map show | jq length)"; }

# The kernel frees what nobody uses after a while.
nothing_leaked() {
	for ((i = 0; i < 20; i++)); do
		[ "$(objects)" != "$1" ] || return 0
		sleep 0.2
	done
	find /sys/fs/bpf
	bpftool prog show
	equal "$(objects)" "$1"
}

# What libxdp's own trial leaves, killed: a link and two programs of a few instructions. They are not ours, and nobody but rm
# removes them.
clean_trial() { rm -f /sys/fs/bpf/xdp/prog-test-link-*; }

# steps_at_dispatcher COMMAND...: the steps at which libxdp has some pins of a new dispatcher, but has not attached it, and
# the next one, where it has attached it, but has the old one's pins. With VM_STRIDE all of them, else the last two. The command
# does its work; its steps are dots in the midst of what libxdp says.
steps_at_dispatcher() {
	FAULT_WORDS=1 FAULT_STEPS=/proc/self/fd/2 LD_PRELOAD=/fault.so "$@" 2>&1 >/dev/null | awk -v all="${VM_STRIDE:-0}" '
		match($0, /^\.+/) { steps += RLENGTH }
		/Pinning multiprog/ { pinned = steps + 2 }
		/Loaded [0-9]+ programs on/ && pinned {
			for (step = pinned; step <= steps + 1; step++)
				if (all || step >= steps)
					print step
			pinned = 0
		}'
}

# after_kill NAME: NAME_killed says what must hold, and makes it as it was.
after_kill() {
	[ "$(dispatchers)" = 1 ] || LEFT=$((LEFT + 1))
	clean_trial
	"${1}_killed"
	equal "$(dispatchers)" 1 "pinned dispatchers"
	TIMES=$((TIMES + 1))
}

dispatchers() { find /sys/fs/bpf/xdp -name 'dispatch-*' | wc -l; }

# killed_everywhere NAME ARG...: at each STRIDEth step, and where libxdp attaches.
killed_everywhere() {
	local name=$1 command=("${1/replace/attach}" "${@:2}") step steps before
	other late 50
	before=$(objects)
	TIMES=0 LEFT=0 DROPPED=0
	if [ "$name" = attach ]; then
		steps=$(steps_at_dispatcher flagfilter -v "${command[@]}")
		flagfilter detach v1
	else
		flagfilter attach v1 --preset conntrack
		steps=$(steps_at_dispatcher flagfilter -v "${command[@]}")
		if [ "$name" = detach ]; then flagfilter attach v1 --preset conntrack; fi
	fi
	for step in $steps; do
		echo "step $step"
		killed_at "$step" flagfilter "${command[@]}"
		after_kill "$name"
	done
	if [ "$name" != rule ]; then
		echo "dispatchers were left at $LEFT of ${steps//$'\n'/ }"
		[ "$LEFT" -ge 2 ]
	fi
	for ((step = 1; ; step += STRIDE)); do
		echo "step $step"
		killed_at "$step" flagfilter "${command[@]}" || break
		after_kill "$name"
	done
	[ "$TIMES" -ge 1 ]
	flagfilter detach v1 || [ "$name" = detach ]
	no_pins
	nothing_leaked "$before"
	echo "# $name: killed $TIMES times, up to step $((step - STRIDE)), pins of a dispatcher left $LEFT times" >/dev/console
}
