#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who the payload is: ids, groups, umask, capabilities, limits, names, and what runc does unasked.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

inside() {
    args "$@"
    run_ct
    expect_status 0
}

# caps NAMES SET…: these sets hold these capabilities, the others none.
caps() {
    cfg '.process.capabilities = ($sets | split(" ") | map({(.): $n}) | add)' \
        --argjson n "$1" --arg sets "${*:2}"
}

@test "uid, gid, groups and umask are the config's" {
    cfg '.process.user = {"uid": 1000, "gid": 1001, "additionalGids": [5, 70000], "umask": 63}'
    inside payload multi id -- umask
    expect_line "uid=1000,1000,1000"
    expect_line "gid=1001,1001,1001"
    expect_line "groups=5 70000"
    expect_line "umask=077"
}

@test "without additional groups there are none, also for root" {
    inside payload id
    expect_line "uid=0,0,0"
    expect_line "groups="
}

@test "the umask of the caller does not reach the payload; unset is 022" {
    args payload umask
    local old
    old=$(umask)
    umask 077
    run_ct
    umask "$old"
    expect_status 0
    expect_line "umask=022"
}

@test "the five capability sets are what the config says" {
    cfg '.process.noNewPrivileges = false | .process.capabilities = {
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}
        | .process.user = {"uid": 1000, "gid": 1000}'
    # For another user than root the exec keeps ambient ones only.
    inside payload caps
    expect_line "bounding=1021"
    expect_line "permitted=20"
    expect_line "effective=20"
    expect_line "inheritable=20"
    expect_line "ambient=20"
}

@test "root's exec gives it bounding and inheritable, as the kernel's rules say" {
    caps '["CAP_CHOWN", "CAP_KILL"]' bounding permitted effective
    inside payload caps
    expect_line "bounding=21"
    expect_line "permitted=21"
    expect_line "effective=21"
    expect_line "inheritable=0"
    expect_line "ambient=0"
}

@test "another user has no capability, whatever the other sets hold" {
    caps '["CAP_CHOWN", "CAP_KILL"]' bounding permitted effective inheritable
    cfg '.process.user = {"uid": 1000, "gid": 1000}'
    inside payload caps
    expect_line "bounding=21"
    expect_line "permitted=0"
    expect_line "effective=0"
}

@test "without capabilities in the config the payload has none" {
    cfg 'del(.process.capabilities)'
    inside payload caps
    expect_line "effective=0"
    expect_line "permitted=0"
    expect_line "bounding=0"
}

@test "a capability that this kernel does not know does not fail the container" {
    caps '["CAP_KILL", "CAP_FROM_THE_FUTURE", "cap_sys_nice_try"]' bounding permitted effective
    args payload caps
    run_ct
    expect_status 0
    expect_line "effective=20"
}

@test "what a capability allows is allowed, and what is not there is not" {
    caps '["CAP_CHOWN"]' bounding permitted effective
    inside payload multi try chown /tmp 5 5 -- try sethostname -- try mount-tmpfs /tmp
    expect_line "chown: ok"
    expect_line "sethostname: EPERM"
    expect_line "mount-tmpfs: EPERM"
}

@test "noNewPrivileges is set when asked for, and not otherwise" {
    cfg '.process.noNewPrivileges = true'
    inside payload nnp
    expect_line "nnp=1"
    cfg '.process.noNewPrivileges = false'
    inside payload nnp
    expect_line "nnp=0"
    cfg 'del(.process.noNewPrivileges)'
    inside payload nnp
    expect_line "nnp=0"
}

@test "with noNewPrivileges a setuid program does not change the user" {
    cp "$PAYLOAD" "$R/bin/setuid"
    chmod 4755 "$R/bin/setuid"
    cfg '.process.user = {"uid": 1000, "gid": 1000} | .process.noNewPrivileges = true'
    inside setuid id
    expect_line "uid=1000,1000,1000"
    cfg '.process.noNewPrivileges = false'
    inside setuid id
    expect_line "uid=1000,0,0"
}

