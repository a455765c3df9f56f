#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kill and delete: signals, refusals with the words that clients look for, and clean ends.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

@test "kill takes names with and without SIG, in any case, numbers and real-time ones" {
    local pair
    args payload signals
    start_hold
    for pair in USR1=10 sigusr2=12 SIGHUP=1 12=12 RTMIN=34 RTMIN+3=37 sigrtmax-1=63 64=64 WINCH=28; do
        rt kill "$ID" "${pair%=*}"
        wait_for grep -qx "signal ${pair#*=}" "$T/out"
        : >"$T/out"
    done
    rt kill "$ID"
    wait_for grep -qx "signal 15" "$T/out"
    wait_for has_status stopped
}

@test "kill 0 asks whether the container runs and sends nothing" {
    needs islet
    args payload signals
    start_hold
    rt kill "$ID" 0
    same ready "$(cat "$T/out")"
}

@test "kill KILL ends a program that ignores TERM" {
    args payload ignore-term
    start_hold
    rt kill "$ID" TERM
    same running "$(status_of)"
    rt kill "$ID" SIGKILL
    wait_for has_status stopped
}

@test "kill of a stopped container says: container not running" {
    start_hold
    rt kill "$ID" KILL
    wait_for has_status stopped
    call rt kill "$ID" TERM
    expect_error "container not running"
    call rt kill "$ID" 9
    expect_error "container not running"
}

@test "kill, state, exec and ps of a container that is not there say: does not exist" {
    local verb
    for verb in kill state ps pause resume; do
        call rt "$verb" "$ID"
        expect_error "container '?$ID'? does not exist|does not exist"
    done
    call rt exec "$ID" true
    expect_error "does not exist" 255
}

@test "kill --all reaches every process of a container" {
    args sh -c 'payload ignore-term & payload ignore-term & payload hold'
    create
    rt start "$ID"
    wait_for sh -c '[ "$(grep -c ready "$0")" = 3 ]' "$T/out"
    rt kill --all "$ID" KILL
    wait_for has_status stopped
    rt delete "$ID"
    nothing_made
}

@test "kill --all of a stopped container succeeds or says that it is not running" {
    start_hold
    rt kill "$ID" KILL
    wait_for has_status stopped
    call rt kill --all "$ID" 9
    [[ $status -eq 0 || $stderr == *"container not running"* ]] || fail "$stderr"
}

@test "without a pid namespace, kill KILL reaches what the program has started" {
    needs islet
    cfg '.linux.namespaces |= map(select(.type != "pid"))'
    args sh -c 'payload ignore-term & payload hold'
    create
    rt start "$ID"
    wait_for sh -c '[ "$(grep -c ready "$0")" = 2 ]' "$T/out"
    rt kill "$ID" KILL
    wait_for has_status stopped
    rt delete "$ID"
    nothing_made
}

@test "delete without --force refuses a running container and leaves it running" {
    start_hold
    call rt delete "$ID"
    expect_error "not stopped|is running"
    same running "$(status_of)"
    rt kill "$ID" 0 || true
    [[ -d /proc/$(pid_of) ]]
}

@test "delete --force ends a running container and leaves nothing" {
    args payload ignore-term
    start_hold
    local pid
    pid=$(pid_of)
    rt delete --force "$ID"
    nothing_made
    [[ ! -e /proc/$pid ]] || grep -q ') Z' "/proc/$pid/stat"
    call rt state "$ID"
    expect_error "does not exist"
}

@test "delete --force ends a container that was never started" {
    needs islet
    args payload hold
    create
    rt delete --force "$ID"
    nothing_made
    same "" "$(cat "$T/out")" "output of a program that must not have run"
}

@test "delete of a created container is refused or ends it, and never starts it" {
    args payload echo ran
    create
    call rt delete "$ID"
    [[ $status -eq 0 || -n $stderr ]]
    same "" "$(cat "$T/out")"
}

@test "an init that is a zombie counts as stopped: kill, state and delete treat it so" {
    args payload exit 3
    in_background sloth "$OUTSIDE" sloth "$RUNTIME" --root "$STATE" create --bundle "$B" \
        --pid-file "$T/pid" "$ID"
    wait_for grep -q "runtime exited 0" "$T/sloth"
    rt start "$ID"
    wait_for has_status stopped
    grep -q ') Z' "/proc/$(cat "$T/pid")/stat"
    call rt kill "$ID" KILL
    expect_error "container not running"
    rt delete "$ID"
    nothing_made
}

@test "SIGKILL of the init from outside makes the container stopped, and delete clean" {
    start_hold
    kill -KILL "$(pid_of)"
    wait_for has_status stopped
    rt delete "$ID"
    nothing_made
}

@test "an id can be taken again when its container is deleted" {
    local i
    args payload exit 2
    for i in 1 2 3; do
        run_ct
        expect_status 2
    done
}

@test "a paused container keeps still until resume, and its status says so" {
    args sh -c 'payload hold & while :; do echo tick; sleep 0.01; done'
    create
    rt start "$ID"
    wait_for grep -q tick "$T/out"
    rt pause "$ID"
    same paused "$(status_of)"
    local before
    before=$(wc -l <"$T/out")
    sleep 0.2
    same "$before" "$(wc -l <"$T/out")" "ticks of a paused container"
    call rt exec "$ID" true
    [[ $status -eq 255 ]] || fail "exec into a paused container: $status"
    rt resume "$ID"
    same running "$(status_of)"
    wait_for sh -c '[ "$(wc -l <"$0")" -gt "$1" ]' "$T/out" "$before"
}

@test "delete --force ends a paused container" {
    start_hold
    rt pause "$ID"
    rt delete --force "$ID"
    nothing_made
}
