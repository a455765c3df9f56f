#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the payload finds mounted: defaults, binds, options, masks, and where mounts may go.

load ../lib/case

setup_file() { needs root program jq busybox; }
setup() {
    case_setup
    bundle
}

# mount_line PATH: the last line of mountinfo for it, as "PATH FLAGS - TYPE SOURCE OPTIONS".
mount_line() {
    awk -v p="$1" '$5 == p { line = $5 " " $6; for (i = 7; i <= NF; i++) if ($i == "-") { line = line " - " $(i+1) " " $(i+2) " " $(i+3) } last = line } END { print last }' <<<"$output"
}

inside() {
    args "$@"
    run_ct
    expect_status 0
}

@test "the default mounts are there with their types and flags" {
    inside payload read /proc/self/mountinfo
    [[ $(mount_line /proc) == "/proc rw,"*" - proc "* ]]
    [[ $(mount_line /dev) == "/dev rw,nosuid"*" - tmpfs "*mode=755* ]]
    [[ $(mount_line /dev/pts) == *noexec*" - devpts "*gid=5* ]]
    [[ $(mount_line /dev/shm) == *nosuid,nodev,noexec*" - tmpfs "* ]]
    [[ $(mount_line /dev/mqueue) == *nosuid,nodev,noexec*" - mqueue "* ]]
    [[ $(mount_line /sys) == *ro,nosuid,nodev,noexec*" - sysfs "* ]]
}

@test "the default devices and links are there" {
    inside payload stat /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty \
        /dev/ptmx /dev/fd /dev/stdin /dev/stdout /dev/stderr
    expect_line "/dev/null char 666 0:0 1:3"
    expect_line "/dev/zero char 666 0:0 1:5"
    expect_line "/dev/full char 666 0:0 1:7"
    expect_line "/dev/random char 666 0:0 1:8"
    expect_line "/dev/urandom char 666 0:0 1:9"
    expect_line "/dev/tty char 666 0:0 5:0"
    expect_match '^/dev/ptmx link 777 0:0 -> pts/ptmx$'
    expect_match '^/dev/fd link .* -> /proc/self/fd$'
    expect_match '^/dev/stdin link .* -> /proc/self/fd/0$'
    expect_match '^/dev/stdout link .* -> /proc/self/fd/1$'
    expect_match '^/dev/stderr link .* -> /proc/self/fd/2$'
}

@test "the default devices can be used, and /dev/ptmx is the container's own" {
    inside payload multi open rw /dev/null -- open r /dev/zero -- open r /dev/urandom -- ptmx
    same 3 "$(grep -cx 'open: ok' <<<"$output")"
    expect_line "ptmx: ok"
    inside sh -c 'ls /dev/pts'
    same ptmx "$output" "ptys of the host seen inside"
}

@test "the root is the bundle's root file system, and the host's is out of reach" {
    inside sh -c 'payload write /made-inside x; ls -a / | sort | tr "\n" " "; ls /..'
    [[ -e $R/made-inside ]]
    expect_no_match 'boot'
    inside payload read /proc/self/mountinfo
    expect_no_match "$T/(state|out)"
}

@test "mounts of the container are not seen on the host, nor the host's later ones inside" {
    mkdir "$R/inner"
    mount_at /inner tmpfs tmpfs
    args sh -c 'payload hold'
    create
    rt start "$ID"
    wait_for grep -q ready "$T/out"
    same "" "$(mounts_left)" "mounts seen by the host"
    mkdir "$R/late"
    mount -t tmpfs late "$R/late"
    ex payload read /proc/self/mountinfo
    umount "$R/late"
    expect_no_match ' /late '
}

@test "a bind mount shows the source and writes through" {
    mkdir "$T/from"
    echo hello >"$T/from/file"
    mount_at /to bind "$T/from" rbind rw
    inside sh -c 'cat /to/file; echo written >/to/new'
    expect_line hello
    same written "$(cat "$T/from/new")"
}

@test "a read-only bind refuses writes, also to a remount from inside" {
    mkdir "$T/from"
    mount_at /to bind "$T/from" rbind ro
    inside payload multi write /to/new x -- remount-rw /to -- write /to/new x
    same 2 "$(grep -cE 'write: (EROFS|ENOENT|EACCES)' <<<"$output")"
    expect_no_line "remount: ok"
    [[ ! -e $T/from/new ]]
}

@test "a file can be bound over a file, and over one that is not there" {
    echo content >"$T/one"
    mount_at /etc/group bind "$T/one" bind ro
    mount_at /new/dir/file bind "$T/one" bind
    inside sh -c 'cat /etc/group /new/dir/file'
    same $'content\ncontent' "$output"
}

