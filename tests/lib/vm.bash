# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Cases behind the VM wall. A boot takes seconds, so a file may start one
# container or VM in setup_file and let its cases exec into it: `file_setup`
# there, `file_case` in setup, `file_teardown` at the end.

# vm_flags: sets VM_FLAGS. --allow-degraded says yes to emulation, and to
# nothing else in these bundles.
vm_flags() {
    VM_FLAGS=(--isolation vm --vm-engine qemu --vm-kernel "$(vm_kernel)" --allow-degraded)
}

# One state directory and tag for a whole file.
file_setup() {
    case_setup
    FILE_TAG=$TAG FILE_T=$T
    export FILE_TAG FILE_T
}

file_case() {
    TAG=$FILE_TAG
    T=$FILE_T
    ID=$TAG-a
    STATE=$T/state
    B=$T/bundle
    R=$B/rootfs
    RT_FLAGS=()
    BACKGROUND=()
}

file_teardown() {
    [[ -n ${FILE_TAG:-} ]] || return 0
    file_case
    leftovers_check
}

# use_vm: `rt` starts VMs from here on, and waits longer.
use_vm() {
    vm_flags
    RT_FLAGS=("${VM_FLAGS[@]}")
    LIMIT=90
}
