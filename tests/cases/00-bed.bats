#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=slow
# shellcheck disable=SC2030,SC2031 # each case is a process of its own
#
# The throw-away Debian VM that other cases run in: tests/bed/run. It stands
# alone, without tests/lib, as it needs nothing of islet. Several claims share a
# boot where they can, since each boot takes ten seconds under emulation.

bats_require_minimum_version 1.5.0

setup_file() {
    TOP=$(cd -- "$BATS_TEST_DIRNAME/../.." && pwd)
    export TOP BED=$TOP/tests/bed BATS_TEST_TIMEOUT=280
    ((EUID == 0)) || skip "the bed needs root"
    # Made here, so that the time-outs of the cases are about booting only.
    timeout 600 "$BED/kernel" standard 3>&-
    timeout 900 "$BED/image" full 3>&-
    timeout 900 "$BED/image" bare 3>&-
}

setup() {
    MARK=bed-case-$$-$RANDOM
    RUN=
    QEMU=
}

teardown() {
    [[ -z $RUN ]] || kill -KILL "$RUN" 2>/dev/null || true
    rm -f "$TOP/build/bed/out/$MARK"
}

# bed [FLAG…] -- CMD…: with an upper bound of its own.
bed() {
    timeout -k 5 150 "$BED/run" --timeout 120 "$@" 3>&- 4>&-
}

# bed_in_background CMD…: sets RUN and, once CMD has said "ready", QEMU. A job of
# a shell has SIGINT ignored; a terminal's foreground process has not.
bed_in_background() {
    local tries=600

    env --default-signal=INT "$BED/run" --timeout 200 -- "$@" \
        >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- 4>&- &
    RUN=$!
    until grep -qx ready "$BATS_TEST_TMPDIR/out"; do
        ((tries--)) && kill -0 "$RUN" || return 1
        sleep 0.2
    done
    QEMU=$(pgrep -P "$RUN" -x qemu-system-x86)
}

# gone PID: does not exist, or waits to be reaped by a slow init.
gone() {
    local tries=50

    while kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status"; do
        ((tries--)) || return 1
        sleep 0.1
    done
}

@test "usage errors are one line and status 2" {
    local arguments

    for arguments in "--cpus 0 -- true" "--release sarge -- true" "--what -- true" "true" "" \
        "--bare --init -- true" "--timeout"; do
        # shellcheck disable=SC2086 # several words
        run --separate-stderr "$BED/run" $arguments
        ((status == 2))
        [[ -z $output ]]
        # shellcheck disable=SC2154 # set by run
        ((${#stderr_lines[@]} == 1))
        [[ $stderr == bed:* ]]
    done
}

@test "the command's exit status, output and errors come back, and nothing else" {
    # shellcheck disable=SC2016 # for the shell inside
    run --separate-stderr bed -- bash -c 'echo "$1"; echo oops >&2; exec >&-; exit 43' x $'a "b"\n$c'
    ((status == 43))
    [[ $output == $'a "b"\n$c' ]]
    [[ $stderr == oops ]]
}

@test "all output arrives although a process left behind holds the pipe" {
    run bed -- sh -c 'sleep 1000 & seq 1 100000'
    ((status == 0 && ${#lines[@]} == 100000))
    [[ ${lines[99999]} == 100000 ]]
}

@test "a host with cgroup v2 and all controllers, AppArmor, modules, and KVM" {
    # shellcheck disable=SC2016 # for the shell inside
    run bed -- bash -euc '
        [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]]
        ! grep -q "cgroup " /proc/mounts
        for c in cpuset cpu io memory hugetlb pids rdma misc; do
            grep -qw "$c" /sys/fs/cgroup/cgroup.subtree_control
        done
        [[ $(cat /sys/module/apparmor/parameters/enabled) == Y ]]
        [[ -e /sys/kernel/security/apparmor/profiles ]]
        [[ -c /dev/kvm && -c /dev/net/tun && -c /dev/fuse && -c /dev/vhost-net && -c /dev/vhost-vsock ]]
        [[ -e /sys/module/kvm_amd || -e /sys/module/kvm_intel ]]
        modprobe -a veth bridge br_netfilter nf_tables iptable_nat
        [[ $(hostname) == bed && $PWD == /islet && $(id -u) == 0 ]]
        [[ $(stat -fc %T /tmp) == tmpfs && $(stat -fc %T /run) == tmpfs ]]
        ip link show lo | grep -q UP
        echo all is well'
    echo "$output"
    ((status == 0))
    [[ $output == "all is well" ]]
}

@test "writes to the project stay inside, writes to /out come out" {
    run bed -- sh -ec "test -x tests/bed/run; echo x >$MARK; rm LICENSE; test -e $MARK; echo y >/out/$MARK"
    ((status == 0))
    [[ ! -e $TOP/$MARK && -e $TOP/LICENSE ]]
    [[ $(<"$TOP/build/bed/out/$MARK") == y ]]
}

@test "process 1 reaps orphans" {
    # shellcheck disable=SC2016 # for the shell inside
    run bed -- sh -c '(sleep 0.2 & echo $! >/tmp/pid); sleep 2; test ! -e /proc/$(cat /tmp/pid)'
    ((status == 0))
}

@test "--timeout ends it with status 124" {
    run "$BED/run" --timeout 2 -- sleep 1000
    ((status == 124))
}

@test "output arrives while the command runs, and SIGINT leaves nothing behind" {
    bed_in_background sh -c 'echo ready; sleep 1000'
    kill -INT "$RUN"
    run wait "$RUN"
    gone "$RUN"
    gone "$QEMU"
    [[ -z $(compgen -G "$TOP/build/bed/tmp/run.$RUN.*") ]]
    RUN=
}

@test "SIGKILL of the script ends QEMU, and the next run removes the rest" {
    bed_in_background sh -c 'echo ready; sleep 1000'
    kill -KILL "$RUN"
    gone "$QEMU"
    # Once it is reaped its number is free, and the folder nobody's.
    wait "$RUN" || true
    run "$BED/run" --timeout 1 -- true
    [[ -z $(compgen -G "$TOP/build/bed/tmp/run.$RUN.*") ]]
    RUN=
}

@test "--init boots systemd to the state running, with all controllers and the same conduct" {
    # shellcheck disable=SC2016 # for the shell inside
    run --separate-stderr bed --init -- sh -c '
        timeout 60 systemctl is-system-running --wait
        cat /sys/fs/cgroup/cgroup.subtree_control
        systemd-run --quiet --scope true && echo scope
        exit 9'
    echo "$output"
    ((status == 9))
    [[ ${lines[0]} == running ]]
    [[ ${lines[1]} == "cpuset cpu io memory hugetlb pids rdma misc" ]]
    [[ ${lines[2]} == scope && -z $stderr ]]
}

@test "--bare has git and apt but no compiler, and can clone the project" {
    run bed --bare -- sh -ec '
        git clone -q /islet /root/clone
        test -x /root/clone/tests/bed/run
        command -v apt-get sudo
        ! command -v gcc make systemctl'
    echo "$output"
    ((status == 0))
}
