#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A kernel without AppArmor: a profile that cannot be applied is not silently left out.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    needs no-apparmor
    bundle
    args payload exit 3
}

@test "a profile in the config is refused by name where the kernel has no AppArmor" {
    cfg '.process.apparmorProfile = "islet-some-profile"'
    run_ct
    expect_error "islet-some-profile|apparmorProfile"
    nothing_made
}

@test "unconfined and an empty profile ask for nothing, and work" {
    cfg '.process.apparmorProfile = ""'
    run_ct
    expect_status 3
}
