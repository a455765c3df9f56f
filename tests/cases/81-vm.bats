#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=vm
# The VM wall alone: streams, ends of a guest, deaths of its processes, confinement, refusals.

load ../lib/case
load ../lib/vm

setup_file() { needs root program islet jq busybox qemu kernel; }
setup() {
    case_setup
    bundle
    use_vm
}

# all_powers: root inside with every capability and a writable /proc.
all_powers() {
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_SYS_ADMIN", "CAP_SYS_BOOT",
        "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_SETUID"]}) | add) | .linux.readonlyPaths = [] | .linux.maskedPaths = []'
}

# vm_pids: of all processes of this VM, from its cgroup.
vm_pids() {
    find "$CG2" -path "*$ID*" -name cgroup.procs -exec cat {} +
}

# vm_pid NAME: the pid of this VM's process of that name.
vm_pid() {
    local pid
    while read -r pid; do
        [[ $(cat "/proc/$pid/comm") != "$1"* ]] || {
            echo "$pid"
            return
        }
    done < <(vm_pids)
    return 1
}

@test "64 MiB pass through run both ways, whole, and end of input ends the program" {
    args payload cat
    "$PAYLOAD" spam 67108864 | rt run --bundle "$B" "$ID" | "$PAYLOAD" read-count >"$T/count"
    same "67108864 same" "$(cat "$T/count")"
    nothing_made
}

@test "a reader that does not read stops the writer, and costs the host no memory" {
    start_hold
    mkfifo "$T/slow"
    in_background writer sh -c '"$0" --root "$1" exec "$2" payload spam 67108864 >"$3"' \
        "$RUNTIME" "$STATE" "$ID" "$T/slow"
    exec {slow}<"$T/slow"
    head -c 1000 <&"$slow" >/dev/null
    sleep 1
    local kib
    kib=$(awk '/^VmHWM:/ { print $2 }' "/proc/$(pid_of)/status")
    ((kib < 32768)) || fail "the host process took $kib KiB"
    ex payload exit 5 # others are served meanwhile
    expect_status 5
    cat <&"$slow" | wc -c >"$T/count"
    exec {slow}<&-
    ((67108864 - $(cat "$T/count") < 70000)) || fail "only $(cat "$T/count") bytes"
}

@test "a reader that goes away ends the writer" {
    start_hold
    rt exec "$ID" payload spam 67108864 </dev/null 2>/dev/null | head -c 10 >/dev/null
    [[ ${PIPESTATUS[0]} -ne 0 ]]
    same running "$(status_of)"
}

@test "many execs at once, each with its own streams and status" {
    local i pids=()
    start_hold
    for i in {1..10}; do
        rt exec "$ID" sh -c "payload read-count; exit $i" < <("$PAYLOAD" spam "$((i * 100000))") >"$T/many.$i" &
        pids+=("$!")
    done
    for i in {1..10}; do
        local status=0
        wait "${pids[$((i - 1))]}" || status=$?
        same "$i" "$status" "exit status"
        same "$((i * 100000)) same" "$(cat "$T/many.$i")"
    done
}

@test "the guest runs the kernel that was asked for, not the host's" {
    args payload uts
    run_ct
    expect_status 0
    expect_line "release=$(basename "$(vm_kernel)" | sed 's/^vmlinuz-//')"
    expect_line "hostname=island"
}

@test "Debian's standard kernel boots as the cloud kernel does" {
    local dir
    dir=$("$TOP/tests/bed/kernel" standard 2>/dev/null) || skip_or_fail kernel "no standard kernel"
    RT_FLAGS=(--isolation vm --vm-engine qemu --vm-kernel "$(echo "$dir"/boot/vmlinuz-*)" --allow-degraded)
    args payload exit 3
    run_ct
    expect_status 3
}

@test "root's files have root's owner outside, and modes and links are kept" {
    all_powers
    args sh -c 'umask 0; payload write /made x; mkdir /dir; chmod 2751 /dir; ln -s made /link; payload try chown /made 7 8; exit 0'
    run_ct
    expect_status 0
    same "7:8 666" "$(stat -c '%u:%g %a' "$R/made")"
    same "0:0 2751" "$(stat -c '%u:%g %a' "$R/dir")"
    same made "$(readlink "$R/link")"
}

