#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# exec: another program in a living container, by words and by a process document.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

# process WORD…: a process document like the container's, with these arguments.
process() {
    jq '.process | .args = $ARGS.positional' "$B/config.json" --args -- "$@" >"$T/process.json"
}

# process_set FILTER
process_set() {
    jq "$1" "$T/process.json" >"$T/process.new"
    mv "$T/process.new" "$T/process.json"
}

@test "exec runs in the namespaces, the root and the cgroup of the container" {
    start_hold
    ex payload ns
    expect_status 0
    local pid inside=$output
    pid=$(pid_of)
    local ns
    for ns in ipc mnt net pid uts; do
        grep -qxF "$(readlink "/proc/$pid/ns/$ns")" <<<"$inside" || fail "another $ns namespace: $inside"
    done
    ex payload uts
    expect_line "hostname=island"
    rt exec -d --pid-file "$T/pid" "$ID" payload hold </dev/null >/dev/null 2>&1
    same "$(grep ^0: "/proc/$pid/cgroup")" "$(grep ^0: "/proc/$(cat "$T/pid")/cgroup")" "cgroup"
}

@test "exec exits with the program's status, 128+n by signal" {
    local code
    start_hold
    for code in 0 1 3 126 255; do
        ex payload exit "$code"
        expect_status "$code"
    done
    ex payload signal-me 9
    expect_status 137
    ex payload signal-me 15
    expect_status 143
}

@test "exec that cannot run its program exits with 255 and the words of run" {
    needs islet
    start_hold
    ex no-such-program
    expect_error 'executable file `no-such-program` not found in \$PATH: No such file or directory' 255
    ex /etc/passwd
    expect_error '/etc/passwd.*: Permission denied' 255
}

@test "a failed exec writes no pid file" {
    start_hold
    call rt exec --detach --pid-file "$T/pid" "$ID" no-such-program </dev/null
    [[ $status -ne 0 ]]
    [[ ! -e $T/pid ]] || fail "pid file: $(cat "$T/pid")"
    process no-such-program
    call rt exec --process "$T/process.json" --detach --pid-file "$T/pid" "$ID" </dev/null
    [[ $status -ne 0 && ! -e $T/pid ]]
}

@test "exec into a stopped container exits with 255 and says so" {
    start_hold
    rt kill "$ID" KILL
    wait_for has_status stopped
    ex payload exit 0
    [[ $status -eq 255 && $stderr == *"not running"* ]] || [[ $stderr == *"stopped"* ]] || fail "$status $stderr"
}

@test "exec into a container that was not started is possible or refused, but never starts it" {
    args payload echo begun
    create
    call rt exec "$ID" payload exit 0 </dev/null
    same created "$(status_of)"
    same "" "$(cat "$T/out")"
}

@test "exec passes standard streams, also through a pipe of 64 MiB" {
    start_hold
    call rt exec "$ID" sh -c 'cat; echo err >&2' <<<"in"
    same in "$output"
    same err "$stderr"
    call rt exec "$ID" payload read-count < <("$PAYLOAD" spam 67108864)
    same "67108864 same" "$output"
}

@test "flags of exec end at the id: what follows is the program's" {
    start_hold
    ex payload args --user 7 -t --help
    same "arg[--user]
arg[7]
arg[-t]
arg[--help]" "$output"
}

@test "exec --user sets uid and gid, and takes numbers only" {
    start_hold
    ex --user 1000 -- payload id
    expect_line "uid=1000,1000,1000"
    expect_line "gid=0,0,0"
    ex --user 1000:100 -- payload id
    expect_line "uid=1000,1000,1000"
    expect_line "gid=100,100,100"
}

@test "exec --additional-gids sets the groups" {
    start_hold
    ex --user 1000:1000 --additional-gids 7 --additional-gids 8 -- payload id
    expect_line "groups=7 8"
}

@test "exec --env adds and replaces, --cwd changes" {
    cfg '.process.env += ["KEPT=1", "CHANGED=old"]'
    start_hold
    ex --env CHANGED=new --env ADDED=2 --cwd /tmp -- payload multi env -- cwd
    expect_line "KEPT=1"
    expect_line "CHANGED=new"
    expect_no_line "CHANGED=old"
    expect_line "ADDED=2"
    expect_line "cwd=/tmp"
}