@test "rbind brings the mounts below the source, bind does not" {
    mkdir "$T/from"
    mount -t tmpfs tmpfs "$T/from"
    mkdir "$T/from/sub"
    mount -t tmpfs tmpfs "$T/from/sub"
    touch "$T/from/sub/deep"
    mount_at /all bind "$T/from" rbind
    mount_at /one bind "$T/from" bind
    args payload stat /all/sub/deep /one/sub/deep
    run_ct
    umount -R "$T/from"
    expect_match '^/all/sub/deep file'
    expect_line "/one/sub/deep ENOENT"
}

@test "rro makes the mounts below read-only too" {
    mkdir "$T/from"
    mount -t tmpfs tmpfs "$T/from"
    mkdir "$T/from/sub"
    mount -t tmpfs tmpfs "$T/from/sub"
    mount_at /ro bind "$T/from" rbind ro
    mount_at /rro bind "$T/from" rbind rro
    args payload multi write /ro/x x -- write /ro/sub/x x -- write /rro/x x -- write /rro/sub/y x
    run_ct
    local made
    made=$(cd "$T/from" && find . -type f)
    umount -R "$T/from"
    same ./sub/x "$made" "files made through the mounts"
}

@test "flags of a bind are applied, and those of the source are kept apart" {
    mkdir "$T/from"
    mount_at /to bind "$T/from" bind nosuid nodev noexec
    cp "$R/bin/payload" "$T/from/payload"
    args payload read /proc/self/mountinfo
    run_ct
    [[ $(mount_line /to) == *nosuid,nodev,noexec* ]] || fail "$(mount_line /to)"
    args /to/payload id
    run_ct
    expect_error "Permission denied"
}

@test "options of a tmpfs are given to it: size, mode, and flags" {
    mount_at /scratch tmpfs tmpfs size=128k mode=1710 nosuid nodev noexec
    inside sh -c 'payload stat /scratch; payload read /proc/self/mountinfo; dd if=/dev/zero of=/scratch/x bs=1k count=200 2>&1 | grep -o "No space left"'
    expect_line "/scratch dir 1710 0:0"
    expect_line "No space left"
    [[ $(mount_line /scratch) == *nosuid,nodev,noexec*"size=128k"* ]]
}

@test "a read-only tmpfs is that" {
    mount_at /scratch tmpfs tmpfs ro
    inside payload write /scratch/x x || true
    [[ $output == "write: EROFS" ]]
}

@test "destinations that are not there are made, inside the root" {
    mkdir "$T/from"
    mount_at /not/yet/there tmpfs tmpfs
    mount_at relative/one bind "$T/from" bind
    inside payload stat /not/yet/there /relative/one
    expect_match '^/not/yet/there dir'
    expect_match '^/relative/one dir'
}

@test "a missing source of a bind is told by name, and leaves nothing" {
    mount_at /to bind "$T/none" bind
    run_ct
    expect_error "$T/none.*No such file"
    nothing_made
}

@test "a type of file system that the kernel has not is told by name, and leaves nothing" {
    mount_at /to nosuchfs none
    run_ct
    expect_error "nosuchfs"
    nothing_made
}

@test "mounts are made in the order of the list" {
    mkdir "$T/from"
    touch "$T/from/below"
    mount_at /a tmpfs tmpfs
    mount_at /a/b bind "$T/from" bind
    inside payload stat /a/b/below
    expect_match '^/a/b/below file'
    bundle other
    mount_at /a/b bind "$T/from" bind
    mount_at /a tmpfs tmpfs
    inside payload stat /a/b/below
    expect_line "/a/b/below ENOENT"
}

@test "masked files read as empty, masked directories are empty and read-only" {
    mkdir "$R/secret"
    echo hidden >"$R/secret/file"
    echo hidden >"$R/etc/token"
    cfg '.linux.maskedPaths += ["/secret", "/etc/token", "/not/there"]'
    inside payload multi read /etc/token -- stat /secret/file -- write /secret/x x
    expect_no_match hidden
    expect_line "/secret/file ENOENT"
    expect_line "write: EROFS"
    same hidden "$(cat "$R/secret/file")"
}

@test "the masked paths of the default spec are masked" {
    inside sh -c 'wc -c </proc/kcore; wc -c </proc/timer_list; ls /sys/firmware | wc -l'
    [[ -z $(tr -d '0\n' <<<"$output") ]] || fail "$output"
}

@test "read-only paths refuse writes and can still be read" {
    mkdir "$R/fixed"
    echo text >"$R/fixed/file"
    cfg '.linux.readonlyPaths += ["/fixed", "/not/there"]'
    inside payload multi read /fixed/file -- write /fixed/x x -- write /proc/sys/kernel/domainname x -- write /tmp/y y
    expect_line text
    same 2 "$(grep -cx 'write: EROFS' <<<"$output")"
    expect_line "write: ok"
}

