#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line: what callers parse, and how wrong words are answered.

load ../lib/case

setup_file() { needs program jq; }
setup() {
    needs islet
    case_setup
}

verbs() {
    islet help | sed -n '/^Flags before/,$d; s/^  \([a-z]*\)  .*/\1/p'
}

# wrong REGEX STATUS WORD…: one line on stderr, nothing on stdout.
wrong() {
    local regex=$1 want=$2
    shift 2
    call islet "$@"
    expect_error "$regex" "$want"
    same "" "$output" "standard output of $*"
}

@test "--version prints name, commit and spec, line by line" {
    call islet --version
    expect_status 0
    [[ ${lines[0]} =~ ^islet\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
    [[ ${lines[1]} =~ ^commit:\ [^\ ]+ ]]
    [[ ${lines[2]} =~ ^spec:\ 1\.[0-9]+\.[0-9]+$ ]]
    same "" "$stderr"
    local all=$output flag
    for flag in -v -version version; do
        call islet "$flag"
        same "$all" "$output" "$flag"
    done
}

@test "help lists the verbs that clients call, and explains each of them" {
    local verb
    call verbs
    for verb in create start run exec kill delete state list ps features spec pause resume; do
        expect_line "$verb"
    done
    for verb in $output; do
        call islet "$verb" --help
        expect_status 0
        [[ $output == *"usage: islet"*"$verb"* ]] || fail "help of $verb: $output"
        same "" "$stderr" "stderr of $verb --help"
        call islet help "$verb"
        expect_status 0
    done
}

@test "help of create, run and exec names the flags that conmon and containerd pass" {
    local flag
    call islet create --help
    for flag in --bundle --pid-file --console-socket --no-pivot --no-new-keyring --preserve-fds; do
        [[ $output == *"$flag"* ]] || fail "create has no $flag"
    done
    call islet run --help
    for flag in --detach --keep; do
        [[ $output == *"$flag"* ]] || fail "run has no $flag"
    done
    call islet exec --help
    for flag in --process --detach --pid-file --console-socket --tty --user --env --cap --cwd \
        --apparmor --no-new-privs --preserve-fds; do
        [[ $output == *"$flag"* ]] || fail "exec has no $flag"
    done
}

@test "an unknown verb is one line, names the nearest and exits with 1" {
    wrong "unknown verb 'stete', did you mean 'state'" 1 stete x
    wrong "unknown verb 'qqqqqq'" 1 qqqqqq
}

@test "an unknown flag is one line, names the nearest and exits as the verb's errors do" {
    wrong "unknown flag '--rot', did you mean '--root'" 1 --rot /x list
    wrong "create: unknown flag '--bundel', did you mean '--bundle'" 1 create --bundel x y
    wrong "exec: unknown flag '--tyt'" 255 exec --tyt x y
    wrong "flag '--root' needs a value" 1 --root
    wrong "flag '--preserve-fds': 'x' is not a number" 1 create --preserve-fds x y
    wrong "flag '--isolation': 'bare' is none of" 1 --isolation=bare list
}

@test "too few and too many words are told with the usage" {
    wrong "create: too few words: usage: islet create" 1 create
    wrong "state: too many words" 1 state a b
    wrong "exec: no command" 255 exec a
}

@test "global flags may be repeated, with = or a blank, with one dash or two" {
    mkdir "$T/other"
    call islet --root "$T/other" --systemd-cgroup=false --root="$STATE" \
        -root "$STATE" -log-format=json --log-format json --debug=false list -q
    expect_status 0
    same "" "$output"
    same "" "$stderr"
}

@test "flags and words of create may stand in any order, exec stops at the id" {
    wrong "'/nowhere.*No such file" 1 --root "$STATE" create "$ID" --bundle /nowhere
    wrong "container '$ID' does not exist" 255 --root "$STATE" exec "$ID" --no-such-flag
}

@test "flags that are known and not to be had are refused by name" {
    wrong "process-label" 255 --root "$STATE" exec --process-label x "$ID" true
    wrong "pidfd-socket" 1 --root "$STATE" create --pidfd-socket /x "$ID"
    wrong "'--rootless': 'true' is not supported" 1 --rootless true list
    wrong "VM engine 'nemu' is not supported" 1 --vm-engine nemu list
    wrong "checkpoint: not supported" 1 checkpoint x
    wrong "systemd" 1 --root "$STATE" --systemd-cgroup create --bundle / "$ID"
}

@test "with --log and json, a failure is exactly one object with level, msg and time" {
    call islet --root "$STATE" --log "$T/log" --log-format json state "$ID"
    expect_error "does not exist"
    same 1 "$(wc -l <"$T/log")" "lines in the log"
    jq -e '.level == "error" and (.msg | test("does not exist")) and (keys == ["level", "msg", "time"])' "$T/log"
    # RFC 3339, which Go decodes; a bad one loses the message.
    jq -er .time "$T/log" | grep -Ex '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})'
    date -d "$(jq -r .time "$T/log")" >/dev/null
}

@test "a message with quotes, newlines and control bytes is still one JSON object" {
    call islet --root "$STATE" --log "$T/log" --log-format json \
        state $'a"b\\c\nd\x01\x1b[31m\xff'
    [[ $status -eq 1 ]]
    same 1 "$(wc -l <"$T/log")" "lines in the log"
    jq -e '.level == "error"' "$T/log"
    ! grep -q $'\x1b' <<<"$stderr" || fail "escape bytes reach the terminal"
}

@test "the log is appended to, and nothing is written to it when all is well" {
    echo before >"$T/log"
    call islet --root "$STATE" --log "$T/log" --log-format json list
    expect_status 0
    same before "$(cat "$T/log")"
    islet --root "$STATE" --log "$T/log" --log-format json state "$ID" || true
    same 2 "$(wc -l <"$T/log")"
    wrong "open log '/nowhere/log'" 1 --log /nowhere/log list
}

@test "list of nothing is an empty array, and quiet about it" {
    call rt list -f json
    expect_status 0
    [[ $output == "[]" || $output == null ]]
    same "" "$stderr"
    call rt list --format=json
    expect_status 0
    call rt list -q
    same "" "$output"
    call rt list
    expect_match '^ID +PID +STATUS +BUNDLE +CREATED +OWNER'
}

@test "an explicit root that is not there is an error of list, not of others' ids" {
    wrong "/nowhere/root" 1 --root /nowhere/root list
    wrong "does not exist" 1 --root /nowhere/root state "$ID"
}

@test "delete --force of a container that is not there succeeds and says nothing" {
    call rt delete --force "$ID"
    expect_status 0
    same "" "$output$stderr"
    call rt delete "$ID"
    expect_error "container '$ID' does not exist"
}

@test "ids that could leave the state directory are refused by every verb" {
    local id verb
    for id in . .. ../x /etc x/y "" .hidden 'a b' $'a\nb' 'a;b' ü "$(printf 'a%.0s' {1..2000})"; do
        for verb in "create --bundle /" state start "delete --force" kill; do
            # shellcheck disable=SC2086 # verbs with a flag
            call rt $verb "$id"
            [[ $status -eq 1 ]] || fail "$verb takes '${id:0:20}': $status $stderr"
            same 1 "$(wc -l <<<"$stderr")" "lines of $verb '${id:0:20}'"
        done
    done
    same "" "$(find "$STATE" -mindepth 1 ! -name '.*')" "state directory"
    [[ ! -e $T/x ]]
}

@test "unknown signals are refused before the container is looked for" {
    local name
    for name in SIGNOPE -1 65 999 RTMIN+31 RTMAX-31 1x ""; do
        [[ -n $name ]] || continue
        call rt kill "$ID" -- "$name"
        [[ $status -eq 1 && $stderr == *"signal"* ]] || fail "signal '$name': $stderr"
    done
}

@test "features is one JSON document, with nothing on stderr" {
    call islet features
    expect_status 0
    same "" "$stderr"
    jq -e '.ociVersionMin and .ociVersionMax and (.linux.namespaces | index("pid"))
        and (.mountOptions | index("rro")) and .linux.cgroup.v2
        and (.linux.mountExtensions.idmap.enabled == false)
        and (.linux.capabilities | index("CAP_CHOWN"))
        and (.linux.seccomp.actions | index("SCMP_ACT_ERRNO"))' <<<"$output"
}

@test "features does not name what config.json is refused for" {
    call islet features
    jq -e '(.linux.namespaces | index("time") | not) and ((.hooks // []) | length == 0)' <<<"$output"
}

@test "doctor tells of each wall and engine, as table and as JSON" {
    needs root
    call islet doctor
    [[ $status -eq 0 || $status -eq 1 ]] || fail "$status $stderr"
    grep -qi container <<<"$output"
    grep -qi qemu <<<"$output"
    call islet doctor --format json
    [[ $status -eq 0 || $status -eq 1 ]] || fail "$status $stderr"
    jq -e . <<<"$output" >/dev/null
    same "" "$stderr"
}

@test "spec writes a config that create takes, and does not overwrite one" {
    mkdir "$T/b"
    call islet spec -b "$T/b"
    expect_status 0
    jq -e '.ociVersion and .process.args == ["sh"] and .root.path == "rootfs"
        and (.linux.namespaces | length >= 5)' "$T/b/config.json"
    call islet spec --bundle "$T/b"
    expect_error "config.json' exists"
    call islet spec --bundle /nowhere
    expect_error "/nowhere"
}

@test "the program works as a copy of its one file, from a directory of its own" {
    mkdir "$T/alone"
    cp "$ISLET" "$T/alone/prog"
    call "$T/alone/prog" --version
    expect_status 0
    [[ ${lines[0]} == "islet version "* ]]
}

@test "closed standard descriptors do not break a verb" {
    islet --root "$STATE" list -q <&- 2>&-
    islet --root "$STATE" list -q >&- || true
    call rt state "$ID" <&-
    expect_error "does not exist"
}

@test "a full standard output is an error of its own" {
    call sh -c '"$0" --version >/dev/full' "$ISLET"
    [[ $status -ne 0 && $stderr == *"No space left"* ]] || fail "$status $stderr"
}