@test "run at a terminal: job control, Ctrl-C, resize and exit code" {
    needs expect
    cfg '.process.terminal = true'
    args sh -i
    ISLET_TEST_TAG=$TAG RUNTIME=$RUNTIME STATE=$STATE B=$B ID=$ID FLAGS="${RT_FLAGS[*]}" call timeout 100 expect -c '
        set timeout 40
        proc must {what} { expect -re $what {} timeout { puts "NO: $what"; exec kill -KILL [exp_pid]; exit 90 } eof { exit 91 } }
        set stty_init "rows 22 cols 66"
        spawn {*}[list $env(RUNTIME) --root $env(STATE)] {*}$env(FLAGS) run --bundle $env(B) $env(ID)
        must "# "
        send "stty size\r"
        must "22 66"
        stty rows 23 cols 67 < $spawn_out(slave,name)
        sleep 0.5
        send "stty size\r"
        must "23 67"
        send "sleep 50\r"
        sleep 1
        send "\032"
        must "Stopped"
        send "fg\r"
        sleep 0.5
        send "\003"
        must "# "
        send "echo still\${X}here\r"
        must "stillhere"
        send "exit 12\r"
        expect eof
        exit [lindex [wait] 3]' 3>&-
    expect_status 12
    nothing_made
}

@test "create with a console socket: one message, one descriptor, a terminal" {
    cfg '.process.terminal = true'
    mkfifo "$T/in"
    in_background con sh -c '"$1" console "$2" <"$3"' sh "$OUTSIDE" "$T/con.sock" "$T/in"
    exec {hold}>"$T/in"
    wait_for test -S "$T/con.sock"
    args payload tty
    create --console-socket "$T/con.sock"
    rt start "$ID"
    wait_for grep -q '^size' "$T/con"
    exec {hold}>&-
    run tr -d '\r' <"$T/con"
    expect_match '^message bytes=[0-9]+ fds=1 name=.+'
    expect_line "isatty0=1"
    expect_line "controlling=1"
}

@test "the pid in the state is the caller's child, a session leader, and carries the exit status" {
    args payload exit 42
    in_background keeper "$OUTSIDE" keeper "$T/pid" \
        "$RUNTIME" --root "$STATE" "${RT_FLAGS[@]}" create --bundle "$B" --pid-file "$T/pid" "$ID"
    wait_for grep -q '^child=' "$T/keeper"
    same "$(pid_of)" "$(cat "$T/pid")"
    rt start "$ID"
    wait_for grep -q '^payload' "$T/keeper"
    grep -q '^child=1 leader=1 ' "$T/keeper"
    grep -qx "payload exited 42" "$T/keeper"
}

@test "a signal that ends the program ends the process in the state the same way" {
    args payload ignore-term
    in_background keeper "$OUTSIDE" keeper "$T/pid" \
        "$RUNTIME" --root "$STATE" "${RT_FLAGS[@]}" create --bundle "$B" --pid-file "$T/pid" "$ID"
    wait_for grep -q '^child=' "$T/keeper"
    rt start "$ID"
    wait_for grep -q ready "$T/keeper"
    rt kill "$ID" TERM
    same running "$(status_of)"
    rt kill "$ID" KILL
    wait_for grep -q '^payload' "$T/keeper"
    grep -qx "payload signalled 9" "$T/keeper"
}

@test "a guest that panics ends with 255 and a reason, and leaves nothing behind" {
    all_powers
    args sh -c 'echo c >/proc/sysrq-trigger; sleep 100'
    run_ct --keep
    expect_status 255
    same stopped "$(status_of)"
    jq -e '.reason == "panic"' "$STATE/$ID/exit.json"
    rt delete "$ID"
    nothing_made
}

@test "a guest that is powered off from inside ends with 0 and a reason" {
    all_powers
    args sh -c 'echo o >/proc/sysrq-trigger; sleep 100'
    run_ct --keep
    expect_status 0
    jq -e '.reason == "poweroff"' "$STATE/$ID/exit.json"
    rt delete "$ID"
    nothing_made
}

@test "a guest that is rebooted from inside ends and is not booted again" {
    all_powers
    args sh -c 'payload echo once; echo b >/proc/sysrq-trigger; sleep 100'
    run_ct
    expect_status 0
    same once "$output"
    nothing_made
}

@test "SIGKILL of QEMU: stopped, 255, and delete leaves nothing" {
    args payload hold
    in_background run "$RUNTIME" --root "$STATE" "${RT_FLAGS[@]}" run --keep --bundle "$B" "$ID"
    wait_for grep -q ready "$T/run"
    kill -KILL "$(vm_pid qemu)"
    local status=0
    wait "${BACKGROUND[0]}" || status=$?
    same 255 "$status" "status of run"
    wait_for has_status stopped
    rt delete "$ID"
    nothing_made
    same "" "$(processes_left)"
}

