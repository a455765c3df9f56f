#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# seccomp: actions, errno values, comparisons of arguments, architectures, order.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"]}) | add)'
}

# filter JSON: the profile; allow-all unless it says otherwise.
filter() {
    cfg '.linux.seccomp = ({"defaultAction": "SCMP_ACT_ALLOW"} + $s)' --argjson s "$1"
}

inside() {
    args "$@"
    run_ct
}

@test "without a profile there is no filter; the same calls work" {
    inside payload multi status Seccomp -- try sethostname -- try personality 0xffffffff
    expect_line "Seccomp=0"
    expect_line "sethostname: ok"
    expect_line "personality: ok"
}

@test "ERRNO gives EPERM, or the errno that errnoRet says, 0 included" {
    filter '{"syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"},
        {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
        {"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}]}'
    inside payload multi try sethostname -- try personality 0xffffffff -- try chroot -- status Seccomp
    expect_line "sethostname: EPERM"
    expect_line "personality: EOPNOTSUPP"
    expect_line "chroot: ok"
    expect_line "Seccomp=2"
}

@test "the default action and its errno hold for what is not listed" {
    filter '{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 88, "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [
        "execve", "read", "write", "exit", "exit_group", "brk", "mmap", "munmap", "mprotect", "arch_prctl", "set_tid_address",
        "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom", "fstat", "newfstatat", "uname",
        "close", "close_range", "getppid", "futex", "prctl", "capget", "setuid", "capset"]}]}'
    inside payload try sethostname
    expect_line "sethostname: ENOTSOCK"
    inside payload try getppid
    expect_line "getppid: ok"
}

@test "KILL_PROCESS ends the program by SIGSYS" {
    filter '{"syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
    inside payload try sethostname
    expect_status 159
    filter '{"syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_KILL"}]}'
    inside payload try sethostname
    expect_status 159
}

@test "arguments are compared: equal, not equal, less, greater, masked" {
    filter '{"syscalls": [
        {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
        {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 2, "args": [{"index": 0, "value": 16, "valueTwo": 16, "op": "SCMP_CMP_MASKED_EQ"}]}]}'
    inside payload multi try personality 8 -- try personality 0x30 -- try personality 0
    same "personality: EPERM
personality: ENOENT
personality: ok" "$(grep '^personality' <<<"$output")"
    local op value want
    while read -r op value want; do
        filter '{"syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95, "args": [{"index": 0, "value": 4, "op": "'"$op"'"}]}]}'
        inside payload try personality "$value"
        expect_line "personality: $want" || fail "$op $value"
    done <<'END'
SCMP_CMP_NE 5 EOPNOTSUPP
SCMP_CMP_NE 4 ok
SCMP_CMP_LT 3 EOPNOTSUPP
SCMP_CMP_LE 4 EOPNOTSUPP
SCMP_CMP_GT 5 EOPNOTSUPP
SCMP_CMP_GT 4 ok
SCMP_CMP_GE 4 EOPNOTSUPP
END
}

@test "comparisons use all 64 bits of a value" {
    cfg '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO",
        "errnoRet": 95, "args": [{"index": 0, "value": "BIG", "op": "SCMP_CMP_EQ"}]}]}'
    args payload multi try personality 0xffffffffffffffff -- try personality 0xffffffff
    sed -i 's/"BIG"/18446744073709551615/' "$B/config.json" # jq would round it
    run_ct
    same "personality: EOPNOTSUPP
personality: ok" "$(grep '^personality' <<<"$output")"
}

@test "rules of several comparisons on one argument are alternatives, as runc has it" {
    filter '{"syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95, "args": [
        {"index": 0, "value": 4, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]}'
    inside payload multi try personality 4 -- try personality 8
    same 2 "$(grep -c 'personality: EOPNOTSUPP' <<<"$output")"
}

@test "a profile for several architectures loads, and its rules hold" {
    filter '{"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [{"names": ["sethostname", "no_such_call_ever"], "action": "SCMP_ACT_ERRNO"}]}'
    inside payload multi try sethostname -- try getppid
    expect_line "sethostname: EPERM"
    expect_line "getppid: ok"
}

@test "unknown names of system calls are left out, unknown actions and operators are refused by name" {
    filter '{"syscalls": [{"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"}]}'
    inside payload exit 3
    expect_status 3
    filter '{"syscalls": [{"names": ["read"], "action": "SCMP_ACT_NOPE"}]}'
    inside payload exit 3
    expect_error "SCMP_ACT_NOPE"
    filter '{"architectures": ["SCMP_ARCH_PDP11"]}'
    inside payload exit 3
    expect_error "SCMP_ARCH_PDP11"
    filter '{"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_NOPE"}]}]}'
    inside payload exit 3
    expect_error "SCMP_CMP_NOPE"
    filter '{"flags": ["SECCOMP_FILTER_FLAG_NOPE"]}'
    inside payload exit 3
    expect_error "SECCOMP_FILTER_FLAG_NOPE"
    nothing_made
}

@test "errnoRet with an action that has none is refused" {
    needs islet
    filter '{"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1}]}'
    inside payload exit 3
    expect_error "errnoRet"
}

@test "a profile without capset and setuid starts when noNewPrivileges is set" {
    cfg '.process.noNewPrivileges = true | .process.user = {"uid": 1000, "gid": 1000}'
    filter '{"syscalls": [{"names": ["capset", "setuid", "setresuid", "setgroups", "setgid", "setresgid", "chdir", "openat"],
        "action": "SCMP_ACT_ERRNO"}]}'
    inside payload id
    expect_status 0
    expect_line "uid=1000,1000,1000"
}

@test "without noNewPrivileges a filter loads for a user without rights too" {
    cfg '.process.noNewPrivileges = false | .process.user = {"uid": 1000, "gid": 1000} | del(.process.capabilities)'
    filter '{"syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}'
    inside payload multi try sethostname -- nnp
    expect_line "sethostname: EOPNOTSUPP"
    expect_line "nnp=0"
}

@test "a second run of the same profile, and a changed one, each get their own filter" {
    filter '{"syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}]}'
    inside payload try sethostname
    expect_line "sethostname: EIO"
    inside payload try sethostname
    expect_line "sethostname: EIO"
    filter '{"syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 6}]}'
    inside payload try sethostname
    expect_line "sethostname: ENXIO"
}
