#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# create and start: the two halves of a birth, as conmon and containerd drive them.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

@test "a created container waits: nothing of its program has run until start" {
    args payload echo begun
    create
    same created "$(status_of)"
    same "" "$(cat "$T/out")" "output before start"
    [[ $(readlink "/proc/$(pid_of)/exe") != */payload ]]
    rt start "$ID"
    wait_for grep -qx begun "$T/out"
    wait_for has_status stopped
    rt delete "$ID"
    nothing_made
}

@test "state tells what clients decode: version, id, pid, status, bundle, time, annotations" {
    cfg '.annotations = {"org.example.a": "one", "b": ""}'
    start_hold
    call rt state "$ID"
    expect_status 0
    same "" "$stderr" "stderr, which clients read with stdout"
    jq -e --arg id "$ID" --arg b "$B" --arg v "$(jq -r .ociVersion "$B/config.json")" '
        .ociVersion == $v and .id == $id and .status == "running" and .pid > 1 and .bundle == $b
        and .rootfs == $b + "/rootfs" and .owner == "root"
        and (.created | test("^[0-9-]{10}T[0-9:]{8}(\\.[0-9]+)?Z$"))
        and .annotations == {"org.example.a": "one", "b": ""}' <<<"$output"
    [[ -d /proc/$(pid_of) ]]
}

@test "the pid in the state is 0 when the container has stopped" {
    start_hold
    rt kill "$ID" TERM
    wait_for has_status stopped
    same 0 "$(pid_of)"
}

@test "the pid file is complete when create returns, and names the payload's process" {
    args payload hold
    create --pid-file "$T/pid"
    grep -qE '^[0-9]+$' "$T/pid"
    same "$(pid_of)" "$(cat "$T/pid")"
    rt start "$ID"
    wait_for grep -q ready "$T/out"
    same "$(pid_of)" "$(cat "$T/pid")" "pid after start"
    tr '\0' ' ' <"/proc/$(cat "$T/pid")/cmdline" | grep -qx 'payload hold '
}

@test "a relative pid file and bundle are looked for from the caller's directory" {
    args payload hold
    cd "$T"
    rt create --bundle bundle --pid-file here.pid "$ID" </dev/null >"$T/out" 2>"$T/err"
    same "$(pid_of)" "$(cat "$T/here.pid")"
    [[ ! -e $B/here.pid ]]
    same "$B" "$(rt state "$ID" | jq -r .bundle)"
}

@test "an old pid file is replaced, not written into" {
    args payload hold
    echo 99999999999999999999 >"$T/old"
    ln "$T/old" "$T/pid"
    create --pid-file "$T/pid"
    same "$(pid_of)" "$(cat "$T/pid")"
    same 99999999999999999999 "$(cat "$T/old")" "the other name of the old file"
}

@test "a pid file that cannot be written fails create and leaves nothing" {
    call rt create --bundle "$B" --pid-file /nowhere/pid "$ID" </dev/null
    expect_error "/nowhere"
    nothing_made
}

@test "the bundle is the current directory unless said otherwise" {
    args payload hold
    cd "$B"
    rt create "$ID" </dev/null >"$T/out" 2>"$T/err"
    same "$B" "$(rt state "$ID" | jq -r .bundle)"
}

@test "the init becomes a child of the caller's reaper, leads a session, and carries the exit status" {
    args payload exit 42
    in_background keeper "$OUTSIDE" keeper "$T/pid" \
        "$RUNTIME" --root "$STATE" create --bundle "$B" --pid-file "$T/pid" "$ID"
    wait_for grep -q '^child=' "$T/keeper"
    rt start "$ID"
    wait_for grep -q '^payload' "$T/keeper"
    call cat "$T/keeper"
    expect_line "runtime exited 0"
    expect_match '^child=1 leader=1 '
    expect_line "payload exited 42"
}

@test "a signal ends the init as seen by the caller's reaper" {
    args payload ignore-term
    in_background keeper "$OUTSIDE" keeper "$T/pid" \
        "$RUNTIME" --root "$STATE" create --bundle "$B" --pid-file "$T/pid" "$ID"
    wait_for grep -q '^child=' "$T/keeper"
    rt start "$ID"
    rt kill "$ID" KILL
    wait_for grep -q '^payload' "$T/keeper"
    grep -qx "payload signalled 9" "$T/keeper"
}