@test "SIGKILL of virtiofsd: stopped, 255, and delete leaves nothing" {
    args payload hold
    in_background run "$RUNTIME" --root "$STATE" "${RT_FLAGS[@]}" run --keep --bundle "$B" "$ID"
    wait_for grep -q ready "$T/run"
    kill -KILL "$(vm_pid virtiofsd)"
    local status=0
    wait "${BACKGROUND[0]}" || status=$?
    same 255 "$status" "status of run"
    wait_for has_status stopped
    rt delete "$ID"
    nothing_made
    same "" "$(processes_left)"
}

@test "SIGKILL of the host process: its VM goes too, stopped, and delete leaves nothing" {
    start_hold
    local qemu
    qemu=$(vm_pid qemu)
    kill -KILL "$(pid_of)"
    wait_for has_status stopped
    call rt kill "$ID" TERM
    expect_error "container not running"
    rt delete --force "$ID"
    nothing_made
    same "" "$(processes_left)"
    [[ ! -e /proc/$qemu ]] || grep -q ') Z' "/proc/$qemu/stat"
}

@test "SIGKILL of every process of a VM at once: delete --force works from files alone" {
    start_hold
    find "$CG2" -path "*$ID*" -name cgroup.kill | while read -r file; do
        echo 1 >"$file"
    done
    wait_for has_status stopped
    rt delete --force "$ID"
    nothing_made
    same "" "$(processes_left)"
}

@test "create killed at any moment leaves what delete --force removes" {
    local i pid
    args payload hold
    for i in 3 9 20; do
        ISLET_TEST_TAG=$TAG "$ISLET" --root "$STATE" "${RT_FLAGS[@]}" create --bundle "$B" "$ID" \
            </dev/null >/dev/null 2>&1 3>&- &
        pid=$!
        sleep "$((i / 10)).$((i % 10))"
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        rt delete --force "$ID"
        nothing_made
    done
    wait_for test -z "$(processes_left)"
}

@test "delete --force of a running VM leaves nothing" {
    args payload ignore-term
    start_hold
    rt delete --force "$ID"
    nothing_made
    same "" "$(processes_left)"
    same "" "$(mounts_left)"
    call rt state "$ID"
    expect_error "does not exist"
}

@test "QEMU and virtiofsd are confined: no root's id, no new privileges, seccomp, own namespaces, empty root" {
    start_hold
    local pid ns
    pid=$(vm_pid qemu)
    [[ $(awk '/^Uid:/ { print $3 }' "/proc/$pid/status") -ne 0 ]] || fail "QEMU runs as root"
    same "$(printf 'NoNewPrivs:\t1')" "$(grep NoNewPrivs "/proc/$pid/status")"
    same "$(printf 'Seccomp:\t2')" "$(grep '^Seccomp:' "/proc/$pid/status")"
    same "0000000000000000" "$(awk '/^CapEff:/ { print $2 }' "/proc/$pid/status")" "capabilities"
    for ns in mnt net ipc uts; do
        [[ $(readlink "/proc/$pid/ns/$ns") != $(readlink "/proc/self/ns/$ns") ]] || fail "QEMU is in the host's $ns namespace"
    done
    [[ ! -e /proc/$pid/root/etc/passwd ]] || fail "QEMU sees the host's files"
    pid=$(vm_pid virtiofsd)
    for ns in mnt net; do
        [[ $(readlink "/proc/$pid/ns/$ns") != $(readlink "/proc/self/ns/$ns") ]] || fail "virtiofsd is in the host's $ns namespace"
    done
    [[ ! -e /proc/$pid/root/etc/shadow ]] || fail "virtiofsd sees the host's files"
}

@test "two VMs at once have different user ids outside" {
    start_hold
    local first
    first=$(awk '/^Uid:/ { print $3 }' "/proc/$(vm_pid qemu)/status")
    ID=$TAG-b
    create
    local second
    second=$(awk '/^Uid:/ { print $3 }' "/proc/$(vm_pid qemu)/status")
    [[ $first != "$second" ]] || fail "both run as $first"
}

