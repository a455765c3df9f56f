#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# run: exit codes, standard streams, descriptors, and words about programs that cannot be run.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

@test "run exits with the program's status and leaves nothing" {
    local code status
    for code in 0 1 3 126 127 255; do
        args payload exit "$code"
        status=0 # without run, which warns of 127
        rt run --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 || status=$?
        same "$code" "$status" "exit status"
        same "" "$(cat "$T/out")" "output for $code"
        nothing_made
    done
}

@test "run exits with 128+n when a signal ended the program" {
    local sig
    # As process 1 of its namespace a program is killed only from outside, so a child of it reports.
    for sig in 9 15 6; do
        args payload signal-me "$sig"
        run_ct
        expect_status $((128 + sig))
    done
    start_hold_in_background
    rt kill "$ID" KILL
    wait "${BACKGROUND[0]}" && fail "run succeeded"
    same 137 "$?" "status of run"
}

start_hold_in_background() {
    args payload hold
    in_background run "$RUNTIME" --root "$STATE" run --bundle "$B" "$ID"
    wait_for grep -q ready "$T/run"
}

@test "run passes on the signals that its caller sends it" {
    args payload signals
    local pid
    # Without timeout(1) between, which would take them.
    ISLET_TEST_TAG=$TAG "$RUNTIME" --root "$STATE" run --bundle "$B" "$ID" </dev/null >"$T/run" 2>&1 3>&- &
    pid=$!
    BACKGROUND+=("$pid")
    wait_for grep -q ready "$T/run"
    kill -HUP "$pid"
    wait_for grep -qx "signal 1" "$T/run"
    kill -USR1 "$pid"
    wait_for grep -qx "signal 10" "$T/run"
    kill -TERM "$pid"
    local status=0
    wait "$pid" || status=$?
    same 0 "$status" "status of run"
    grep -qx "signal 15" "$T/run"
}

@test "a program that is not there: 127's words, exit 1, nothing left" {
    needs islet
    args no-such-program
    run_ct
    expect_error 'executable file `no-such-program` not found in \$PATH: No such file or directory'
    nothing_made
    args /bin/no-such-program
    run_ct
    expect_error '/bin/no-such-program.*: No such file or directory'
    nothing_made
}

@test "a program that may not be run: 126's words, exit 1, nothing left" {
    needs islet
    echo '#!/bin/sh' >"$R/bin/plain"
    chmod 644 "$R/bin/plain"
    args plain
    run_ct
    expect_error 'plain.*: Permission denied'
    args /bin/plain
    run_ct
    expect_error '/bin/plain.*: Permission denied'
    args /etc
    run_ct
    expect_error "/etc.*: (Is a directory|Permission denied)"
    nothing_made
}

@test "a program that cannot be loaded is told by name" {
    needs islet
    printf 'not a program' >"$R/bin/odd"
    printf '#!/no/such/interpreter\n' >"$R/bin/script"
    chmod 755 "$R/bin/odd" "$R/bin/script"
    args /bin/odd
    run_ct
    expect_error '/bin/odd.*: Exec format error'
    args /bin/script
    run_ct
    expect_error '/bin/script.*: No such file or directory'
    nothing_made
}

@test "create tells of a missing program too, and writes no pid file" {
    needs islet
    args no-such-program
    call rt create --bundle "$B" --pid-file "$T/pid" "$ID" </dev/null
    expect_error 'executable file `no-such-program` not found in \$PATH'
    [[ ! -e $T/pid ]]
    nothing_made
}

@test "the program is searched for in the container's PATH, not in the caller's" {
    mkdir "$R/opt" "$R/opt/bin"
    cp "$PAYLOAD" "$R/opt/bin/special"
    args special exit 9
    cfg '.process.env = ["PATH=/nowhere:/opt/bin"]'
    run_ct
    expect_status 9
}

@test "arguments reach the program unchanged, empty ones and odd bytes too" {
    args payload args '' 'a b' $'new\nline' '*' '$HOME' 'ü'
    run_ct
    same "arg[]
arg[a b]
arg[new
line]
arg[*]
arg[\$HOME]
arg[ü]" "$output"
}