@test "exec without flags has the container's env, cwd, groups, capabilities and limits" {
    cfg '.process.env += ["KEPT=1"] | .process.cwd = "/var/empty"
        | .process.user = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
        | .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99}]
        | .process.noNewPrivileges = true'
    start_hold
    ex payload multi env -- cwd -- id -- rlimits -- nnp
    expect_line "KEPT=1"
    expect_line "cwd=/var/empty"
    expect_line "uid=1000,1000,1000"
    expect_line "groups=5"
    expect_line "NOFILE 77 99"
    expect_line "nnp=1"
}

@test "exec --cap adds to what the program may, and not to what it passes on" {
    cfg '.process.noNewPrivileges = false
        | .process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_KILL"]}) | add)'
    start_hold
    ex payload caps
    expect_line "effective=20"
    ex --cap CAP_NET_ADMIN -- payload caps
    expect_line "effective=1020"
    expect_line "permitted=1020"
    expect_line "bounding=1020"
    expect_line "inheritable=0"
}

@test "exec --no-new-privs sets it" {
    cfg '.process.noNewPrivileges = false'
    start_hold
    ex payload nnp
    expect_line "nnp=0"
    ex --no-new-privs -- payload nnp
    expect_line "nnp=1"
}

@test "exec --process takes everything from the document" {
    cfg '.process.env += ["CONTAINERS=1"]'
    start_hold
    process payload multi args x -- env -- cwd -- id -- caps -- rlimits -- nnp -- umask
    process_set '.env = ["PATH=/bin", "ONLY=1"] | .cwd = "/home" | .user = {"uid": 12, "gid": 13, "additionalGids": [14, 15], "umask": 63}
        | .capabilities = {"bounding": ["CAP_KILL"]} | .rlimits = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
        | .noNewPrivileges = true'
    call rt exec --process "$T/process.json" "$ID" </dev/null
    expect_status 0
    expect_line "arg[x]"
    expect_line "ONLY=1"
    expect_no_match "CONTAINERS"
    expect_line "cwd=/home"
    expect_line "uid=12,12,12"
    expect_line "gid=13,13,13"
    expect_line "groups=14 15"
    expect_line "bounding=20"
    expect_line "effective=0"
    expect_line "CORE 0 0"
    expect_line "nnp=1"
    expect_line "umask=077"
}

@test "a wrong process document is one line, points at the field and exits with 255" {
    needs islet
    start_hold
    process payload exit 0
    process_set '.cwd = "tmp"'
    call rt exec --process "$T/process.json" "$ID" </dev/null
    expect_error "/cwd" 255
    process_set '.args = []'
    call rt exec --process "$T/process.json" "$ID" </dev/null
    expect_error "/args" 255
    echo '{' >"$T/process.json"
    call rt exec --process "$T/process.json" "$ID" </dev/null
    expect_error "process.json" 255
    call rt exec --process /nowhere "$ID" </dev/null
    expect_error "/nowhere" 255
    call rt exec --process "$T/process.json" "$ID" true </dev/null
    expect_error "exclude" 255
    same running "$(status_of)"
}

@test "exec --detach writes a whole pid file, and its process is the caller's to reap" {
    start_hold
    in_background keeper "$OUTSIDE" keeper "$T/pid" \
        "$RUNTIME" --root "$STATE" exec --detach --pid-file "$T/pid" "$ID" sh -c 'read -r x; exit 44'
    # Standard input is /dev/null here: the program ends at once with 44.
    wait_for grep -q '^payload' "$T/keeper"
    call cat "$T/keeper"
    expect_line "runtime exited 0"
    expect_match '^child=1 leader=1 digits=([0-9]+) of \1$'
    expect_line "payload exited 44"
}

