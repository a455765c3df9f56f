#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Corners of the life cycle where two things meet: a second container, a caller's habits, a verb at
# an unusual moment. Each was wrong once.
# shellcheck disable=SC2016,SC2154 # jq's words; output, stderr and status are set by bats

load ../lib/case

setup_file() { needs root islet program jq busybox; }
setup() {
    case_setup
    bundle
}

@test "no verb enters a container before its tree is its own" {
    # mounts without end, so that the time before pivot_root is long
    local filter='.mounts += [range(400) | {destination: "/tmp/m\(.)", type: "tmpfs", source: "tmpfs"}]'
    cfg "$filter"
    args payload hold
    echo inside >"$R/etc/whose"
    in_background run "$ISLET" --root "$STATE" run --bundle "$B" "$ID"
    local end=$((SECONDS + 30))
    while ((SECONDS < end)); do
        run --separate-stderr timeout 10 "$ISLET" --root "$STATE" exec "$ID" cat /etc/whose 3>&-
        [[ $status -ne 0 ]] || break
        [[ -z $output ]] || fail "something else answered: $output"
    done
    same inside "$output" "the file that exec read"
    rt delete --force "$ID"
}

@test "exec --preserve-fds without those descriptors is refused, and none of ours goes in" {
    start_hold
    call rt exec --preserve-fds 12 "$ID" payload fds
    expect_error "preserve-fds: fd 3 is not open" 255
    ex payload fds
    expect_status 0
    expect_no_match "cgroup"
}

@test "a paused created container is paused, resumed and started" {
    args payload hold
    create
    rt pause "$ID"
    same paused "$(status_of)"
    call rt start "$ID"
    expect_error "."
    rt resume "$ID"
    same created "$(status_of)"
    rt start "$ID"
    wait_for has_status running
    rt delete --force "$ID"
}

@test "delete of a stopped container spares the living one in the same cgroup" {
    local other=$TAG-b
    cfg '.linux.cgroupsPath = $p' --arg p "/islet-$TAG-both"
    args payload exit 0
    create
    rt start "$ID"
    wait_for has_status stopped
    args payload hold
    rt create --bundle "$B" "$other" </dev/null >/dev/null 2>&1
    rt start "$other"
    rt delete "$ID"
    same running "$(rt state "$other" | jq -r .status)" "the other"
    rt delete --force "$other"
}

@test "in a joined pid namespace the end of run is the end of all its processes" {
    start_hold
    local other=$TAG-b
    cfg '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/\($p)/ns/pid" else . end)' --arg p "$(pid_of)"
    args sh -c 'sleep 77 & exit 3'
    call rt run --bundle "$B" "$other" </dev/null
    expect_status 3
    nothing_made "$other"
}

@test "a caller that ignores SIGCHLD gets the status all the same" {
    args payload exit 7
    run timeout 20 python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$ISLET" --root "$STATE" run --bundle "$B" "$ID" </dev/null 3>&-
    same 7 "$status"
}

@test "a program that cannot be loaded after start is told on the container's stderr" {
    printf '\x7fELF\x02 and no more' >"$R/bin/bad"
    chmod +x "$R/bin/bad"
    args /bin/bad
    rt create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1
    rt start "$ID"
    wait_for has_status stopped
    grep -q "exec /bin/bad: exec format error" "$T/out" || fail "$(cat "$T/out")"
    rt delete "$ID"
}

@test "a mount below a link that leads to nothing yet is made where the link points, inside" {
    mkdir -p "$R/var"
    ln -s /run "$R/var/run"
    mount_at /var/run/secrets tmpfs tmpfs
    args sh -c 'grep -c " /run/secrets " /proc/mounts'
    run_ct
    expect_status 0
    expect_line 1
    [[ -d $R/run/secrets ]] || fail "not made"
}

@test "a device in the place of /etc/passwd is not opened to look up HOME" {
    rm "$R/etc/passwd"
    mknod "$R/etc/passwd" c 1 11
    args payload env
    run_ct
    expect_status 0
    expect_line "HOME=/"
}

@test "a link beside /proc whose name begins so leads into /proc all the same, and is refused" {
    ln -s /proc "$R/procx"
    mount_at /procx/self/attr tmpfs tmpfs
    args payload id
    run_ct
    [[ $status -eq 1 && $stderr == *"/proc"* ]] || fail "$status $stderr"
    nothing_made
}

@test "exec has neither the caller's ignored signals nor its processors" {
    start_hold
    run --separate-stderr bash -c 'trap "" PIPE USR1; exec "$@"' bash timeout 10 "$ISLET" --root "$STATE" exec "$ID" payload status SigIgn 3>&-
    expect_line "SigIgn=0000000000000000"
}
