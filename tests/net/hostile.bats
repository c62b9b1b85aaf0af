#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What others can put in our way: links, directories, locks and files where our pins and the state of our commands are, or
# where libxdp's are. Nothing of it is followed, opened, waited for or removed. Each test has a BPF filesystem and a /run
# of its own, which its commands see (in a mount namespace that lives as long as the test).

# shellcheck disable=SC2154 # stderr, stderr_lines: bats sets them
bats_require_minimum_version 1.5.0
load lib.bash

setup_file() { net_setup_file; }

setup() {
	net_setup
	VICTIM=$(mktemp -d)
	chmod 755 "$VICTIM"
	mkdir "$VICTIM/sub"
	echo keep >"$VICTIM/sub/file"
	echo keep >"$VICTIM/file"
	chmod -R a+rX "$VICTIM"
	install -m 755 "$FLAGFILTER" "$VICTIM/flagfilter"
	start_in "$SERVER" unshare --mount --propagation private sh -c "mount -t bpf bpf /sys/fs/bpf && mount -t tmpfs tmpfs /run &&
		touch $VICTIM/ready && exec sleep 600"
	MOUNTS=$STARTED
	wait_until 10 [ -e "$VICTIM/ready" ]
}

teardown() {
	[ -z "${VICTIM:-}" ] || inside "$FLAGFILTER" detach --all >/dev/null 2>&1 || true
	[ -z "${SYSCTL:-}" ] || sysctl -q -w "fs.protected_symlinks=$SYSCTL"
	net_teardown
	[ -z "${VICTIM:-}" ] || rm -r "$VICTIM"
}

