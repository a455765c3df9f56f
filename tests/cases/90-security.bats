#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Holes that runtimes have had. Each case says which old runtime was seen to fail it, by
# tests/lib/old-runtime; those that no installed one fails say so.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

# program_sum: of the runtime's binary on the host.
program_sum() {
    sha256sum "$(readlink -f "$RUNTIME")"
}

# CVE-2019-5736. Seen failing: none installed (fixed before runc 1.1 and crun 1.8).
@test "an entry point that is #!/proc/self/exe does not run the runtime inside" {
    local before
    before=$(program_sum)
    printf '#!/proc/self/exe\n' >"$R/bin/evil"
    chmod 755 "$R/bin/evil"
    args /bin/evil --version
    run_ct
    [[ $status -ne 0 && $status -ne 124 ]] || fail "status $status: $output"
    expect_no_match "version [0-9]"
    same "$before" "$(program_sum)"
    # The same file can be run when it names a real interpreter.
    printf '#!/bin/payload echo\n' >"$R/bin/evil"
    run_ct
    expect_status 0
}

# CVE-2019-5736, the other way: /proc/PID/exe of what enters. Seen failing: none installed.
@test "the exe of what execs into a container cannot be opened to write" {
    local before i
    before=$(program_sum)
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]}) | add)'
    args payload peek
    start_hold
    for i in {1..60}; do
        rt exec "$ID" payload exit 0 </dev/null
    done
    rt kill "$ID" TERM
    wait_for grep -q '^rounds=1' "$T/out"
    ! grep -q WRITABLE "$T/out" || fail "$(grep WRITABLE "$T/out" | sort | uniq -c)"
    same "$before" "$(program_sum)"
}

# CVE-2016-9962. Seen failing: none installed.
@test "what enters a container shows neither its exe nor its descriptors to those inside" {
    needs islet
    local i
    args payload peek
    start_hold
    for i in {1..120}; do
        rt exec "$ID" payload exit 0 </dev/null
    done
    rt kill "$ID" TERM
    wait_for grep -q '^rounds=1' "$T/out"
    ! grep -qE '^(exe|fd) ' "$T/out" || fail "seen: $(grep -E '^(exe|fd) ' "$T/out" | sort | uniq -c | head)"
}

# Control of the two cases above: the peeker does see a process that is not protected.
@test "the peeker of these cases sees an ordinary process of the container" {
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_SYS_PTRACE"]}) | add)'
    cp "$PAYLOAD" "$R/bin/visible"
    args payload peek
    start_hold
    ex visible sleep 300
    rt kill "$ID" TERM
    wait_for grep -q '^rounds=1' "$T/out"
    grep -q '^exe /bin/visible' "$T/out"
}

# CVE-2019-16884, CVE-2019-19921. Seen failing: none installed.
@test "what is no proc over /proc, or anything inside it, is refused" {
    mkdir "$T/fake"
    mkdir -p "$R/fakeproc"
    local kind
    for kind in "/proc tmpfs tmpfs" "/proc/self/attr bind $T/fake bind" "/proc/sys bind $T/fake bind" "/proc/1 tmpfs tmpfs"; do
        bundle "b$RANDOM"
        # shellcheck disable=SC2086 # words
        mount_at $kind
        args payload exit 0
        run_ct
        [[ $status -eq 1 && $stderr == *proc* ]] || fail "$kind: $status $output $stderr"
        nothing_made
    done
}

@test "real proc over /proc, its subset, and an lxcfs-like file in it are taken" {
    no_mount /proc
    mount_at /proc proc proc
    echo fake-uptime >"$T/uptime"
    mount_at /proc/uptime bind "$T/uptime" bind
    args payload read /proc/uptime
    run_ct
    expect_status 0
    expect_line fake-uptime
}