@test "root.readonly makes the root read-only, and mounts in it stay as they are" {
    cfg '.root.readonly = true'
    mount_at /tmp tmpfs tmpfs
    inside payload multi write /x x -- write /tmp/x x -- write /dev/shm/x x -- remount-rw /
    expect_line "write: EROFS"
    same 2 "$(grep -cx 'write: ok' <<<"$output")"
    expect_no_line "remount: ok"
    [[ ! -e $R/x ]]
}

@test "devices of the config are made with mode and owner; pipes too" {
    cfg '.linux.devices = [{"path": "/dev/one", "type": "c", "major": 1, "minor": 3, "fileMode": 416, "uid": 7, "gid": 8},
        {"path": "/dev/sub/pipe", "type": "p", "fileMode": 438}, {"path": "/dev/u", "type": "u", "major": 1, "minor": 5}]'
    inside payload stat /dev/one /dev/sub/pipe /dev/u
    expect_line "/dev/one char 640 7:8 1:3"
    expect_match '^/dev/sub/pipe fifo 666'
    expect_match '^/dev/u char .* 1:5'
}

@test "a device over an existing other file is refused, and the file is untouched" {
    needs islet
    no_mount /dev/pts /dev/shm /dev/mqueue /dev
    touch "$R/dev/thing"
    cfg '.linux.devices = [{"path": "/dev/thing", "type": "c", "major": 1, "minor": 3}]'
    args payload id
    run_ct
    [[ $status -eq 1 && $stderr == */dev/thing* ]] || fail "$status $stderr"
    [[ -f $R/dev/thing ]]
}

@test "rootfsPropagation is the root's: private, slave, shared, unbindable" {
    local word mark
    while read -r word mark; do
        cfg '.linux.rootfsPropagation = $w' --arg w "$word"
        inside payload read /proc/self/mountinfo
        local line
        line=$(awk '$5 == "/"' <<<"$output" | tail -1)
        if [[ $mark == - ]]; then
            [[ $line != *shared:* && $line != *master:* && $line != *unbindable* ]] || fail "$word: $line"
        else
            [[ $line == *$mark* ]] || fail "$word: $line"
        fi
    done <<'END'
private -
rprivate -
shared shared:
unbindable unbindable
END
}

@test "a slave bind sees later mounts of the host, a private one does not" {
    mkdir "$T/peer"
    mount -t tmpfs tmpfs "$T/peer"
    mount --make-shared "$T/peer"
    mkdir "$T/peer/sub"
    mount_at /slave bind "$T/peer" rbind rslave
    mount_at /private bind "$T/peer" rbind rprivate
    cfg '.linux.rootfsPropagation = "rslave"'
    start_hold
    mount -t tmpfs tmpfs "$T/peer/sub"
    touch "$T/peer/sub/late"
    ex payload stat /slave/sub/late /private/sub/late
    umount -R "$T/peer"
    expect_match '^/slave/sub/late file'
    expect_line "/private/sub/late ENOENT"
}

@test "the cgroup mount is the container's own and read-only as asked" {
    cfg '.linux.namespaces += [{"type": "cgroup"}] | .linux.namespaces |= unique'
    start_hold
    ex payload multi read /proc/self/mountinfo -- read /proc/self/cgroup -- mkdir /sys/fs/cgroup/x
    [[ $(mount_line /sys/fs/cgroup) == "/sys/fs/cgroup ro,"*" - cgroup2 "* ]] || fail "$(mount_line /sys/fs/cgroup)"
    expect_line "mkdir: EROFS"
    expect_match '^0::/$'
    ex sh -c 'cat /sys/fs/cgroup/cgroup.procs | wc -l'
    [[ $output -ge 2 ]]
}

@test "without a cgroup namespace the host's cgroup mount options stay as they are" {
    local before after
    before=$(grep -E ' - cgroup2 ' /proc/self/mountinfo | sed 's/^[0-9]* [0-9]* //')
    cfg '.linux.namespaces |= map(select(.type != "cgroup"))'
    inside payload read /proc/self/mountinfo
    after=$(grep -E ' - cgroup2 ' /proc/self/mountinfo | sed 's/^[0-9]* [0-9]* //')
    same "$before" "$after" "cgroup2 mounts of the host"
    # Only its own subtree: no other container's name can be seen.
    inside sh -c 'ls -d /sys/fs/cgroup/it* 2>/dev/null | wc -l'
    same 0 "$output"
}

@test "a mount over / is refused or replaces the root, and never reaches the host" {
    mount_at / tmpfs tmpfs
    args payload id
    run_ct
    [[ $status -ne 0 ]]
    nothing_made
}

@test "a destination through symlinks, also of many "..", lands inside the root" {
    mkdir -p "$R/real"
    ln -s /real "$R/link"
    ln -s ../../../../../../../../real "$R/up"
    mount_at /link/a tmpfs tmpfs
    mount_at /up/b tmpfs tmpfs
    inside payload read /proc/self/mountinfo
    expect_match ' /real/a '
    expect_match ' /real/b '
    [[ ! -e /real ]]
}