# inside COMMAND...: in the server's network namespace and the test's mount namespace; nobody COMMAND...: as uid 65534.
inside() { nsenter --net="/run/netns/$SERVER" --mount="/proc/$MOUNTS/ns/mnt" "$@"; }
nobody() { inside setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
shut() { inside chmod 700 /sys/fs/bpf; } # to others
ffi() { inside timeout -s KILL 20 "$FLAGFILTER" "$@"; }

# hold DIRECTORY: another user holds a lock on it, until teardown.
hold() {
	start_in "$SERVER" nsenter --mount="/proc/$MOUNTS/ns/mnt" setpriv --reuid 65534 --regid 65534 --clear-groups \
		flock "$1" sleep 600
	is_held() { ! inside flock -n "$1" true; }
	wait_until 10 is_held "$1"
}

victim_is_whole() {
	equal "$(cat "$VICTIM/sub/file" "$VICTIM/file")" $'keep\nkeep' "victim"
}

# refused TEXT...: attach, a change, what reads and detach each say in one line why, and do nothing.
refused() {
	local command
	for command in "attach s0" "detach s0" "rule s0 syn-fin=off" "reset s0" "confirm s0" "detach --all"; do
		# shellcheck disable=SC2086 # words on purpose
		run --separate-stderr ffi $command
		[ "$command" = "detach --all" ] || equal "$status" 1 "$command: $stderr"
		[ "$status" -ne 1 ] || one_line "$@" || {
			echo "$command"
			return 1
		}
	done
	equal "$(xdp_id)" ""
}

# ---- the directory of pins

@test "a link of another user in place of our directory: told in one line, nothing behind it is touched" {
	SYSCTL=$(sysctl -n fs.protected_symlinks)
	sysctl -q -w fs.protected_symlinks=0 || SYSCTL=
	nobody ln -s "$VICTIM" /sys/fs/bpf/flagfilter
	refused "/sys/fs/bpf/flagfilter is a link of user 65534" "rm /sys/fs/bpf/flagfilter"
	victim_is_whole
	inside test -L /sys/fs/bpf/flagfilter
	inside rm /sys/fs/bpf/flagfilter
	nobody ln -s /nowhere /sys/fs/bpf/flagfilter
	refused "/sys/fs/bpf/flagfilter is a link"
	inside rm /sys/fs/bpf/flagfilter
	shut
	inside ln -s "$VICTIM" /sys/fs/bpf/flagfilter # root's own
	refused "/sys/fs/bpf/flagfilter is a link of user 0"
	victim_is_whole
	inside rm /sys/fs/bpf/flagfilter
	run -0 --separate-stderr ffi attach s0
	equal "$stderr" ""
}

@test "a directory of another user, who holds its lock: nobody waits for it" {
	nobody mkdir -m 755 /sys/fs/bpf/flagfilter
	hold /sys/fs/bpf/flagfilter
	refused "/sys/fs/bpf/flagfilter belongs to user 65534" "remove it"
	inside test -d /sys/fs/bpf/flagfilter
}

@test "our directory, open to others: told in one line, with what to do" {
	shut
	inside mkdir -m 777 /sys/fs/bpf/flagfilter
	refused "/sys/fs/bpf/flagfilter is open to others (mode 777)" "chmod 700 /sys/fs/bpf/flagfilter"
	inside chmod 700 /sys/fs/bpf/flagfilter
	ffi attach s0
	inside chmod 755 /sys/fs/bpf/flagfilter
	for command in "stats s0" "status s0" "rule s0"; do
		# shellcheck disable=SC2086 # words on purpose
		run -1 --separate-stderr ffi $command
		one_line "/sys/fs/bpf/flagfilter is open to others (mode 755)" "chmod 700 /sys/fs/bpf/flagfilter"
	done
	inside chmod 700 /sys/fs/bpf/flagfilter
}

@test "without /proc nothing is known of pins: one line, and none is swept" {
	shut
	ffi attach s0
	run -1 --separate-stderr inside unshare --mount --propagation private sh -c "mount -t tmpfs none /proc && $FLAGFILTER rule s0 syn-fin=off"
	one_line "/proc"
	ffi rule s0 syn-fin=off
}

@test "/sys/fs/bpf where everybody may remove everything is not used; where it is sticky it is, and attach and doctor say so" {
	inside chmod 777 /sys/fs/bpf
	refused "/sys/fs/bpf is open to others (mode 777)" "chmod 700 /sys/fs/bpf"
	inside chmod 1777 /sys/fs/bpf
	run -0 --separate-stderr ffi attach s0
	equal "${#stderr_lines[@]}" 1
	[[ $stderr == *"others can write to /sys/fs/bpf (mode 1777)"*"chmod 700 /sys/fs/bpf"* ]]
	equal "$(ffi --json doctor s0 | jq -r '.findings[] | select(.check == "bpffs") | .state + " " + .fix')" \
		"note chmod 700 /sys/fs/bpf"
	ffi rule s0 syn-fin=off
	ffi detach s0
	shut
	equal "$(ffi --json doctor s0 | jq -r '.findings[] | select(.check == "bpffs").state')" ok
	inside chown 65534 /sys/fs/bpf
	refused "/sys/fs/bpf belongs to user 65534"
}

@test "whoever is not the one whose BPF filesystem it is leaves nothing there, whatever capabilities he has" {
	local caps=+bpf,+net_admin,+perfmon,+sys_admin,+dac_override
	run -1 --separate-stderr inside setpriv --reuid 65534 --regid 65534 --clear-groups \
		"--inh-caps=$caps" "--ambient-caps=$caps" "$VICTIM/flagfilter" attach s0
	explained_line root
	equal "$(inside find /sys/fs/bpf -mindepth 1 ! -name '*.debug')" ""
	shut
	ffi attach s0
}

@test "what is not ours among our pins is passed over, told in one line, and no command fails for it" {
	local name
	shut
	ffi attach s0
	local pins id=/sys/fs/bpf/flagfilter/$SERVER_ID
	pins=$(inside find /sys/fs/bpf/flagfilter -mindepth 1 -maxdepth 1)
	while read -r name; do
		PROGRAM=$(xdp_id) inside sh -c "$name"
		run -0 --separate-stderr ffi attach s0 # which looks for what was left behind
		equal "${#stderr_lines[@]}" 1 "$name: $stderr"
		[[ $stderr == *"/sys/fs/bpf/flagfilter/"*"passed over"* ]]
		for command in "rule s0 syn-fin=off" "rule s0 syn-fin=enforce" "stats s0" status "doctor s0"; do
			# shellcheck disable=SC2086 # words on purpose
			run -0 --separate-stderr ffi $command
		done
		victim_is_whole
		inside sh -c "cd /sys/fs/bpf/flagfilter && find . -mindepth 1 -maxdepth 1 ! -name ${pins##*/} -exec rm -r {} +"
	done <<-STRAY
		ln -s $VICTIM $id-999
		ln -s $VICTIM/nowhere $id-999
		ln -s . $id-999
		mkdir $id-999; chown 65534 $id-999
		mkdir -m 777 $id-999
		mkdir $id-999 $id-999/state
		mkdir $id-999; ln -s $pins/state $id-999/state
		mkdir $id-999; bpftool prog pin id \$PROGRAM $id-999/state
		bpftool prog pin id \$PROGRAM $id-999
		mkdir /sys/fs/bpf/flagfilter/other; ln -s . /sys/fs/bpf/flagfilter/other/link
		mkdir /sys/fs/bpf/flagfilter/$SERVER_ID-
		mkdir /sys/fs/bpf/flagfilter/$SERVER_ID-1-2-3
		mkdir "/sys/fs/bpf/flagfilter/a;id>z"
		mkdir /sys/fs/bpf/flagfilter/\$(printf '1%.0s' \$(seq 200))
		ln -s $VICTIM /sys/fs/bpf/flagfilter/unconfirmed-x
		cd /sys/fs/bpf/flagfilter; seq -f x%g 5000 | xargs mkdir
	STRAY
	equal "$(inside find /sys/fs/bpf/flagfilter -mindepth 1 -maxdepth 1)" "$pins"
	ffi detach s0
	equal "$(inside find /sys/fs/bpf -mindepth 1 ! -name '*.debug' ! -name xdp)" ""
}

# ---- libxdp's directory

# killed_loader_left NAME: the note of a dispatcher that a killed loader has left, and the filter that it is kept with.
killed_loader_left() {
	ffi attach s0
	PINS_HERE=$(inside find /sys/fs/bpf/flagfilter -mindepth 1 -maxdepth 1)
	INDEX=$(in_s ip -j link show s0 | jq '.[0].ifindex')
	inside ln -s "$SERVER_ID" "$PINS_HERE/dispatch-$INDEX-4242"
}

@test "libxdp's directory of another user, and a link in it: a killed loader's note does not make us remove what is there" {
	killed_loader_left
	inside rmdir /sys/fs/bpf/xdp 2>/dev/null || true
	nobody mkdir /sys/fs/bpf/xdp
	nobody ln -s "$VICTIM" "/sys/fs/bpf/xdp/dispatch-$INDEX-4242"
	ffi rule s0 syn-rst=off
	victim_is_whole
	nobody rm "/sys/fs/bpf/xdp/dispatch-$INDEX-4242"
	nobody rmdir /sys/fs/bpf/xdp
	nobody ln -s "$VICTIM" /sys/fs/bpf/xdp
	mkdir "$VICTIM/dispatch-$INDEX-4242"
	echo keep >"$VICTIM/dispatch-$INDEX-4242/file"
	ffi rule s0 syn-rst=enforce
	equal "$(cat "$VICTIM/dispatch-$INDEX-4242/file")" keep
	inside rm /sys/fs/bpf/xdp
	inside mkdir /sys/fs/bpf/xdp
	inside ln -s "$VICTIM/sub" "/sys/fs/bpf/xdp/dispatch-$INDEX-4242"
	ffi rule s0 syn-rst=off
	victim_is_whole
}

@test "libxdp's directory of another user, who holds its lock: attach says so and does not wait" {
	nobody mkdir -m 755 /sys/fs/bpf/xdp
	hold /sys/fs/bpf/xdp
	run -1 --separate-stderr ffi attach s0
	explained_line "/sys/fs/bpf/xdp belongs to user 65534"
	equal "$(xdp_id)" ""
	equal "$(inside find /sys/fs/bpf/flagfilter 2>/dev/null)" ""
}

@test "libxdp's directory, root's and open to be read: who holds its lock is not waited for without end" {
	inside mkdir -m 755 /sys/fs/bpf/xdp
	hold /sys/fs/bpf/xdp
	run -1 --separate-stderr ffi attach s0
	# shellcheck disable=SC2154 # bats sets stderr_lines: for whom it waits, and that it was in vain
	[[ ${#stderr_lines[@]} -eq 2 && ${stderr_lines[1]} = *"has the lock of libxdp, /sys/fs/bpf/xdp, and does not let go of it"* ]]
	equal "$(xdp_id)" ""
}

# ---- changes that are unconfirmed

unconfirmed() { ffi --json status s0 | jq -c ".filters[0].unconfirmed$1"; }

@test "/run/flagfilter with FIFOs, links, foreign files and locks: no change waits for it, or trusts it" {
	local id prepare
	shut
	ffi attach s0
	id=$(inside bpftool -j map show pinned "$(inside find /sys/fs/bpf/flagfilter -name counters)" | jq .id)
	while read -r prepare; do
		inside sh -c "$prepare"
		ffi rule s0 syn-rst=off
		ffi rule s0 syn-rst=enforce
		ffi rule s0 syn-fin=off --confirm 60
		equal "$(unconfirmed .guarded)" true "$prepare"
		ffi confirm s0
		ffi rule s0 syn-fin=enforce
		victim_is_whole
		inside rm -rf /run/flagfilter
	done <<-STATE
		mkdir /run/flagfilter; mkfifo /run/flagfilter/unconfirmed-$id
		mkdir /run/flagfilter; ln -s $VICTIM/file /run/flagfilter/unconfirmed-$id
		ln -s $VICTIM /run/flagfilter
		mkfifo /run/flagfilter
		mkdir /run/flagfilter; chown 65534 /run/flagfilter; mkfifo /run/flagfilter/unconfirmed-$id
		mkdir /run/flagfilter; mkdir /run/flagfilter/unconfirmed-$id
		mkdir /run/flagfilter; echo '# -5 99999999999999999999 x' >/run/flagfilter/unconfirmed-$id
	STATE
	inside sh -c "mkdir -m 777 /run/flagfilter; echo '# 5 99999999999999999 x' >/run/flagfilter/unconfirmed-$id; chmod 666 /run/flagfilter/*"
	hold "/run/flagfilter/unconfirmed-$id"
	equal "$(unconfirmed "")" null
	ffi rule s0 syn-rst=off
}

@test "an unconfirmed change is seen, guarded and taken back whatever /run its beholder has" {
	local file
	shut
	ffi attach s0
	ffi rule s0 syn-fin=off --confirm 5
	file=$(unconfirmed .file)
	equal "$(inside stat -c '%a %u' "${file//\"/}")" "600 0"
	run -1 --separate-stderr inside unshare --mount --propagation private sh -c "mount -t tmpfs tmpfs /run && $FLAGFILTER rule s0 syn-rst=off"
	one_line "unconfirmed change"
	equal "$(inside unshare --mount --propagation private sh -c "mount -t tmpfs tmpfs /run && $FLAGFILTER --json status s0" |
		jq -c '.filters[0].unconfirmed | [.guarded, .file]')" "[true,null]"
	is_back() { [ "$(ffi --json rule s0 | jq -r '.rules[] | select(.name == "syn-fin").mode')" = enforce ]; }
	wait_until 20 is_back
	equal "$(unconfirmed "")" null
	equal "$(inside find /run/flagfilter /sys/fs/bpf/flagfilter -name 'unconfirmed-*' 2>/dev/null)" ""
}

# poke_generation: somebody who knows nothing of marks flips the policy, twice.
poke_generation() {
	inside "$PYTHON" - "$(inside find /sys/fs/bpf/flagfilter -name state)" <<-'PY'
		import ctypes, mmap, os, struct, sys
		libc = ctypes.CDLL(None, use_errno=True)
		path = ctypes.create_string_buffer(sys.argv[1].encode())
		attr = struct.pack("QII", ctypes.addressof(path), 0, 0)
		fd = libc.syscall(321, 7, attr, len(attr))  # BPF_OBJ_GET
		assert fd >= 0, os.strerror(ctypes.get_errno())
		state = mmap.mmap(fd, mmap.PAGESIZE)
		generation, = struct.unpack_from("I", state, 4)
		struct.pack_into("I", state, 4, generation + 2)
	PY
}

@test "a policy that somebody else has put in force meanwhile is not overwritten by the guardian" {
	[ "$(uname -m)" = x86_64 ] || skip "x86 only"
	local guardian
	shut
	ffi attach s0
	ffi rule s0 syn-fin=off --confirm 3
	guardian=$(unconfirmed .guardian)
	poke_generation
	gone() { ! kill -0 "$guardian" 2>/dev/null; }
	wait_until 20 gone
	equal "$(ffi --json rule s0 | jq -r '.rules[] | select(.name == "syn-fin").mode')" off
	equal "$(unconfirmed "")" null
	ffi rule s0 syn-rst=off
}

# ---- numbers that are used again

@test "a namespace deleted with its filter leaves nothing that a later one of the same number would take for its own" {
	local ns=ff-$$-x first second
	NAMESPACES+=("$ns")
	for _ in {1..20}; do
		ip netns add "$ns"
		ip -n "$ns" link add s0 index 77 type veth peer name p0
		first=$(netns_id "$ns")
		nsenter --net="/run/netns/$ns" --mount="/proc/$MOUNTS/ns/mnt" "$FLAGFILTER" attach s0 >/dev/null
		ip netns del "$ns"
		sleep 0.5 # until the kernel has let go of its program
		ip netns add "$ns"
		second=$(netns_id "$ns")
		ip -n "$ns" link add s0 index 77 type veth peer name p0
		run nsenter --net="/run/netns/$ns" --mount="/proc/$MOUNTS/ns/mnt" "$FLAGFILTER" status s0
		equal "$status" 3
		[[ $output == "not attached to s0" ]] || {
			echo "$output"
			return 1
		}
		ip netns del "$ns"
		[ "$first" != "$second" ] || return 0
	done
	skip "no number was used again"
}

# In place of waiting for a number to come again, the pins that a deleted namespace has left get the name that those of
# the new namespace will have. HELD: somebody still holds the old program, so that its pins cannot be swept.
@test "pins of a deleted namespace, under the number of a new one: neither policy nor counters are taken over" {
	local ns=ff-$$-y held id left=/sys/fs/bpf/ff-$$-left
	for held in "" held; do
		extra_namespace "$ns"
		ip -n "$ns" link add s0 index 77 type veth peer name p0
		"$FLAGFILTER" --netns "$ns" attach s0 --preset conntrack
		id=$("$FLAGFILTER" --netns "$ns" --json status s0 | jq '.filters[0].program_id')
		[ -z "$held" ] || bpftool prog pin id "$id" "/sys/fs/bpf/ff-$$-held"
		mv "$(pins_of "$(netns_id "$ns")")" "$left"
		ip netns del "$ns"
		[ -n "$held" ] || wait_until 20 gone_program "$id"
		ip netns add "$ns"
		ip -n "$ns" link add s0 index 77 type veth peer name p0
		# shellcheck disable=SC2153 # lib.bash sets it
		[ -d "$PINS" ] || mkdir -m 700 "$PINS"
		mv "$left" "$PINS/$(netns_id "$ns")-77"
		run -3 "$FLAGFILTER" --netns "$ns" status s0
		equal "$output" "not attached to s0"
		"$FLAGFILTER" --netns "$ns" attach s0
		equal "$("$FLAGFILTER" --netns "$ns" --json status s0 | jq -r '.filters[0].policy')" "preset default"
		equal "$("$FLAGFILTER" --netns "$ns" --json stats s0 | jq .frames.packets)" 0
		equal "$(pins_of "$(netns_id "$ns")" | wc -l)" $((1 + ${#held} / 4))
		rm -f "/sys/fs/bpf/ff-$$-held"
		[ -z "$held" ] || wait_until 20 gone_program "$id"
		"$FLAGFILTER" --netns "$ns" attach s0
		equal "$(pins_of "$(netns_id "$ns")" | wc -l)" 1
		"$FLAGFILTER" --netns "$ns" detach s0
		ip netns del "$ns"
	done
}
gone_program() { ! bpftool prog show id "$1" >/dev/null 2>&1; }
