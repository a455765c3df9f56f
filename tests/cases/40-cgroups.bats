#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=host,bed
# Control groups: path, device rules, freezing, and that a limit is enforced or refused, never
# ignored. Cases about limits need controllers in cgroup v2: tests/bed/run -- bats FILE.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

# cgroup_dir: that of the running container.
cgroup_dir() {
    echo "$CG2$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")"
}

@test "cgroupsPath is where the container is, and is gone after delete" {
    cfg '.linux.cgroupsPath = $p' --arg p "/$TAG-parent/$TAG-leaf"
    start_hold
    same "$CG2/$TAG-parent/$TAG-leaf" "$(cgroup_dir)"
    rt delete --force "$ID"
    [[ ! -e $CG2/$TAG-parent/$TAG-leaf ]]
    rmdir "$CG2/$TAG-parent" 2>/dev/null || true
}

@test "without cgroupsPath the cgroup has the container's id in its name" {
    start_hold
    [[ $(cgroup_dir) == *"$ID"* ]] || fail "$(cgroup_dir)"
    [[ $(cgroup_dir) != "$CG2/" ]]
}

@test "a relative cgroupsPath is below the root of the hierarchy, and .. is refused" {
    cfg '.linux.cgroupsPath = $p' --arg p "$TAG-rel/x"
    start_hold
    [[ $(cgroup_dir) == "$CG2"*"$TAG-rel/x" ]] || fail "$(cgroup_dir)"
    rt delete --force "$ID"
    rmdir "$CG2/$TAG-rel" 2>/dev/null || true
    needs islet
    cfg '.linux.cgroupsPath = $p' --arg p "/../$TAG-up"
    args payload exit 0
    run_ct
    [[ $status -eq 1 && ! -e $CG2/$TAG-up && ! -e $CG2/../$TAG-up ]] || fail "$status $stderr"
    nothing_made
}

@test "two containers may not share one cgroup unawares" {
    needs islet
    cfg '.linux.cgroupsPath = $p' --arg p "/$TAG-same"
    start_hold
    args payload exit 0
    call rt run --bundle "$B" "$TAG-b" </dev/null
    [[ $status -eq 1 && $stderr == *"$TAG-same"* ]] || fail "$status $stderr"
    same running "$(status_of)"
    nothing_made "$TAG-b"
}

@test "an empty cgroup that is there already is used, and its owner's directory above stays" {
    mkdir -p "$CG2/$TAG-pod/$TAG-c"
    cfg '.linux.cgroupsPath = $p' --arg p "/$TAG-pod/$TAG-c"
    start_hold
    same "$CG2/$TAG-pod/$TAG-c" "$(cgroup_dir)"
    rt delete --force "$ID"
    [[ -d $CG2/$TAG-pod ]]
    rmdir "$CG2/$TAG-pod/$TAG-c" 2>/dev/null || true
    rmdir "$CG2/$TAG-pod"
}

@test "limits that this host cannot enforce are refused by name, and leave nothing" {
    needs islet hybrid
    local filter name
    while IFS='|' read -r filter name; do
        bundle "b$RANDOM"
        cfg ".linux.resources = $filter"
        args payload exit 0
        run_ct
        expect_error "$name" || fail "for $filter"
        nothing_made
    done <<'END'
{"memory": {"limit": 67108864}}|memory
{"memory": {"swap": 67108864, "limit": 67108864}}|memory
{"memory": {"reservation": 67108864}}|memory
{"pids": {"limit": 10}}|pids
{"cpu": {"shares": 512}}|cpu
{"cpu": {"quota": 50000, "period": 100000}}|cpu
{"cpu": {"cpus": "0"}}|cpu
{"blockIO": {"weight": 100}}|(blockIO|io)
{"unified": {"memory.max": "100000000"}}|memory.max
END
}

@test "with --allow-degraded such a limit is a gap in the state, not a refusal" {
    needs islet hybrid
    cfg '.linux.resources = {"memory": {"limit": 67108864}}'
    args payload hold
    RT_FLAGS=(--allow-degraded)
    start_hold
    RT_FLAGS=()
    rt state "$ID" | jq -e '.islet.gaps | map(select(test("memory"))) | length >= 1'
}

@test "fields that only cgroup v1 had are refused by name" {
    needs islet
    local filter name
    while IFS='|' read -r filter name; do
        bundle "b$RANDOM"
        cfg ".linux.resources = $filter"
        args payload exit 0
        run_ct
        expect_error "$name" || fail "for $filter"
        nothing_made
    done <<'END'
{"memory": {"kernel": 1000000}}|/linux/resources/memory/kernel
{"memory": {"swappiness": 10}}|/linux/resources/memory/swappiness
{"memory": {"disableOOMKiller": true}}|/linux/resources/memory/disableOOMKiller
{"cpu": {"realtimeRuntime": 1000}}|/linux/resources/cpu/realtimeRuntime
{"network": {"classID": 1}}|/linux/resources/network/classID
END
}

@test "memory.limit is set, seen, and kills what goes beyond it" {
    needs memory
    cfg '.linux.resources.memory = {"limit": 33554432, "reservation": 16777216}'
    start_hold
    same 33554432 "$(cat "$(cgroup_dir)/memory.max")"
    same 16777216 "$(cat "$(cgroup_dir)/memory.low")"
    ex payload oom 8
    expect_line "touched 8"
    ex payload oom 200
    expect_status 137
    [[ $(awk '$1 == "oom_kill" { print $2 }' "$(cgroup_dir)/memory.events") -ge 1 ]]
}