@test "exec --process --detach with a console socket, as conmon calls it" {
    start_hold
    process payload tty
    process_set '.terminal = true'
    mkfifo "$T/in"
    in_background con sh -c '"$1" console "$2" <"$3"' sh "$OUTSIDE" "$T/con.sock" "$T/in"
    exec {hold}>"$T/in"
    wait_for test -S "$T/con.sock"
    rt exec --pid-file "$T/pid" --process "$T/process.json" --detach --console-socket "$T/con.sock" "$ID" </dev/null >/dev/null 2>&1
    grep -qE '^[0-9]+$' "$T/pid"
    wait_for grep -q '^size' "$T/con"
    exec {hold}>&-
    call tr -d '\r' <"$T/con"
    expect_match '^message bytes=[0-9]+ fds=1 name=.+'
    expect_line "isatty0=1"
    expect_line "controlling=1"
    expect_line "leader=1"
}

@test "exec --tty at a terminal: a shell with job control, resize and its exit code" {
    needs expect
    start_hold
    ISLET_TEST_TAG=$TAG RUNTIME=$RUNTIME STATE=$STATE ID=$ID call timeout 40 expect -c '
        set timeout 10
        proc must {what} { expect -re $what {} timeout { puts "NO: $what"; exit 90 } eof { exit 91 } }
        set stty_init "rows 22 cols 66"
        spawn $env(RUNTIME) --root $env(STATE) exec -t $env(ID) sh -i
        must "# "
        send "stty size\r"
        must "22 66"
        stty rows 23 cols 67 < $spawn_out(slave,name)
        send "stty size\r"
        must "23 67"
        send "sleep 50\r"
        sleep 0.3
        send "\003"
        must "# "
        send "exit 12\r"
        expect eof
        exit [lindex [wait] 3]' 3>&-
    expect_status 12
    same running "$(status_of)"
}

@test "a detached exec ends with its container" {
    start_hold
    rt exec -d --pid-file "$T/pid" "$ID" payload ignore-term </dev/null >/dev/null 2>&1
    rt kill "$ID" KILL
    wait_for has_status stopped
    wait_for sh -c '[ ! -e "/proc/$0" ] || grep -q ") Z" "/proc/$0/stat"' "$(cat "$T/pid")"
    rt delete "$ID"
    nothing_made
}

@test "exec passes on the signals that its caller sends it" {
    local pid
    start_hold
    ISLET_TEST_TAG=$TAG "$RUNTIME" --root "$STATE" exec "$ID" payload signals </dev/null >"$T/x" 2>&1 3>&- &
    pid=$!
    BACKGROUND+=("$pid")
    wait_for grep -q ready "$T/x"
    kill -USR2 "$pid"
    wait_for grep -qx "signal 12" "$T/x"
    kill -TERM "$pid"
    wait "$pid"
    grep -qx "signal 15" "$T/x"
}

@test "exec gives its program 0, 1, 2 and what --preserve-fds says, nothing else" {
    start_hold
    call bash -c 'exec 3</etc/passwd 5</etc 9</; exec "$@"' sh \
        timeout 20 "$RUNTIME" --root "$STATE" exec "$ID" payload fds </dev/null
    same "0 1 2" "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
    call bash -c 'exec 3</etc/passwd 5</etc 9</; exec "$@"' sh \
        timeout 20 "$RUNTIME" --root "$STATE" exec --preserve-fds 1 "$ID" payload fds </dev/null
    same "0 1 2 3" "$(cut -d' ' -f1 <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
}

@test "exec runs under the container's seccomp filter" {
    cfg '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}'
    start_hold
    ex --cap CAP_SYS_ADMIN -- payload multi try sethostname -- status Seccomp
    expect_line "sethostname: EOPNOTSUPP"
    expect_line "Seccomp=2"
}

@test "exec works when the image has no /proc mounted" {
    no_mount /proc
    cfg '.linux.maskedPaths = [] | .linux.readonlyPaths = []'
    start_hold
    ex payload id
    expect_status 0
    expect_line "uid=0,0,0"
}

@test "exec into a container without a pid namespace works" {
    cfg '.linux.namespaces |= map(select(.type != "pid"))'
    start_hold
    ex payload exit 5
    expect_status 5
}