@test "a taken id is refused and the first container is not touched" {
    start_hold
    local pid
    pid=$(pid_of)
    call rt create --bundle "$B" "$ID" </dev/null
    expect_error "already exists"
    call rt run --bundle "$B" "$ID" </dev/null
    expect_error "exists"
    same "$pid" "$(pid_of)"
    same running "$(status_of)"
}

@test "start twice is refused, and the container goes on" {
    start_hold
    call rt start "$ID"
    [[ $status -eq 1 ]]
    same 1 "$(wc -l <<<"$stderr")" "lines"
    same running "$(status_of)"
}

@test "start of a container that is not there, or has stopped, is refused" {
    call rt start "$ID"
    expect_error "does not exist"
    start_hold
    rt kill "$ID" KILL
    wait_for has_status stopped
    call rt start "$ID"
    [[ $status -eq 1 && -n $stderr ]]
}

@test "a missing bundle, config or root file system is told with its path, and leaves nothing" {
    call rt create --bundle "$T/none" "$ID" </dev/null
    expect_error "$T/none"
    mkdir "$T/empty"
    call rt create --bundle "$T/empty" "$ID" </dev/null
    expect_error "config.json.*No such file"
    nothing_made
    cfg '.root.path = "elsewhere"'
    call rt create --bundle "$B" "$ID" </dev/null
    expect_error "elsewhere.*No such file"
    nothing_made
    rm -rf "$B/elsewhere"
    touch "$B/elsewhere"
    call rt create --bundle "$B" "$ID" </dev/null
    expect_error "elsewhere.*Not a directory"
    nothing_made
}

@test "an absolute root path works as a relative one does" {
    mv "$R" "$T/elsewhere"
    cfg '.root.path = $p' --arg p "$T/elsewhere"
    args payload exit 5
    run_ct
    expect_status 5
}

@test "wrong configs are one line that points at the field, and leave nothing" {
    needs islet
    local filter regex
    while IFS='~' read -r filter regex; do
        bundle "b$RANDOM"
        cfg "$filter"
        call rt create --bundle "$B" "$ID" </dev/null
        expect_error "$regex" || fail "for: $filter"
        nothing_made
    done <<'END'
del(.ociVersion)~/ociVersion
.ociVersion = "2.0.0"~/ociVersion.*1\.x
.ociVersion = 1~/ociVersion
del(.process)~/process
.process.args = []~/process/args
.process.args = [""]~/process/args/0
.process.args = "sh"~/process/args
.process.args = [1]~/process/args/0
.process.args = ["a\u0000b"]~NUL in a string
.process.cwd = "tmp"~/process/cwd
del(.process.cwd)~/process/cwd
.process.env = ["NOEQUALS"]~/process/env/0
.process.user.uid = -1~/process/user/uid
.process.user.uid = 4294967295~/process/user/uid
.process.user.uid = "root"~/process/user/uid
.process.user.umask = 4096~/process/user/umask
.process.rlimits = [{"type": "RLIMIT_NOPE", "soft": 1, "hard": 1}]~/process/rlimits/0/type
.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]~/process/rlimits/1/type
.process.rlimits = [{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]~/process/rlimits/0/soft
.process.oomScoreAdj = 1001~/process/oomScoreAdj
del(.root)~/root
.root.path = ""~/root/path
.root = []~/root
.mounts[0].destination = ""~/mounts/0/destination
.mounts += [{"type": "tmpfs"}]~/mounts/[0-9]+/destination
.linux.namespaces += [{"type": "pid"}]~/linux/namespaces/[0-9]+/type
.linux.namespaces[0].type = "pidd"~/linux/namespaces/0/type
.linux.namespaces[0].path = "relative"~/linux/namespaces/0/path
.linux.namespaces |= map(select(.type != "mount"))~/linux/namespaces
.linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1}]~/linux/uidMappings
.linux.namespaces += [{"type": "user"}]~/linux/uidMappings
.linux.namespaces |= map(select(.type != "uts"))~/hostname
.linux.devices = [{"path": "dev/x", "type": "c", "major": 1, "minor": 3}]~/linux/devices/0/path
.linux.devices = [{"path": "/dev/x", "type": "z", "major": 1, "minor": 3}]~/linux/devices/0/type
.linux.devices = [{"path": "/dev/x", "type": "c"}]~/linux/devices/0
.linux.maskedPaths = ["proc"]~/linux/maskedPaths/0
.linux.readonlyPaths = ["proc"]~/linux/readonlyPaths/0
.linux.rootfsPropagation = "loud"~/linux/rootfsPropagation
.linux.sysctl = {"kernel.core_pattern": "x"}~/linux/sysctl/kernel.core_pattern
.linux.sysctl = {"kernel.hostname": "x"}~/linux/sysctl/kernel.hostname
.linux.sysctl = {"net.ipv4.ip_forward": 1}~/linux/sysctl
.linux.personality = {"domain": "BSD"}~/linux/personality/domain
.linux.seccomp = {"defaultAction": "SCMP_ACT_NOPE"}~/linux/seccomp.*defaultAction
.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}~/linux/seccomp/syscalls/0/args/0/index
.annotations = {"a": 1}~/annotations
END
}