@test "descriptors that the caller left open reach neither the VM's processes nor the guest" {
    exec 7</etc
    start_hold
    exec 7<&-
    local pid host
    host=$(stat -c %d:%i /etc)
    while read -r pid; do
        ! stat -Lc %d:%i "/proc/$pid/fd"/* 2>/dev/null | grep -qx "$host" || fail "$(cat "/proc/$pid/comm") holds /etc"
    done < <(vm_pids)
    ex payload fds
    same "0 1 2" "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "without KVM a VM is refused unless --allow-degraded says yes, and leaves nothing" {
    needs no-kvm
    RT_FLAGS=(--isolation vm --vm-engine qemu --vm-kernel "$(vm_kernel)")
    args payload exit 0
    run_ct
    expect_error "allow-degraded"
    nothing_made
    same "" "$(processes_left)"
}

@test "an emulated VM says so in state and list" {
    needs no-kvm
    start_hold
    rt state "$ID" | jq -e '.islet.isolation == "vm" and .islet.acceleration == "emulated" and (.islet.gaps | length >= 1)'
    rt list -f wide | grep -E "^$ID .*vm +emulated"
}

@test "the name islet-vm chooses the VM, for clients that pass no flag" {
    ln -s "$ISLET" "$T/islet-vm"
    args payload uts
    call timeout 60 "$T/islet-vm" --vm-kernel "$(vm_kernel)" --allow-degraded --root "$STATE" run --bundle "$B" "$ID" </dev/null
    expect_status 0
    expect_line "release=$(basename "$(vm_kernel)" | sed 's/^vmlinuz-//')"
}

@test "the flags of the VM may stand behind the verb too" {
    RT_FLAGS=()
    args payload exit 4
    run_ct "${VM_FLAGS[@]}"
    expect_status 4
}

@test "a kernel without its modules, or without one that is needed, is one clear line" {
    local from release
    from=$(vm_kernel)
    release=$(basename "$from" | sed 's/^vmlinuz-//')
    mkdir -p "$T/k/boot" "$T/k/lib/modules"
    cp "$from" "$T/k/boot/vmlinuz-0.0.0-none"
    args payload exit 0
    RT_FLAGS=(--isolation vm --vm-engine qemu --vm-kernel "$T/k/boot/vmlinuz-0.0.0-none" --allow-degraded)
    run_ct
    expect_error "modules|0\.0\.0-none"
    nothing_made
    cp "$from" "$T/k/boot/vmlinuz-$release"
    cp -al "$(dirname "$from")/../lib/modules/$release" "$T/k/lib/modules/" || cp -a "/lib/modules/$release" "$T/k/lib/modules/"
    find "$T/k/lib/modules" -name 'virtiofs.ko*' -delete
    RT_FLAGS=(--isolation vm --vm-engine qemu --vm-kernel "$T/k/boot/vmlinuz-$release" --allow-degraded)
    run_ct
    expect_error "virtiofs"
    nothing_made
}

@test "a kernel that is not there, or is no kernel, is one clear line" {
    args payload exit 0
    RT_FLAGS=(--isolation vm --vm-engine qemu --vm-kernel "$T/vmlinuz-none" --allow-degraded)
    run_ct
    expect_error "vmlinuz-none.*No such file"
    head -c 100000 /dev/urandom >"$T/vmlinuz-0.0.0-odd"
    RT_FLAGS=(--isolation vm --vm-engine qemu --vm-kernel "$T/vmlinuz-0.0.0-odd" --allow-degraded)
    run_ct
    expect_error "vmlinuz-0.0.0-odd"
    nothing_made
}

@test "what a VM cannot have yet is refused by name, and leaves nothing" {
    mkdir "$T/from"
    args payload exit 0
    mount_at /data bind "$T/from" bind
    run_ct
    expect_error "/mounts/[0-9]+.*$T/from"
    nothing_made
    bundle other
    args payload exit 0
    exec {extra}</etc/passwd
    run_ct --preserve-fds 1
    exec {extra}<&-
    expect_error "preserve-fds"
    nothing_made
}

@test "the VM's processes are in the container's cgroup on the host" {
    cfg '.linux.cgroupsPath = $p' --arg p "/$TAG-vm"
    start_hold
    local host
    host=$(pid_of)
    ID=$TAG-vm # the cgroup's name, for vm_pids
    vm_pids | grep -qx "$host"
    vm_pid qemu
    vm_pid virtiofsd
}

@test "the guest cannot reach the host's files through its root" {
    all_powers
    ln -s ../../../../../../../../etc/shadow "$R/up"
    ln -s /etc/shadow "$R/abs"
    args payload multi stat /.. /../.. /up -- read /up -- read /abs -- stat /boot
    run_ct
    expect_status 0
    same 2 "$(grep -c 'read: ENOENT' <<<"$output")"
    expect_line "/boot ENOENT"
}
