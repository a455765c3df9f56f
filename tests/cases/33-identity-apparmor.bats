#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=bed
# AppArmor: the profile of the program and of exec. Runs in the bed: tests/bed/run -- bats FILE.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    needs apparmor
    bundle
    PROFILE=islet-case-$TAG
    apparmor_parser -r <<END
profile $PROFILE flags=(attach_disconnected) {
  file,
  signal,
  deny /tmp/forbidden rw,
}
profile $PROFILE-exec flags=(attach_disconnected) {
  file,
  signal,
}
END
}

teardown() {
    case_teardown
    [[ -z ${PROFILE:-} ]] || for p in "$PROFILE" "$PROFILE-exec"; do
        echo -n "$p" >/sys/kernel/security/apparmor/.remove 2>/dev/null || true
    done
}

@test "the profile of the config confines the program" {
    cfg '.process.apparmorProfile = $p' --arg p "$PROFILE"
    args payload multi read /proc/self/attr/current -- write /tmp/forbidden x -- write /tmp/allowed x
    run_ct
    expect_status 0
    expect_match "^$PROFILE \(enforce\)"
    same "write: EACCES write: ok" "$(grep '^write' <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "without a profile the program is unconfined" {
    args payload multi read /proc/self/attr/current -- write /tmp/forbidden x
    run_ct
    expect_match "^unconfined"
    expect_line "write: ok"
}

@test "exec has the container's profile, or the one it asks for" {
    cfg '.process.apparmorProfile = $p' --arg p "$PROFILE"
    start_hold
    ex payload read /proc/self/attr/current
    expect_match "^$PROFILE \(enforce\)"
    ex --apparmor "$PROFILE-exec" -- payload read /proc/self/attr/current
    expect_match "^$PROFILE-exec \(enforce\)"
}

@test "a profile that is not loaded fails by name and leaves nothing" {
    cfg '.process.apparmorProfile = "islet-no-such-profile"'
    args payload id
    run_ct
    expect_error "islet-no-such-profile"
    nothing_made
}