# CVE-2023-27561, CVE-2023-28642. Seen failing: none installed (Debian's runc 1.1.5 is patched).
@test "a /proc or /sys that is a symlink in the image is refused" {
    local name
    for name in proc sys; do
        bundle "b$name"
        rmdir "$R/$name"
        mkdir "$R/elsewhere"
        ln -s elsewhere "$R/$name"
        args payload exit 0
        run_ct
        [[ $status -eq 1 ]] || fail "/$name as a symlink: status $status"
        grep -qi "not a directory\|symlink\|ordinary directory" <<<"$stderr" || fail "$stderr"
        nothing_made
    done
}

# CVE-2025-31133. Seen failing: runc 1.1.5 (shows /sys/kernel/domainname of proc, writable).
@test "a /dev/null of the image is never what masks a path" {
    no_mount /dev/pts /dev/shm /dev/mqueue /dev
    rm -f "$R/dev/null"
    ln -s /proc/sys/kernel/domainname "$R/dev/null"
    cfg '.linux.maskedPaths = ["/proc/timer_list"] | .linux.readonlyPaths = []'
    args payload hold
    rt run --detach --bundle "$B" "$ID" </dev/null >"$T/out" 2>"$T/err" || {
        nothing_made # refusing is as good
        return 0
    }
    wait_for grep -q ready "$T/out" || true
    local line
    line=$(grep ' /proc/timer_list ' "/proc/$(pid_of)/mountinfo")
    [[ $line == *" /null /proc/timer_list "* || $line == *" - tmpfs "* ]] || fail "masked by: $line"
    [[ $line != *domainname* ]]
}

# Its sibling without a number. Seen failing: runc 1.1.5 (output lost).
@test "a /dev/null of the image that is a symlink does not swallow standard output" {
    no_mount /dev/pts /dev/shm /dev/mqueue /dev
    rm -f "$R/dev/null"
    ln -s /etc/sink "$R/dev/null"
    touch "$R/etc/sink"
    cfg '.linux.maskedPaths = [] | .linux.readonlyPaths = []'
    args payload echo arrives
    run_ct
    [[ $status -ne 0 || $output == arrives ]] || fail "status $status, output '$output'"
    same "" "$(cat "$R/etc/sink")" "what the image's file got"
}

# CVE-2025-52565: /dev/console and /dev/pts of the image.
@test "a /dev/console of the image that is a symlink is not followed" {
    needs islet
    no_mount /dev/shm /dev/mqueue /dev
    echo victim >"$T/victim"
    mkdir -p "$R/dev/pts" "$R/victims"
    echo victim >"$R/victims/file"
    ln -s /victims/file "$R/dev/console"
    cfg '.process.terminal = true'
    mkfifo "$T/in"
    in_background con sh -c '"$1" console "$2" <"$3"' sh "$OUTSIDE" "$T/con.sock" "$T/in"
    exec {hold}>"$T/in"
    wait_for test -S "$T/con.sock"
    args payload hold
    call rt create --console-socket "$T/con.sock" --bundle "$B" "$ID" </dev/null
    exec {hold}>&-
    if [[ $status -eq 0 ]]; then
        ! grep -q ' /victims/file ' "/proc/$(pid_of)/mountinfo" || fail "the symlink was followed"
    fi
    same victim "$(cat "$R/victims/file")"
}

# CVE-2025-52565. Only islet promises words.
@test "a terminal from a /dev/pts that is no devpts is refused" {
    needs islet
    no_mount /dev/pts
    mkdir "$T/pts"
    touch "$T/pts/ptmx" "$T/pts/0"
    mount_at /dev/pts bind "$T/pts" bind
    cfg '.process.terminal = true'
    mkfifo "$T/in"
    in_background con sh -c '"$1" console "$2" <"$3"' sh "$OUTSIDE" "$T/con.sock" "$T/in"
    exec {hold}>"$T/in"
    wait_for test -S "$T/con.sock"
    args payload hold
    call rt create --console-socket "$T/con.sock" --bundle "$B" "$ID" </dev/null
    exec {hold}>&-
    [[ $status -eq 1 ]] || fail "status $status"
    nothing_made
}