@test "config.json that is no JSON is one line, at any size, within memory and time" {
    needs islet
    local name
    printf '' >"$T/empty.json"
    printf '{"ociVersion": "1.0.0",' >"$T/cut.json"
    head -c 3000000 /dev/zero | tr '\0' '[' >"$T/deep.json"
    head -c 3000000 /dev/zero | tr '\0' '{' >"$T/braces.json"
    head -c 3000000 /dev/zero >"$T/zero.json"
    { printf '{"ociVersion": "' && head -c 80000000 /dev/zero | tr '\0' 'x' && printf '"}'; } >"$T/big.json"
    printf '{"ociVersion": "1.0.0", "ociVersion": "1.0.0"}' >"$T/twice.json"
    printf '"\xff\xfe"' >"$T/utf8.json"
    printf 'null' >"$T/null.json"
    for name in empty cut deep braces zero big twice utf8 null; do
        call rt create --bundle "$B" --config "$T/$name.json" "$ID" </dev/null
        [[ $status -eq 1 ]] || fail "$name: status $status $stderr"
        same 1 "$(wc -l <<<"$stderr")" "lines for $name"
        ((${#stderr} < 700)) || fail "$name: ${#stderr} bytes of message"
        nothing_made
    done
}

@test "a config of 3 MB of [ is refused as config.json of the bundle too" {
    head -c 3000000 /dev/zero | tr '\0' '[' >"$B/config.json"
    call rt run --bundle "$B" "$ID" </dev/null
    expect_error "config.json"
    nothing_made
}

@test "a fifo or a directory as config.json does not hang or crash" {
    rm "$B/config.json"
    mkfifo "$B/config.json"
    LIMIT=10
    call rt create --bundle "$B" "$ID" </dev/null
    [[ $status -eq 1 ]] || fail "status $status"
    rm "$B/config.json"
    mkdir "$B/config.json"
    call rt create --bundle "$B" "$ID" </dev/null
    [[ $status -eq 1 ]] || fail "status $status"
    nothing_made
}

@test "unknown keys are carried on and not spoken of" {
    cfg '.unknown = {"x": [1]} | .process.unknown = 1 | .linux.unknown = null | .solaris = {} | .windows = {}'
    args payload exit 3
    run_ct
    expect_status 3
    same "" "$stderr"
}

@test "integers up to 2^64-1 in config.json are kept exactly" {
    needs islet
    # jq itself rounds them, so they are put in as text.
    cfg '.annotations = {"big": "x"} | .unknown = "BIG"'
    sed -i 's/"BIG"/18446744073709551615/' "$B/config.json"
    args_text='"args": ["payload", "exit", "4"]'
    perl -0pi -e 's/"args": \[[^]]*\]/'"${args_text//\//\\/}"'/' "$B/config.json"
    run_ct
    expect_status 4
}

@test "a second config file is taken with --config" {
    needs islet
    args payload exit 6
    mv "$B/config.json" "$T/other.json"
    run_ct --config "$T/other.json"
    expect_status 6
}

@test "zero, empty and false count as unset, as docker sends them" {
    needs islet
    cfg '.linux.resources = {"cpu": {"shares": 0}, "blockIO": {"weight": 0}, "memory": {}, "pids": {}, "devices": []}
        | .process.apparmorProfile = "" | .linux.rootfsPropagation = "" | .domainname = ""'
    args payload exit 7
    run_ct
    expect_status 7
}
