#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=vm
# The parity table: one bundle, one list of checks, both walls. A container and a VM are started
# from the same bundle; every case asks both the same and compares each answer with what is right,
# not only with the other's.
# shellcheck disable=SC2317 # checks are functions that `both` calls

load ../lib/case
load ../lib/vm

setup_file() {
    needs root program islet jq busybox qemu kernel
    file_setup
    LIMIT=90
    bundle
    cfg '.hostname = "parity"
        | .process.user = {"uid": 1000, "gid": 1001, "additionalGids": [5, 7], "umask": 23}
        | .process.env = ["PATH=/bin", "EMPTY=", "A=b=c", "UTF=ü"]
        | .process.cwd = "/home/user" | .process.noNewPrivileges = true
        | .process.capabilities = {"bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_BIND_SERVICE"],
            "permitted": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}
        | .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
        | .process.oomScoreAdj = 100
        | .linux.sysctl = {"net.ipv4.ip_forward": "1"}
        | .linux.maskedPaths += ["/secret", "/etc/token"] | .linux.readonlyPaths += ["/fixed"]
        | .linux.devices = [{"path": "/dev/one", "type": "c", "major": 1, "minor": 3, "fileMode": 420, "uid": 7, "gid": 8}]
        | .linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
            {"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95},
            {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 88, "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]}'
    mkdir "$R/secret" "$R/fixed"
    chmod 1777 "$R/tmp"
    echo hidden >"$R/secret/file"
    echo hidden >"$R/etc/token"
    mount_at /ro/only tmpfs tmpfs ro
    mount_at /scratch tmpfs tmpfs size=128k mode=1777 nosuid nodev noexec
    args payload signals
    cp "$B/config.json" "$T/config.json"
    vm_flags
    boot container
    boot vm "${VM_FLAGS[@]}"
}

# boot WALL FLAG…: its output goes to $T/out.WALL.
boot() {
    local wall=$1
    shift
    RT_FLAGS=("$@")
    rt create --bundle "$B" --pid-file "$T/pid.$wall" "$TAG-$wall" </dev/null >"$T/out.$wall" 2>"$T/err.$wall" ||
        fail "create of the $wall: $(cat "$T/err.$wall")"
    RT_FLAGS=()
    [[ $(status_of "$TAG-$wall") == created ]]
    rt start "$TAG-$wall"
    wait_for grep -q ready "$T/out.$wall"
}

setup() {
    file_case
    LIMIT=90
}
teardown() { :; }
teardown_file() { file_teardown; }

# both CHECK…: runs the words for each wall with WALL and ID set. No `||` behind
# them: bash would then ignore what fails inside.
both() {
    for WALL in container vm; do
        echo "on the $WALL wall:"
        ID=$TAG-$WALL
        "$@"
    done
}

# answers TEXT -- WORD…: exec of WORD prints exactly TEXT and exits with 0.
answers() {
    local want=$1
    shift 2
    ex "$@"
    expect_status 0 && same "$want" "$output" "output of $*"
}

check_file() {
    ex sh -c "payload write /tmp/by-$WALL text-of-$WALL"
    expect_line "write: ok" && same "text-of-$WALL" "$(cat "$R/tmp/by-$WALL")" &&
        same "1000:1001 640" "$(stat -c '%u:%g %a' "$R/tmp/by-$WALL")" "owner and mode outside"
}
@test "a file written inside is in the bundle's root afterwards, with its owner and mode" {
    both check_file
}

check_file_seen() {
    echo "later-$WALL" >"$R/etc/later"
    answers "later-$WALL" -- payload read /etc/later
}
@test "a file written outside is seen inside" {
    both check_file_seen
}

@test "the environment is the config's" {
    check_env() {
        ex payload env
        expect_line "EMPTY=" && expect_line "A=b=c" && expect_line "UTF=ü" &&
            expect_line "HOME=/home/user" && same 5 "${#lines[@]}" "variables"
    }
    both check_env
}

@test "the working directory is the config's" {
    both answers "cwd=/home/user" -- payload cwd
}

@test "uid, gid and groups are the config's" {
    both answers $'uid=1000,1000,1000\ngid=1001,1001,1001\ngroups=5 7' -- payload id
}

@test "the umask is the config's" {
    both answers "umask=027" -- payload umask
}

@test "the five capability sets are the config's" {
    both answers $'bounding=421\npermitted=20\neffective=20\ninheritable=20\nambient=20' -- payload caps
}

@test "what needs a capability that is not there is refused" {
    check_chown() {
        ex payload try chown /tmp 5 5
        expect_line "chown: EPERM"
    }
    both check_chown
}

@test "the seccomp filter is on, its errno and comparison hold" {
    check_seccomp() {
        ex payload multi status Seccomp -- try sethostname -- try personality 8 -- try personality 0
        expect_line "Seccomp=2" && expect_line "sethostname: EOPNOTSUPP" &&
            expect_line "personality: ENOTSOCK" && expect_line "personality: ok"
    }
    both check_seccomp
}

@test "no_new_privs is set, and a setuid program gains nothing" {
    cp "$PAYLOAD" "$R/bin/setuid"
    chmod 4755 "$R/bin/setuid"
    check_nnp() {
        ex setuid multi nnp -- id
        expect_line "nnp=1" && expect_line "uid=1000,1000,1000"
    }
    both check_nnp
}

@test "resource limits are the config's" {
    check_rlimits() {
        ex payload rlimits
        expect_line "NOFILE 100 200" && expect_line "CORE 0 0"
    }
    both check_rlimits
}

@test "oomScoreAdj is the config's" {
    both answers 100 -- payload read /proc/self/oom_score_adj
}

@test "the default mounts are there" {
    check_mounts() {
        ex payload read /proc/self/mountinfo
        local pair
        for pair in /proc=proc /dev=tmpfs /dev/pts=devpts /dev/shm=tmpfs /dev/mqueue=mqueue /sys=sysfs; do
            expect_match " ${pair%=*} .* - ${pair#*=} " || return
        done
    }
    both check_mounts
}

@test "a read-only mount at a place that was not there refuses writes" {
    check_ro() {
        ex payload write /ro/only/x x
        same "write: EROFS" "$output"
    }
    both check_ro
}

@test "a tmpfs has its size, mode and flags" {
    check_tmpfs() {
        ex sh -c 'payload stat /scratch; payload read /proc/self/mountinfo; dd if=/dev/zero of=/scratch/x bs=1k count=200 2>&1 | grep -o "No space left"; rm /scratch/x'
        expect_line "/scratch dir 1777 0:0" && expect_line "No space left" &&
            expect_match ' /scratch rw,nosuid,nodev,noexec'
    }
    both check_tmpfs
}

@test "the default devices, links and the config's device are there and work" {
    check_dev() {
        ex payload multi stat /dev/null /dev/full /dev/stdin /dev/one -- open rw /dev/null -- open r /dev/urandom -- ptmx
        expect_line "/dev/null char 666 0:0 1:3" && expect_line "/dev/full char 666 0:0 1:7" &&
            expect_match '^/dev/stdin link .* -> /proc/self/fd/0' && expect_line "/dev/one char 644 7:8 1:3" &&
            expect_no_match '^open: E' && expect_line "ptmx: ok"
    }
    both check_dev
}

@test "masked paths are masked" {
    check_masked() {
        ex payload multi read /etc/token -- stat /secret/file
        expect_no_match hidden && expect_line "/secret/file ENOENT"
    }
    both check_masked
}

@test "read-only paths are read-only" {
    check_readonly() {
        ex payload multi write /fixed/x x -- write /proc/sys/kernel/domainname x
        expect_match '^write: (EROFS|EACCES)' && expect_no_line "write: ok"
    }
    both check_readonly
    [[ ! -e $R/fixed/x ]]
}

@test "the hostname is the config's" {
    check_host() {
        ex payload uts
        expect_line "hostname=parity"
    }
    both check_host
}

@test "sysctls are set" {
    both answers 1 -- payload read /proc/sys/net/ipv4/ip_forward
}

@test "the network namespace has lo, up, and nothing else" {
    both answers $'== lo\nup=1\nconnect: ok\n== links\nlink lo' -- payload multi lo -- links
}

@test "the program is process 1 of its pid namespace" {
    both answers payloadsignals -- cat /proc/1/cmdline
}

@test "exec gives exit codes, and 128+n for signals" {
    check_codes() {
        local code
        for code in 0 1 3 126 255; do
            ex payload exit "$code"
            expect_status "$code" || return
        done
        ex payload signal-me 9
        expect_status 137
    }
    both check_codes
}

@test "exec of a missing program: the same words, and 255" {
    check_missing() {
        ex no-such-program
        [[ $status -eq 255 && $stderr == *'executable file `no-such-program` not found in $PATH: No such file or directory'* ]] ||
            fail "$status $stderr"
    }
    both check_missing
}

@test "standard input reaches the program and ends; output and error are kept apart" {
    check_stdio() {
        call rt exec "$ID" sh -c 'cat; echo to-err >&2' <<<"through"
        same through "$output" && same to-err "$stderr"
    }
    both check_stdio
}

@test "exec's own user, groups, environment, directory and capabilities" {
    check_exec() {
        ex --user 0:3 --additional-gids 9 --env NEW=1 --cwd /tmp --cap CAP_SYS_CHROOT -- payload multi id -- env -- cwd -- caps
        expect_line "uid=0,0,0" && expect_line "gid=3,3,3" && expect_line "groups=9" &&
            expect_line "NEW=1" && expect_line "cwd=/tmp" && expect_match '^bounding=40421$'
    }
    both check_exec
}

@test "exec by a process document" {
    jq '.process | .args = ["payload", "multi", "id", "--", "cwd"] | .user = {"uid": 12, "gid": 13} | .cwd = "/"' \
        "$T/config.json" >"$T/process.json"
    check_process() {
        call rt exec --process "$T/process.json" "$ID" </dev/null
        expect_status 0 && expect_line "uid=12,12,12" && expect_line "cwd=/"
    }
    both check_process
}

@test "a detached exec has a pid file; its process ends with its own status" {
    check_detached() {
        in_background "keeper-$WALL" "$OUTSIDE" keeper "$T/exec-pid.$WALL" \
            "$RUNTIME" --root "$STATE" exec --detach --pid-file "$T/exec-pid.$WALL" "$ID" payload exit 44
        wait_for grep -q '^payload' "$T/keeper-$WALL" && grep -qx "payload exited 44" "$T/keeper-$WALL"
    }
    both check_detached
}

@test "exec at a terminal: its size, Ctrl-C, and exit code" {
    needs expect
    check_tty() {
        ISLET_TEST_TAG=$TAG RUNTIME=$RUNTIME STATE=$STATE ID=$ID call timeout 60 expect -c '
            set timeout 25
            proc must {what} { expect -re $what {} timeout { puts "NO: $what"; exit 90 } eof { exit 91 } }
            set stty_init "rows 22 cols 66"
            spawn $env(RUNTIME) --root $env(STATE) exec -t $env(ID) sh -i
            must "\\$ "
            send "stty size\r"
            must "22 66"
            stty rows 23 cols 67 < $spawn_out(slave,name)
            sleep 0.5
            send "stty size\r"
            must "23 67"
            send "sleep 50\r"
            sleep 1
            send "\003"
            must "\\$ "
            send "exit 12\r"
            expect eof
            exit [lindex [wait] 3]' 3>&-
        expect_status 12
    }
    both check_tty
}

@test "ps lists the processes" {
    check_ps() {
        call rt ps --format json "$ID"
        expect_status 0 && same "" "$stderr" && jq -e 'length == 1 and .[0] >= 1' <<<"$output" >/dev/null
    }
    both check_ps
}

@test "state and list say running, the bundle, and which wall" {
    check_state() {
        call rt state "$ID"
        same "" "$stderr" && jq -e --arg b "$B" --arg w "$WALL" --arg p "$(cat "$T/pid.$WALL")" '
            .status == "running" and .bundle == $b and .rootfs == $b + "/rootfs" and (.pid | tostring) == $p
            and .islet.isolation == $w' <<<"$output" >/dev/null || fail "$output"
        call rt list -f json
        jq -e --arg id "$ID" 'map(select(.id == $id and .status == "running")) | length == 1' <<<"$output" >/dev/null
    }
    both check_state
}

@test "kill sends any signal to the program" {
    check_kill() {
        local pair
        for pair in HUP=1 SIGUSR1=10 12=12 RTMIN+3=37; do
            rt kill "$ID" "${pair%=*}"
            wait_for grep -qx "signal ${pair#*=}" "$T/out.$WALL" || return
        done
    }
    both check_kill
}

@test "delete without --force and start are refused while it runs" {
    check_refuse() {
        call rt delete "$ID"
        [[ $status -eq 1 ]] || fail "delete: $status"
        call rt start "$ID"
        [[ $status -eq 1 ]] || fail "start: $status"
        same running "$(status_of)"
    }
    both check_refuse
}

@test "pause and resume" {
    check_pause() {
        rt pause "$ID" && same paused "$(status_of)" && rt resume "$ID" && same running "$(status_of)"
    }
    both check_pause
}

# The last of this life: after it both are stopped.
@test "the program's end makes it stopped; kill says not running; delete leaves nothing" {
    check_end() {
        rt kill "$ID" TERM
        wait_for has_status stopped || return
        same 0 "$(pid_of)" "pid"
        call rt kill "$ID" KILL
        expect_error "container not running" || return
        call rt exec "$ID" payload exit 0
        [[ $status -eq 255 ]] || fail "exec: $status"
        rt delete "$ID" && nothing_made "$ID"
    }
    both check_end
}

# From here on by `run`; the same bundle, ids taken again: a restart.
run_both() {
    LIMIT=90
    for WALL in container vm; do
        ID=$TAG-$WALL
        RT_FLAGS=()
        [[ $WALL == container ]] || use_vm
        echo "on the $WALL wall:"
        "$@"
    done
}

@test "run again under the same id: exit code, standard input, read-only root" {
    cp "$T/config.json" "$B/config.json"
    cfg '.root.readonly = true'
    args sh -c 'cat; payload write /x x; payload write /scratch/x x; exit 3'
    check_run() {
        call rt run --bundle "$B" "$ID" <<<"from stdin"
        expect_status 3 && same $'from stdin\nwrite: EROFS\nwrite: ok' "$output" && same "" "$stderr" && nothing_made "$ID"
    }
    run_both check_run
}

@test "run of a missing program: the same words, exit 1, nothing left" {
    cp "$T/config.json" "$B/config.json"
    args no-such-program
    check_run() {
        call rt run --bundle "$B" "$ID" </dev/null
        expect_error 'executable file `no-such-program` not found in \$PATH: No such file or directory' && nothing_made "$ID"
    }
    run_both check_run
}

@test "run at a terminal: its size, and the exit code of a program ended by a signal" {
    needs expect
    cp "$T/config.json" "$B/config.json"
    cfg '.process.terminal = true'
    args sh -c 'payload tty; payload signal-me 9; exit $?'
    check_run() {
        ISLET_TEST_TAG=$TAG RUNTIME=$RUNTIME STATE=$STATE B=$B ID=$ID FLAGS="${RT_FLAGS[*]}" call timeout 90 expect -c '
            set timeout 60
            set stty_init "rows 31 cols 97"
            spawn {*}[list $env(RUNTIME) --root $env(STATE)] {*}$env(FLAGS) run --bundle $env(B) $env(ID)
            expect eof
            exit [lindex [wait] 3]' 3>&-
        output=$(tr -d '\r' <<<"$output")
        expect_status 137 && expect_line "isatty0=1" && expect_line "controlling=1" && expect_line "size 31 97"
    }
    run_both check_run
}