# CVE-2024-21626 by run. Seen failing: none installed (Debian's runc 1.1.5 is patched).
@test "a working directory of /proc/self/fd/N leads nowhere, for any N" {
    local n
    args payload cwd
    for n in {3..30}; do
        cfg '.process.cwd = $c' --arg c "/proc/self/fd/$n"
        run_ct
        [[ $status -ne 0 ]] || fail "run with cwd of descriptor $n: $output"
    done
    nothing_made
    cfg '.process.cwd = "/proc"'
    run_ct
    expect_line "cwd=/proc"
}

# CVE-2024-21626 by exec, and by an image's symlink. Seen failing: none installed.
@test "exec --cwd of /proc/self/fd/N leads nowhere, also through a symlink of the image" {
    local n
    ln -s /proc/self/fd/7 "$R/seven"
    start_hold
    for n in {3..30}; do
        ex --cwd "/proc/self/fd/$n" -- payload cwd
        [[ $status -ne 0 ]] || fail "exec with cwd of descriptor $n: $output"
    done
    exec 7</
    ex --cwd /seven -- payload cwd
    exec 7<&-
    [[ $status -ne 0 ]] || fail "exec through the symlink: $output"
    ex --cwd /proc/self -- payload exit 0
    expect_status 0
}

# A caller's own leak. Seen failing: none installed.
@test "a host directory left open by the caller as fd 7 does not reach the container" {
    exec 7</etc
    args payload hold
    create
    rt start "$ID"
    exec 7<&-
    wait_for grep -q ready "$T/out"
    same "0 1 2" "$(find "/proc/$(pid_of)/fd" -mindepth 1 -printf '%f\n' | sort -n | tr '\n' ' ' | sed 's/ $//')"
    cfg '.process.cwd = "/proc/self/fd/7"'
    args payload cwd
    exec 7</etc
    call rt run --bundle "$B" "$TAG-b" </dev/null
    exec 7<&-
    [[ $status -ne 0 ]] || fail "$output"
}

# CVE-2024-21626: what init holds before start; only islet promises it.
@test "a created container holds no descriptor of a host directory" {
    needs islet
    local fd to
    args payload hold
    create
    for fd in "/proc/$(pid_of)/fd"/*; do
        to=$(readlink "$fd") || continue
        [[ ! -d $fd || $to == / && $(stat -Lc %d:%i "$fd") == "$(stat -c %d:%i "$R")" ]] || fail "${fd##*/} is the directory $to"
    done
}

# CVE-2026-41579, CVE-2026-47766. Seen failing: runc 1.1.5 replaces ptmx and adds fd and std*.
@test "a /dev that is a symlink in the image does not make anything change outside of the root" {
    no_mount /dev/pts /dev/shm /dev/mqueue /dev
    mkdir "$T/victim"
    echo mine >"$T/victim/ptmx"
    rm -rf "${R:?}/dev"
    ln -s "$T/victim" "$R/dev"
    args payload exit 0
    run_ct
    same "ptmx" "$(ls "$T/victim")" "names in the victim's directory"
    same mine "$(cat "$T/victim/ptmx")"
    # The same with a way up.
    rm "$R/dev"
    ln -s "../../../../../../../../../../$T/victim" "$R/dev"
    run_ct
    same "ptmx" "$(ls "$T/victim")" "names in the victim's directory"
}

# CVE-2019-18837. Seen failing: none installed (crun before 0.10.5).
@test "a mount's destination below a symlink of the image stays inside the root" {
    mkdir "$T/victim" "$T/from"
    echo inside >"$T/from/mark"
    ln -s "../../../../../../../../../..$T/victim" "$R/a"
    ln -s "$T/victim" "$R/abs"
    mount_at /a/b bind "$T/from" bind
    mount_at /abs/c tmpfs tmpfs
    args payload read /a/b/mark
    run_ct
    [[ $status -ne 0 || $output == inside ]] || fail "$status $output"
    same "" "$(ls -A "$T/victim")" "what was made in the victim's directory"
    same "" "$(mounts_left)"
}