@test "rlimits are set, soft and hard" {
    cfg '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
        {"type": "RLIMIT_FSIZE", "soft": 4096, "hard": 8192}]'
    inside payload rlimits
    expect_line "NOFILE 100 200"
    expect_line "CORE 0 0"
    expect_line "FSIZE 4096 8192"
}

@test "an rlimit of 2^64-1 is infinity, to the last digit" {
    cfg '.process.rlimits = [{"type": "RLIMIT_CPU", "soft": "BIG", "hard": "BIG"}, {"type": "RLIMIT_AS", "soft": "NEAR", "hard": "BIG"}]'
    args payload rlimits
    sed -i 's/"BIG"/18446744073709551615/; s/"NEAR"/9223372036854775807/' "$B/config.json" # jq would round them
    run_ct
    expect_status 0
    expect_line "CPU 18446744073709551615 18446744073709551615"
    expect_line "AS 9223372036854775807 18446744073709551615"
}

@test "an rlimit that may not be raised fails by name and leaves nothing" {
    needs no-sys-resource
    cfg '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 1048577, "hard": 1048577}]'
    ((1048577 > $(ulimit -Hn)))
    args payload id
    run_ct
    expect_error "NOFILE.*Operation not permitted"
    nothing_made
}

@test "oomScoreAdj is set when given, 0 included, and left alone otherwise" {
    cfg '.process.oomScoreAdj = 500'
    inside payload read /proc/self/oom_score_adj
    same 500 "$output"
    cfg 'del(.process.oomScoreAdj)'
    inside payload read /proc/self/oom_score_adj
    same "$(cat /proc/self/oom_score_adj)" "$output"
}

@test "an oomScoreAdj that may not be lowered fails by name" {
    needs no-sys-resource
    cfg '.process.oomScoreAdj = -500'
    args payload id
    run_ct
    expect_error "oom_?score"
    nothing_made
}

@test "hostname and domainname are the config's, and the host keeps its own" {
    needs islet
    local before
    before=$(hostname)
    cfg '.hostname = "isle-7" | .domainname = "example.org"'
    inside payload uts
    expect_line "hostname=isle-7"
    expect_line "domainname=example.org"
    same "$before" "$(hostname)"
}

@test "sysctls of the container's namespaces are set inside and not outside" {
    local before
    before=$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)
    cfg '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "12345", "net/ipv4/ping_group_range": "0 5"}'
    inside payload multi read /proc/sys/net/ipv4/ip_forward -- read /proc/sys/kernel/msgmax -- read /proc/sys/net/ipv4/ping_group_range
    expect_line 1
    expect_line 12345
    expect_match '^0[[:space:]]5$'
    same "$before" "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax)"
}

@test "a sysctl that does not exist fails by name and leaves nothing" {
    cfg '.linux.sysctl = {"net.ipv4.no_such": "1"}'
    args payload id
    run_ct
    expect_error "no_such"
    nothing_made
}

@test "a new network namespace has lo, up and working, and nothing else" {
    inside payload multi lo -- links
    expect_line "up=1"
    expect_line "connect: ok"
    expect_line "link lo"
    same 1 "$(grep -c '^link' <<<"$output")"
}

@test "without a network namespace the payload has the caller's" {
    cfg '.linux.namespaces |= map(select(.type != "network"))'
    inside payload ns
    expect_line "$(readlink /proc/self/ns/net)"
}

@test "namespaces by path are joined" {
    start_hold
    local pid other=$TAG-b
    pid=$(pid_of)
    cfg '.linux.namespaces |= map(if .type == "network" or .type == "ipc" or .type == "uts"
        then .path = "/proc/\($p)/ns/" + (if .type == "network" then "net" else .type end) else . end) | del(.hostname)' --arg p "$pid"
    args payload multi ns -- uts
    call rt run --bundle "$B" "$other" </dev/null
    expect_status 0
    expect_line "$(readlink "/proc/$pid/ns/net")"
    expect_line "$(readlink "/proc/$pid/ns/ipc")"
    expect_line "hostname=island"
    expect_no_line "$(readlink "/proc/$pid/ns/pid")"
}