@test "the environment is the config's, no more and no less" {
    cfg '.process.env = ["PATH=/bin", "HOME=/root", "A=b=c", "EMPTY="]'
    args payload env
    SECRET=x run_ct
    same "A=b=c EMPTY= HOME=/root PATH=/bin" "$(sort <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "standard input, output and error are the caller's" {
    args sh -c 'cat; echo to-err >&2'
    call rt run --bundle "$B" "$ID" <<<"from the caller"
    expect_status 0
    same "from the caller" "$output"
    same "to-err" "$stderr"
}

@test "64 MiB pass through a pipe whole, and end of input arrives" {
    args payload read-count
    call rt run --bundle "$B" "$ID" < <("$PAYLOAD" spam 67108864)
    same "67108864 same" "$output"
    args payload spam 67108864
    rt run --bundle "$B" "$ID" </dev/null | "$PAYLOAD" read-count >"$T/count"
    same "67108864 same" "$(cat "$T/count")"
}

@test "a reader that goes away ends the writer with SIGPIPE" {
    args payload spam 67108864
    rt run --bundle "$B" "$ID" </dev/null 2>/dev/null | head -c 10 >/dev/null
    [[ ${PIPESTATUS[0]} -ne 0 ]]
    nothing_made
}

@test "the payload gets 0, 1 and 2, and no other descriptor" {
    args payload fds
    exec 7</etc 8>"$T/eight" 12</etc/passwd
    run_ct
    exec 7<&- 8>&- 12<&-
    expect_status 0
    same "0 1 2" "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "--preserve-fds passes exactly that many descriptors, as they are" {
    args payload fds
    echo three >"$T/three"
    echo four >"$T/four"
    call bash -c 'exec 3<"$1/three" 4<"$1/four" 5</etc; shift; exec "$@"' sh "$T" \
        timeout 20 "$RUNTIME" --root "$STATE" run --preserve-fds 2 --bundle "$B" "$ID"
    expect_status 0
    same "0 1 2 3 4" "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
    expect_match '^3 -> .*/three'
}

@test "--preserve-fds names a descriptor that is not open" {
    args payload fds
    call bash -c 'exec 3</etc 4<&- 5</etc; exec "$@"' sh \
        timeout 20 "$RUNTIME" --root "$STATE" run --preserve-fds 3 --bundle "$B" "$ID"
    expect_error "4"
    nothing_made
}

@test "closed standard streams of the caller are no accident" {
    args payload exit 8
    call bash -c 'exec 0<&- 1>&- 2>&-; exec "$@"' sh \
        timeout 20 "$RUNTIME" --root "$STATE" run --bundle "$B" "$ID"
    expect_status 8
}

@test "run --detach returns, the container goes on, and delete works when it ended" {
    args payload hold
    rt run --detach --pid-file "$T/pid" --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1
    same "$(pid_of)" "$(cat "$T/pid")"
    wait_for grep -q ready "$T/out"
    same running "$(status_of)"
    rt kill "$ID"
    wait_for has_status stopped
    rt delete "$ID"
    nothing_made
}

@test "run --keep leaves the stopped container for its caller to delete" {
    args payload exit 4
    run_ct --keep
    expect_status 4
    same stopped "$(status_of)"
    rt delete "$ID"
    nothing_made
}

@test "what the program leaves running in the container ends with it" {
    args payload orphan 6
    run_ct
    expect_status 6
    nothing_made
}

@test "without a pid namespace, what the program leaves running ends with the container" {
    cfg '.linux.namespaces |= map(select(.type != "pid"))'
    args payload orphan 6
    run_ct
    expect_status 6
    nothing_made
}

@test "ignored signals and a blocked mask of the caller do not reach the program" {
    args payload status SigBlk SigIgn
    call bash -c 'trap "" PIPE USR1 TERM; exec "$@"' sh \
        "$RUNTIME" --root "$STATE" run --bundle "$B" "$ID"
    expect_line "SigBlk=0000000000000000"
    expect_line "SigIgn=0000000000000000"
}
