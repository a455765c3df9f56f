#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Several containers at once, and the verbs that look at them.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

@test "20 containers are created, started and deleted in parallel" {
    local i pids=()
    args payload hold
    for i in {1..20}; do
        (
            rt create --bundle "$B" --pid-file "$T/pid.$i" "$ID-$i" </dev/null >"$T/out.$i" 2>&1 &&
                rt start "$ID-$i" && wait_for grep -q ready "$T/out.$i" &&
                rt kill "$ID-$i" KILL && rt delete --force "$ID-$i"
        ) 3>&- &
        pids+=("$!")
    done
    for i in "${pids[@]}"; do
        wait "$i" || fail "one of them failed: $(cat "$T"/out.*)"
    done
    for i in {1..20}; do
        nothing_made "$ID-$i"
    done
    same 20 "$(sort -u "$T"/pid.* | wc -l)" "different pids" || true
}

@test "of many who create the same id at once, one wins and the rest are told" {
    local i won=0 pids=()
    args payload hold
    for i in {1..8}; do
        rt create --bundle "$B" "$ID" </dev/null >"$T/out.$i" 2>"$T/err.$i" &
        pids+=("$!")
    done
    for i in "${pids[@]}"; do
        if wait "$i"; then won=$((won + 1)); fi
    done
    same 1 "$won" "winners"
    same created "$(status_of)"
    for i in {1..8}; do
        [[ ! -s $T/err.$i ]] || grep -q exists "$T/err.$i"
    done
}

@test "deletes of one container at once all succeed or say that it is gone" {
    local i pids=()
    start_hold
    for i in {1..6}; do
        rt delete --force "$ID" 2>"$T/err.$i" &
        pids+=("$!")
    done
    for i in "${pids[@]}"; do
        wait "$i" || fail "$(cat "$T"/err.*)"
    done
    nothing_made
}

@test "execs in parallel all give their own answer" {
    local i pids=()
    start_hold
    for i in {1..15}; do
        rt exec "$ID" payload exit "$i" </dev/null &
        pids+=("$!")
    done
    for i in {1..15}; do
        local status=0
        wait "${pids[$((i - 1))]}" || status=$?
        same "$i" "$status" "exit status"
    done
}

@test "list tells of created, running, paused and stopped containers, as table and JSON" {
    args payload hold
    ID=$TAG-created create
    local one
    for one in running paused stopped; do
        ID=$TAG-$one
        create
        rt start "$ID"
        wait_for grep -q ready "$T/out"
    done
    rt pause "$TAG-paused"
    rt kill "$TAG-stopped" KILL
    wait_for has_status stopped "$TAG-stopped"
    call rt list --format json
    expect_status 0
    same "" "$stderr"
    for one in created running paused stopped; do
        jq -e --arg id "$TAG-$one" --arg s "$one" --arg b "$B" \
            'map(select(.id == $id)) | .[0] | .status == $s and .bundle == $b
                and (if $s == "stopped" then .pid == 0 else .pid > 0 end)' <<<"$output" >/dev/null ||
            fail "$one: $output"
    done
    jq -e 'length == 4' <<<"$output"
    call rt list
    same 5 "${#lines[@]}" "lines of the table"
    expect_match "^$TAG-paused +[0-9]+ +paused +$B +"
    call rt list -q
    same "$(printf '%s\n' "$TAG"-{created,paused,running,stopped})" "$(sort <<<"$output")"
}

@test "list in table form escapes what could steer a terminal" {
    needs islet
    mv "$B" "$T/odd"$'\x1b[31m'
    B=$T/odd$'\x1b[31m'
    args payload hold
    create
    call rt list
    [[ $output != *$'\x1b'* ]]
}

@test "ps gives the host's pids of every process, as JSON and as a table" {
    args sh -c 'payload hold & payload hold & payload hold & wait'
    create
    rt start "$ID"
    wait_for sh -c '[ "$(grep -c ready "$0")" = 3 ]' "$T/out"
    call rt ps --format json "$ID"
    expect_status 0
    same "" "$stderr"
    jq -e --argjson p "$(pid_of)" 'length == 4 and (index($p) != null) and all(.[]; . > 1)' <<<"$output"
    local pid
    for pid in $(jq '.[]' <<<"$output"); do
        [[ -d /proc/$pid ]]
    done
    call rt ps "$ID"
    expect_status 0
    expect_match '(^| )PID( |$)'
    same 5 "${#lines[@]}" "lines"
}

@test "ps passes further words to ps(1) and shows only the container's lines" {
    command -v ps >/dev/null || skip_or_fail procps "no ps(1)"
    start_hold
    call rt ps "$ID" -o pid,args
    expect_status 0
    same 2 "${#lines[@]}"
    expect_match "^ *$(pid_of) payload hold"
}

@test "ps counts a detached exec" {
    start_hold
    rt exec -d --pid-file "$T/pid" "$ID" payload hold </dev/null >/dev/null 2>&1
    call rt ps -f json "$ID"
    jq -e --argjson p "$(cat "$T/pid")" 'length == 2 and index($p) != null' <<<"$output"
}