# The same for files: masks, read-only paths and devices follow no link of the image outside.
@test "masked paths, read-only paths and devices through symlinks stay inside the root" {
    mkdir "$T/victim"
    echo mine >"$T/victim/file"
    ln -s "$T/victim" "$R/out"
    cfg '.linux.maskedPaths = ["/out/file", "/out"] | .linux.readonlyPaths = ["/out"]
        | .linux.devices = [{"path": "/out/dev/x", "type": "p", "fileMode": 438}]'
    args payload exit 0
    run_ct
    same "file" "$(find "$T/victim" -mindepth 1 -printf '%f ' | sed 's/ $//')"
    same mine "$(cat "$T/victim/file")"
    echo more >>"$T/victim/file"
}

# A working directory that must be made is made inside. Seen failing: none installed.
@test "a missing working directory behind a symlink of the image is not made on the host" {
    mkdir "$T/victim"
    ln -s "$T/victim" "$R/out"
    cfg '.process.cwd = "/out/deep/er"'
    args payload cwd
    run_ct
    same "" "$(ls -A "$T/victim")"
}

# Stale pid files and reused pids. The form of the state is islet's own.
@test "kill refuses a pid in the state that is not the container's any more" {
    needs islet
    sleep 100 3>&- &
    local other=$!
    BACKGROUND+=("$other")
    start_hold
    kill -KILL "$(pid_of)"
    wait_for has_status stopped
    jq --argjson p "$other" 'walk(if type == "object" and has("pid") then .pid = $p else . end)' \
        "$STATE/$ID/state.json" >"$T/forged"
    cp "$T/forged" "$STATE/$ID/state.json"
    same stopped "$(status_of)"
    call rt kill "$ID" KILL
    expect_error "container not running"
    kill -0 "$other" || fail "a foreign process was killed"
    call rt exec "$ID" payload id
    [[ $status -eq 255 ]]
    rt delete --force "$ID"
    kill -0 "$other" || fail "a foreign process was killed by delete"
}

# CVE-2016-3697. Seen failing: none installed.
@test "a numeric user is never looked up as a name" {
    printf 'root:x:0:0:root:/root:/bin/sh\n1000:x:0:0::/root:/bin/sh\n' >"$R/etc/passwd"
    start_hold
    ex --user 1000 -- payload id
    expect_line "uid=1000,1000,1000"
    ex --user 0 -- payload id
    expect_line "uid=0,0,0"
}

# CVE-2026-30892. Seen failing: none installed (crun 1.19 to 1.26).
@test "exec --user takes UID or UID:GID in plain digits, and nothing else" {
    needs islet
    local user
    start_hold
    ex --user 1 -- payload id
    expect_line "uid=1,1,1"
    for user in 1: :1 1:2:3 -1 4294967295 4294967296 1x x 0x1 " 1" "1 " 1.0 +1 "" 1:x 1:-1 1:4294967295 99999999999999999999 root; do
        call rt exec "--user=$user" "$ID" payload id </dev/null
        [[ $status -eq 255 || ($user == "" && $output == *uid=0,0,0*) ]] || fail "--user '$user': $status $output"
        expect_no_match 'uid=[1-9x]'
    done
}

# CVE-2022-29162, CVE-2022-24769, CVE-2022-27650. Seen failing: crun before 1.4.4; none installed.
@test "exec --cap leaves the inheritable set empty" {
    start_hold
    ex --cap CAP_SYS_ADMIN -- payload multi caps -- status CapInh
    expect_line "inheritable=0"
    expect_line "CapInh=0000000000000000"
    expect_match '^effective=.*2[0-9a-f]{5}$'
}

@test "the default config gives no inheritable capabilities" {
    args payload caps
    run_ct
    expect_line "inheritable=0"
}

