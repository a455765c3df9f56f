#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=bed
# The VM wall under real KVM, as the bed has it one level down: nothing is emulated, so nothing
# needs consent. /dev/kvm is root's alone there.
# shellcheck disable=SC2034 # RT_FLAGS and LIMIT are read by the harness

load ../lib/case
load ../lib/vm

setup_file() { needs root islet program jq busybox qemu; }
setup() {
    case_setup
    bundle
    RT_FLAGS=(--isolation vm --vm-engine qemu --vm-kernel "$(vm_kernel)")
    LIMIT=110
}

@test "under KVM a VM needs no consent, says so in its state, and gives the program's status" {
    export BATS_TEST_TIMEOUT=280
    [[ -c /dev/kvm ]] || skip "no /dev/kvm"
    args payload hold
    create
    same kvm "$(rt state "$ID" | jq -r .islet.acceleration)"
    rt start "$ID"
    ex payload exit 7
    expect_status 7
    ex sh -c 'cat /proc/sys/kernel/osrelease'
    [[ $output != "$(uname -r)" && $output == *-cloud-amd64 ]] || fail "kernel $output"
    rt delete --force "$ID"
}