@test "pids.limit is set, seen, and stops forks" {
    needs pids
    cfg '.linux.resources.pids = {"limit": 10}'
    start_hold
    same 10 "$(cat "$(cgroup_dir)/pids.max")"
    ex payload forks 50
    expect_match '^forks=[5-9] EAGAIN$'
}

@test "cpu quota, period and shares are set and seen" {
    needs cpu
    cfg '.linux.resources.cpu = {"quota": 30000, "period": 100000, "shares": 1024}'
    start_hold
    same "30000 100000" "$(cat "$(cgroup_dir)/cpu.max")"
    # runc since 1.3.2 and crun since 1.23: 1024 shares are weight 100.
    same 100 "$(cat "$(cgroup_dir)/cpu.weight")"
    ex payload burn 1500
    [[ $(awk '$1 == "nr_throttled" { print $2 }' "$(cgroup_dir)/cpu.stat") -ge 1 ]]
}

@test "unified keys are written as they are" {
    needs memory
    cfg '.linux.resources.unified = {"memory.high": "50000000", "pids.max": "77"}'
    start_hold
    same 49999872 "$(cat "$(cgroup_dir)/memory.high")"
    same 77 "$(cat "$(cgroup_dir)/pids.max")"
    cfg '.linux.resources.unified = {"no.such": "1"}'
    args payload exit 0
    call rt run --bundle "$B" "$TAG-b" </dev/null
    expect_error "no.such"
}

@test "the payload is limited from its first instruction" {
    needs pids
    cfg '.linux.resources.pids = {"limit": 5}'
    args payload forks 50
    run_ct
    expect_match '^forks=[0-4] EAGAIN$'
}

@test "default devices are allowed, others are denied to open although they can be made" {
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_MKNOD", "CAP_SYSLOG"]}) | add)
        | .linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "access": "m"}]'
    mount_at /nodes tmpfs tmpfs
    args payload multi open rw /dev/null -- open r /dev/zero -- open r /dev/urandom -- mknod /nodes/kmsg c 1 11 \
        -- open r /nodes/kmsg -- mknod /nodes/disk b 254 0 -- open r /nodes/disk
    run_ct
    expect_status 0
    same "open: ok open: ok open: ok mknod: ok open: EPERM mknod: ok open: EPERM" \
        "$(grep -E '^(open|mknod)' <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "a rule that allows a device makes it open, and only in the way it says" {
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_MKNOD", "CAP_SYSLOG"]}) | add)
        | .linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rm"}]'
    mount_at /nodes tmpfs tmpfs
    args payload multi mknod /nodes/kmsg c 1 11 -- open r /nodes/kmsg -- open w /nodes/kmsg
    run_ct
    same "mknod: ok open: ok open: EPERM" "$(grep -E '^(open|mknod)' <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "of device rules the last that matches wins" {
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_MKNOD", "CAP_SYSLOG"]}) | add)
        | .linux.resources.devices = [{"allow": true, "access": "rwm"}, {"allow": false, "type": "c", "major": 1, "minor": 11, "access": "rwm"},
            {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "m"}]'
    mount_at /nodes tmpfs tmpfs
    args payload multi mknod /nodes/kmsg c 1 11 -- open r /nodes/kmsg -- mknod /nodes/mem c 1 1 -- mknod /nodes/port c 1 4
    run_ct
    same "mknod: ok open: EPERM mknod: ok mknod: ok" "$(grep -E '^(open|mknod)' <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "a device of the config that a rule allows can be opened" {
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_SYSLOG"]}) | add)
        | .linux.devices = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 438}]
        | .linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rwm"}]'
    args payload open r /dev/kmsg
    run_ct
    expect_line "open: ok"
}

@test "pause freezes the cgroup, resume thaws it" {
    start_hold
    rt pause "$ID"
    same 1 "$(cat "$(cgroup_dir)/cgroup.freeze")"
    grep -qx "frozen 1" "$(cgroup_dir)/cgroup.events"
    rt resume "$ID"
    same 0 "$(cat "$(cgroup_dir)/cgroup.freeze")"
    wait_for grep -qx "frozen 0" "$(cgroup_dir)/cgroup.events"
}

@test "exec'd processes are in the container's cgroup, denied devices are denied to them" {
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_MKNOD", "CAP_SYSLOG"]}) | add)
        | .linux.resources.devices = [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "access": "m"}]'
    mount_at /nodes tmpfs tmpfs
    start_hold
    ex payload multi mknod /nodes/kmsg c 1 11 -- open r /nodes/kmsg
    expect_line "mknod: ok"
    expect_line "open: EPERM"
}

@test "with --cgroup-manager disabled no cgroup is made, and limits are refused" {
    needs islet
    RT_FLAGS=(--cgroup-manager disabled)
    start_hold
    same "" "$(cgroups_of "$TAG")"
    rt delete --force "$ID"
    cfg '.linux.resources.pids = {"limit": 5}'
    args payload exit 0
    run_ct
    expect_error "pids"
}
