#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Deaths in the middle: of islet, of the disk under its state, of one step of creation.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    needs islet
    case_setup
    bundle
}

# A build that can fail or die at a step by name (DEBUG=1 or SAN=1), if there is one.
debug_program() {
    local p
    for p in "${ISLET_DEBUG_PROGRAM:-}" "$ISLET" "$TOP/build/debug/islet" "$TOP/build/san/islet"; do
        [[ -n $p && -x $p ]] || continue
        ISLET_FAIL_STEP=state-dir "$p" --root "$STATE" create --bundle "$B" "$TAG-probe" \
            </dev/null >/dev/null 2>&1 3>&- || {
            [[ -e $STATE/$TAG-probe ]] || {
                echo "$p"
                return
            }
        }
        "$p" --root "$STATE" delete --force "$TAG-probe"
    done
}

no_processes() {
    [[ -z $(processes_left) ]]
}

# left_on_disk: leftovers, but for the file system that a case has mounted on the state directory.
left_on_disk() {
    leftovers | grep -v "^mount: .* $STATE " || true
}

# steps [WHERE]: the names in the container's table of steps; not "stage", which is an exec, so that
# nothing of ours is there behind it to fail.
steps() {
    sed -n "/birth_ns_steps\[\]/,/^};/s/^ *{\"\([a-z-]*\)\", *${1:-STEP_[A-Z]*},.*/\1/p" "$TOP/runtime/steps.c" | grep -vx stage
}

@test "create killed at any moment leaves what delete --force removes" {
    local i pid
    args payload hold
    for i in {1..25}; do
        # With the environment's tag, but no timeout(1) between us and the one to be killed.
        ISLET_TEST_TAG=$TAG "$ISLET" --root "$STATE" create --bundle "$B" --pid-file "$T/pid" "$ID" \
            </dev/null >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.00$((RANDOM % 10))$((RANDOM % 10))"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        call rt delete --force "$ID"
        [[ $status -eq 0 ]] || fail "round $i: $stderr"
        nothing_made
    done
    wait_for no_processes
}

@test "a half-made container is listed without trouble, and its id is not free" {
    local i pid
    args payload hold
    for i in {1..15}; do
        ISLET_TEST_TAG=$TAG "$ISLET" --root "$STATE" create --bundle "$B" "$ID-$i-" </dev/null >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "0.00$((RANDOM % 5))$((RANDOM % 10))"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    call rt list -f json
    expect_status 0
    jq -e 'type == "array" or . == null' <<<"$output"
    for i in {1..15}; do
        rt delete --force "$ID-$i-"
        nothing_made "$ID-$i-"
    done
}

@test "run killed while its container lives leaves a container that can be managed" {
    local pid
    args payload hold
    ISLET_TEST_TAG=$TAG "$ISLET" --root "$STATE" run --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- &
    pid=$!
    wait_for grep -q ready "$T/out"
    kill -KILL "$pid"
    wait "$pid" || true
    [[ $(status_of) == running || $(status_of) == stopped ]]
    rt delete --force "$ID"
    nothing_made
}

@test "a full disk under the state directory is one clear line and leaves nothing" {
    args payload hold
    mount -t tmpfs -o size=64k,mode=700 tmpfs "$STATE"
    "$OUTSIDE" fill "$STATE/.filler"
    call rt create --bundle "$B" "$ID" </dev/null
    local found
    found=$(left_on_disk)
    umount "$STATE"
    expect_error "No space left on device"
    [[ $stderr == *"$STATE"* || $stderr == *"$ID"* || $stderr == *state* ]] || fail "no object: $stderr"
    same "" "$found" "left behind"
}

@test "a disk that fills at any point of create is one clear line and leaves nothing" {
    local pages found
    args payload hold
    # A config too big for what is left, in steps of a page.
    for pages in 1 2 3 4 5; do
        mount -t tmpfs -o size=32k,mode=700 tmpfs "$STATE"
        head -c $((32768 - pages * 4096)) /dev/zero >"$STATE/.filler"
        cfg '.annotations = {"long": ("x" * 6000)}'
        call rt create --bundle "$B" "$ID" </dev/null >"$T/out" 2>"$T/err"
        if [[ $status -eq 0 ]]; then
            rt delete --force "$ID"
        else
            expect_error "No space left on device"
        fi
        found=$(left_on_disk)
        umount "$STATE"
        same "" "$found" "left behind with $pages pages"
    done
}

@test "a read-only state directory is one clear line" {
    mount -t tmpfs -o ro,mode=700 tmpfs "$STATE"
    call rt create --bundle "$B" "$ID" </dev/null
    umount "$STATE"
    expect_error "Read-only file system"
    nothing_made
}

@test "the state directory is root's alone, and is made when missing" {
    args payload hold
    rmdir "$STATE"
    create
    same "700 0:0" "$(stat -c '%a %u:%g' "$STATE")"
    same "700 0:0" "$(stat -c '%a %u:%g' "$STATE/$ID")"
}

@test "files that others put into the state directory do no harm" {
    touch "$STATE/stray"
    mkdir "$STATE/$ID-empty" "$STATE/$ID-junk"
    echo '[[[' >"$STATE/$ID-junk/state.json"
    call rt list -f json
    expect_status 0
    call rt state "$ID-junk"
    [[ $status -eq 1 && $(wc -l <<<"$stderr") -eq 1 ]] || fail "$stderr"
    rt delete --force "$ID-empty"
    rt delete --force "$ID-junk"
    rm "$STATE/stray"
    same "" "$(states_left)"
}

@test "every step of creation that fails is told by name, and undone" {
    local program step steps=0
    program=$(debug_program)
    [[ -n $program ]] || skip_or_fail debug "no build that can fail a step (make DEBUG=1)"
    args payload hold
    while read -r step; do
        ISLET=$program RUNTIME=$program ISLET_FAIL_STEP=$step \
            call rt create --bundle "$B" --pid-file "$T/pid" "$ID" </dev/null
        [[ $status -eq 1 ]] || fail "create succeeds although step $step failed"
        [[ $(wc -l <<<"$stderr") -eq 1 && $stderr == *"$step"* ]] || fail "step $step: $stderr"
        same "" "$(leftovers)" "left behind by step $step"
        [[ ! -s $T/pid ]] || fail "pid file in spite of step $step"
        steps=$((steps + 1))
    done < <(steps)
    ((steps >= 10))
}

@test "islet dying at any step of creation leaves what delete --force removes" {
    local program step steps=0
    program=$(debug_program)
    [[ -n $program ]] || skip_or_fail debug "no build that can die at a step (make DEBUG=1)"
    args payload hold
    while read -r step; do
        RUNTIME=$program ISLET_DIE_STEP=$step \
            call rt create --bundle "$B" "$ID" </dev/null
        [[ $status -ne 0 ]] || fail "create survives dying at $step"
        rt delete --force "$ID"
        nothing_made
        steps=$((steps + 1))
    done < <(steps STEP_HOST)
    ((steps >= 10))
}