# The terminal of the caller. On kernels with legacy TIOCSTI a terminal that is passed on is an
# open door; here the payload's own is pushed to at most. See 14-life-terminal too.
@test "standard streams at the caller's terminal are not given to the payload as its own terminal" {
    needs expect
    cfg '.process.terminal = true'
    args payload tty
    ISLET_TEST_TAG=$TAG RUNTIME=$RUNTIME STATE=$STATE B=$B ID=$ID call timeout 20 expect -c '
        set timeout 10
        spawn sh -c "tty; exec \"\$RUNTIME\" --root \"\$STATE\" run --bundle \"\$B\" \"\$ID\""
        expect eof' 3>&-
    local host inside
    host=$(tr -d '\r' <<<"$output" | grep -m1 '^/dev/pts/')
    inside=$(tr -d '\r' <<<"$output" | sed -n 's/^name=//p')
    [[ -n $host && $inside == /dev/* ]] || fail "$output"
    [[ $(tr -d '\r' <<<"$output") == *"name=/dev/pts/0"* || $inside == /dev/console ]] || fail "terminal inside: $inside"
}

# runc's create.bats "detect fd leak".
@test "the payload's descriptors are 0, 1, 2, of the caller, and none of islet" {
    args sh -c 'ls -l /proc/1/fd; payload fds'
    run_ct
    expect_status 0
    same "0 1 2" "$(sed -n 's/^\([0-9]*\) -> .*/\1/p' <<<"$output" | tr '\n' ' ' | sed 's/ $//')"
    expect_no_match 'memfd|config.json|state|anon_inode|socket|fifo|/sys/fs/cgroup'
}

# CVE-2025-52881: what is written to /proc must be the kernel's own.
@test "a sysctl is written to the real /proc, not to what the config mounts there" {
    mkdir -p "$T/fake/net/ipv4"
    echo untouched >"$T/fake/net/ipv4/ip_forward"
    mount_at /proc/sys bind "$T/fake" bind
    cfg '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.readonlyPaths = []'
    args payload exit 0
    run_ct
    [[ $status -ne 0 ]]
    same untouched "$(cat "$T/fake/net/ipv4/ip_forward")"
}

# CVE-2024-45310, CVE-2021-30465: symlink races. Bounded to a few seconds; a hole shows sooner.
@test "a mount point swapped for a symlink while containers start never leads to the host" {
    local i swapper
    mkdir "$T/victim" "$T/vol" "$T/vol/dir"
    mkdir -p "$R/vol"
    mount_at /vol bind "$T/vol" bind
    mount_at /vol/dir/sub/deep tmpfs tmpfs
    args payload exit 0
    (
        set +e
        while :; do
            mv -T "$T/vol/dir" "$T/vol/real" 2>/dev/null
            ln -sfn "$T/victim" "$T/vol/dir" 2>/dev/null
            rm -f "$T/vol/dir"
            mv -T "$T/vol/real" "$T/vol/dir" 2>/dev/null || mkdir -p "$T/vol/dir"
        done
    ) >/dev/null 2>&1 3>&- &
    swapper=$!
    for i in {1..40}; do
        rt run --bundle "$B" "$ID" </dev/null >/dev/null 2>&1 || rt delete --force "$ID"
    done
    kill "$swapper" || fail "the swapper of links did not run"
    wait "$swapper" 2>/dev/null || true
    same "" "$(ls -A "$T/victim")" "made on the host"
    same "" "$(mounts_left)"
}

# The hardening that keeps most of the above shut.
@test "the binary that runs inside is not the host's file" {
    needs islet
    args payload hold
    create
    local exe
    exe=$(readlink "/proc/$(pid_of)/exe")
    [[ $(stat -Lc %d:%i "/proc/$(pid_of)/exe") != "$(stat -Lc %d:%i "$ISLET")" ]] || fail "exe of init is $exe, the host's file"
}
