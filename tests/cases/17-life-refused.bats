#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A field that is known and cannot be honoured yet is an error that names it, never ignored.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    needs islet
    case_setup
    bundle
    args payload exit 0
}

# What the tables refuse; the case below it checks that no refusal is missing here.
refused() {
    cat <<'END'
/process/selinuxLabel|.process.selinuxLabel = "system_u:system_r:container_t:s0"
/process/scheduler|.process.scheduler = {"policy": "SCHED_BATCH"}
/process/ioPriority|.process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 4}
/process/execCPUAffinity|.process.execCPUAffinity = {"initial": "0"}
/mounts/0/uidMappings|.mounts[0].uidMappings = [{"containerID": 0, "hostID": 1000, "size": 1}]
/mounts/0/gidMappings|.mounts[0].gidMappings = [{"containerID": 0, "hostID": 1000, "size": 1}]
/linux/timeOffsets|.linux.timeOffsets = {"monotonic": {"secs": 1}}
/linux/netDevices|.linux.netDevices = {"eth0": {"name": "eth0"}}
/linux/intelRdt|.linux.intelRdt = {"closID": "x"}
/linux/memoryPolicy|.linux.memoryPolicy = {"mode": "MPOL_BIND", "nodes": "0"}
/linux/mountLabel|.linux.mountLabel = "system_u:object_r:container_file_t:s0"
/linux/seccomp/listenerPath|.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x"}
/linux/seccomp/listenerMetadata|.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}
/hooks/prestart|.hooks = {"prestart": [{"path": "/bin/true"}]}
/hooks/createRuntime|.hooks = {"createRuntime": [{"path": "/bin/true"}]}
/hooks/createContainer|.hooks = {"createContainer": [{"path": "/bin/true"}]}
/hooks/startContainer|.hooks = {"startContainer": [{"path": "/bin/true"}]}
/hooks/poststart|.hooks = {"poststart": [{"path": "/bin/true"}]}
/hooks/poststop|.hooks = {"poststop": [{"path": "/bin/true"}]}
/vm/hypervisor|.vm = {"hypervisor": {"path": "/bin/true"}}
/vm/kernel|.vm = {"kernel": {"path": "/bin/true"}}
/vm/image|.vm = {"image": {"path": "/bin/true", "format": "raw"}}
/vm/hwConfig|.vm = {"hwConfig": {"vcpus": 1}}
/linux/namespaces/[0-9]+/type|.linux.namespaces += [{"type": "time"}]
/linux/personality/flags|.linux.personality = {"domain": "LINUX", "flags": ["X"]}
END
}

@test "fields that cannot be honoured yet are refused by name and leave nothing" {
    local pointer filter n=0
    while IFS='|' read -r pointer filter; do
        bundle "b$((n += 1))"
        args payload exit 0
        cfg "$filter"
        run_ct
        expect_error "$pointer.*not supported" || fail "for $filter"
        nothing_made
    done < <(refused)
    ((n >= 25))
}

@test "the list above names every refusal of the tables of config.json" {
    local name missing=
    while read -r name; do
        refused | grep -q "/$name|" || missing+=" $name"
    done < <(sed -n 's/^ *J_REFUSE("\([a-zA-Z]*\)".*/\1/p' "$TOP/runtime/spec.c")
    same "" "$missing" "refusals without a case"
}

@test "the same fields, empty, are taken as unset" {
    cfg '.process.selinuxLabel = "" | .hooks = {} | .hooks.prestart = [] | .linux.mountLabel = ""
        | .linux.netDevices = {} | .mounts[0].uidMappings = []'
    run_ct
    expect_status 0
}

@test "mount options that cannot be honoured yet are refused by name" {
    local option
    mkdir "$T/from"
    for option in idmap ridmap; do
        bundle "b$option"
        args payload exit 0
        mount_at /to bind "$T/from" rbind "$option"
        run_ct
        expect_error "'$option'.*not supported"
        nothing_made
    done
}

@test "exec refuses the same fields of a process document" {
    local filter pointer
    args payload hold
    start_hold
    while IFS='|' read -r pointer filter; do
        jq ".process = (.process | .args = [\"payload\", \"exit\", \"0\"]) | $filter | .process" \
            "$B/config.json" >"$T/process.json"
        call rt exec --process "$T/process.json" "$ID" </dev/null
        expect_error "${pointer#/process}.*not supported" 255
    done < <(refused | grep '^/process')
    same running "$(status_of)"
}
