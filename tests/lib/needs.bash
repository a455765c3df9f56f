# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Needs of a case: what the machine must offer. A need that is not met skips the
# case with the reason. With ISLET_TEST_STRICT=1 only needs in tests/lib/forced
# may skip: those that no package installs. Each need is one function that
# prints why it is not met, and is the probe.

# needs NAME…
needs() {
    local name why
    for name in "$@"; do
        why=$("need_${name//-/_}") && continue
        skip_or_fail "${name//-/_}" "$why"
    done
}

# skip_or_fail NAME WHY
skip_or_fail() {
    if [[ ${ISLET_TEST_STRICT:-} == 1 ]] && ! grep -qE "^$1( |\$)" "$TOP/tests/lib/forced"; then
        fail "need '$1' is not met, and ISLET_TEST_STRICT is set: $2"
        return 1
    fi
    skip "$1: $2"
}

need_root() {
    ((EUID == 0)) || { echo "needs root" && return 1; }
}

need_program() {
    [[ -x $RUNTIME ]] || { echo "no $RUNTIME, run make" && return 1; }
    [[ -x $PAYLOAD ]] || { echo "no $PAYLOAD, run make payload" && return 1; }
}

need_busybox() {
    [[ -x /bin/busybox ]] || { echo "no /bin/busybox (package busybox-static)" && return 1; }
}

need_jq() {
    command -v jq >/dev/null || { echo "no jq" && return 1; }
}

need_expect() {
    command -v expect >/dev/null || { echo "no expect" && return 1; }
}

# The case speaks of what only islet does; RUNTIME is something else.
need_islet() {
    [[ $RUNTIME == "$ISLET" ]] || { echo "about islet, not $RUNTIME" && return 1; }
}

need_userns() {
    unshare -U true 2>/dev/null || { echo "no user namespaces" && return 1; }
}

need_apparmor() {
    [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) == Y && -d /sys/kernel/security/apparmor ]] ||
        { echo "this kernel runs without AppArmor (the bed has it)" && return 1; }
    command -v apparmor_parser >/dev/null || { echo "no apparmor_parser" && return 1; }
}

# A controller that cgroup v2 offers here: need_memory, need_cpu, need_pids.
has_controller() {
    grep -qw "$1" "$CG2/cgroup.controllers" 2>/dev/null ||
        { echo "no $1 controller in cgroup v2 here (the bed has it)" && return 1; }
}
need_memory() { has_controller memory; }
need_cpu() { has_controller cpu; }
need_pids() { has_controller pids; }

# The opposite: controllers are held by v1, so limits cannot be had.
need_hybrid() {
    ! has_controller memory >/dev/null || { echo "cgroup v2 has the controllers here" && return 1; }
}

need_sys_resource() {
    (($((16#$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status))) >> 24 & 1)) ||
        { echo "no CAP_SYS_RESOURCE here" && return 1; }
}

# Cases about machines that lack something.
need_no_sys_resource() {
    ! need_sys_resource >/dev/null || { echo "CAP_SYS_RESOURCE is here" && return 1; }
}
need_no_apparmor() {
    ! need_apparmor >/dev/null || { echo "this kernel has AppArmor" && return 1; }
}
need_no_kvm() {
    ! need_kvm >/dev/null || { echo "this machine has KVM" && return 1; }
}

need_two_cpus() {
    (($(nproc) > 1)) || { echo "one CPU only" && return 1; }
}

need_qemu() {
    command -v qemu-system-x86_64 >/dev/null || { echo "no qemu-system-x86_64" && return 1; }
    [[ -x /usr/lib/qemu/virtiofsd || -x /usr/libexec/virtiofsd ]] || { echo "no virtiofsd" && return 1; }
}

need_kernel() {
    [[ -n $(vm_kernel) ]] || { echo "no stock kernel (tests/bed/kernel cloud)" && return 1; }
}

# KVM that boots stock kernels.
need_kvm() {
    [[ $("$TOP/tests/bed/accel" 2>/dev/null) == kvm ]] ||
        { echo "no KVM that boots stock kernels" && return 1; }
}

# vm_kernel: the vmlinuz that VM cases boot.
vm_kernel() {
    local dir file
    if [[ -n ${ISLET_TEST_KERNEL:-} ]]; then
        echo "$ISLET_TEST_KERNEL"
        return
    fi
    dir=$("$TOP/tests/bed/kernel" cloud 2>/dev/null) || dir=
    for file in ${dir:+"$dir"/boot/vmlinuz-*} /boot/vmlinuz-*; do
        [[ ! -e $file ]] || {
            echo "$file"
            return
        }
    done
}