@test "a pid namespace by path is joined" {
    start_hold
    cfg '.linux.namespaces |= map(if .type == "pid" then .path = "/proc/\($p)/ns/pid" else . end)' --arg p "$(pid_of)"
    args payload ns
    call rt run --bundle "$B" "$TAG-b" </dev/null
    expect_status 0
    expect_line "$(readlink "/proc/$(pid_of)/ns/pid")"
}

@test "a namespace path of the wrong type, or none, fails by name and leaves nothing" {
    local path
    args payload id
    for path in /proc/self/ns/mnt /etc/passwd /nowhere/ns; do
        cfg '.linux.namespaces |= map(if .type == "network" then .path = $p else . end)' --arg p "$path"
        run_ct
        [[ $status -eq 1 && $stderr == *"$path"* ]] || fail "$path: $status $stderr"
        nothing_made
    done
}

@test "the payload is process 1 of its pid namespace and leads its session" {
    inside payload pids
    expect_line "pid=1 ppid=0 pgrp=1 sid=1"
}

@test "HOME is looked up in the container's passwd when unset" {
    cfg '.process.env = ["PATH=/bin"]'
    inside payload env
    expect_line "HOME=/root"
    cfg '.process.user = {"uid": 1000, "gid": 1000}'
    inside payload env
    expect_line "HOME=/home/user"
    cfg '.process.user = {"uid": 4242, "gid": 4242}'
    inside payload env
    expect_line "HOME=/"
    cfg '.process.env = ["PATH=/bin", "HOME=/given"]'
    inside payload env
    expect_line "HOME=/given"
    same 1 "$(grep -c '^HOME=' <<<"$output")"
}

@test "exec looks HOME up for its own user" {
    cfg '.process.env = ["PATH=/bin"]'
    start_hold
    ex --user 1000 -- payload env
    expect_line "HOME=/home/user"
}

@test "the caller's CPU affinity does not reach the payload" {
    needs islet two-cpus
    args payload cpus
    call taskset -c 0 timeout 20 "$RUNTIME" --root "$STATE" run --bundle "$B" "$ID" </dev/null
    expect_line "cpus=$(nproc)"
}

@test "the working directory is the config's; a missing one is made" {
    cfg '.process.cwd = "/var/empty"'
    inside payload cwd
    expect_line "cwd=/var/empty"
    cfg '.process.cwd = "/made/for/it"'
    inside payload cwd
    expect_line "cwd=/made/for/it"
    [[ -d $R/made/for/it ]]
}

@test "a working directory that only the payload's user may enter works" {
    mkdir -m 700 "$R/private"
    chown 1000:1000 "$R/private"
    cfg '.process.cwd = "/private" | .process.user = {"uid": 1000, "gid": 1000} | del(.process.capabilities)'
    inside payload cwd
    expect_line "cwd=/private"
}

@test "a working directory that is a file fails by name, and leaves nothing" {
    cfg '.process.cwd = "/etc/passwd"'
    args payload cwd
    run_ct
    expect_error "/etc/passwd"
    nothing_made
}

@test "personality LINUX32 makes uname say i686" {
    needs islet
    cfg '.linux.personality = {"domain": "LINUX32"}'
    inside payload uts
    expect_line "machine=i686"
    cfg '.linux.personality = {"domain": "LINUX"}'
    inside payload uts
    expect_line "machine=$(uname -m)"
}

@test "the payload has a session keyring of its own, or keeps the caller's as asked" {
    keys() { awk '$8 == "_ses" || $8 ~ /:$/ { print $1 }' <<<"$output"; }
    cfg '.linux.maskedPaths = []'
    args payload read /proc/keys
    run_ct
    expect_status 0
    expect_match "keyring +.*$ID|keyring +_ses"
}
