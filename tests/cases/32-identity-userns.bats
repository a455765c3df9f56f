#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# User namespaces: mappings, what is root inside, and what others of the host it is outside.

load ../lib/case

setup_file() { needs root program jq busybox userns; }
setup() {
    case_setup
    bundle
    cfg '.linux.namespaces += [{"type": "user"}]
        | .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        | .linux.gidMappings = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
    chown -R 100000:200000 "$R/tmp" "$R/root" "$R/dev"
}

@test "root inside is the mapped user outside, in files and as a process" {
    args sh -c 'payload write /tmp/made x; payload hold'
    create
    rt start "$ID"
    wait_for grep -q ready "$T/out"
    same "100000:200000" "$(stat -c '%u:%g' "$R/tmp/made")"
    same "100000 100000 100000 100000" "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$(pid_of)/status")"
    same "200000 200000 200000 200000" "$(awk '/^Gid:/ { print $2, $3, $4, $5 }' "/proc/$(pid_of)/status")"
    ex payload multi id -- read /proc/self/uid_map -- read /proc/self/gid_map -- stat /tmp/made
    expect_line "uid=0,0,0"
    expect_match '^ +0 +100000 +65536$'
    expect_match '^ +0 +200000 +65536$'
    expect_match '^/tmp/made file [0-9]+ 0:0$'
}

@test "other ids inside are mapped too, and files of unmapped ones are nobody's" {
    cfg '.process.user = {"uid": 1000, "gid": 1000, "additionalGids": [5]}'
    args payload multi id -- write /tmp/mine x -- stat /etc/passwd
    chmod 1777 "$R/tmp"
    run_ct
    expect_status 0
    expect_line "uid=1000,1000,1000"
    expect_line "groups=5"
    same "101000:201000" "$(stat -c '%u:%g' "$R/tmp/mine")"
    expect_match '^/etc/passwd file 644 65534:65534$'
}

@test "several ranges are mapped as they stand" {
    cfg '.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 1000, "hostID": 300000, "size": 5}]
        | .process.user.uid = 1003'
    chmod 1777 "$R/tmp"
    args payload multi write /tmp/mine x -- id
    run_ct
    expect_status 0
    same 300003 "$(stat -c %u "$R/tmp/mine")"
}

@test "capabilities hold inside the namespace and not against the host" {
    cfg '.process.capabilities = (["bounding","effective","permitted"] | map({(.): ["CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_NET_ADMIN"]}) | add)'
    args payload multi try sethostname -- try chown /tmp 5 5 -- try chown /etc/passwd 0 0 -- mknod /tmp/null c 1 3
    run_ct
    expect_status 0
    expect_line "sethostname: ok"
    expect_line "chown: ok"
    expect_match "^chown: (EPERM|EINVAL)"
    expect_line "mknod: EPERM"
}

@test "the default devices and mounts are there, as binds where nodes may not be made" {
    args payload multi open rw /dev/null -- open r /dev/urandom -- ptmx -- stat /proc/self /sys/kernel -- lo
    run_ct
    expect_status 0
    same 2 "$(grep -cx 'open: ok' <<<"$output")"
    expect_line "ptmx: ok"
    expect_line "up=1"
}

@test "exec joins the user namespace" {
    start_hold
    ex payload id
    expect_line "uid=0,0,0"
    rt exec -d --pid-file "$T/pid" "$ID" payload hold </dev/null >/dev/null 2>&1
    same 100000 "$(awk '/^Uid:/ { print $2 }' "/proc/$(cat "$T/pid")/status")"
}

@test "masked and read-only paths hold there as well" {
    args payload multi read /proc/kcore -- write /proc/sys/kernel/domainname x
    run_ct
    expect_match '^write: (EROFS|EACCES)'
}

@test "sysctls, also of user namespaces, are set" {
    needs islet
    cfg '.linux.sysctl = {"user.max_mnt_namespaces": "77", "net.ipv4.ip_forward": "1"}'
    args payload multi read /proc/sys/user/max_mnt_namespaces -- read /proc/sys/net/ipv4/ip_forward
    run_ct
    expect_status 0
    expect_line 77
    expect_line 1
}

@test "a user that is not mapped fails by name and leaves nothing" {
    cfg '.process.user.uid = 70000'
    args payload id
    run_ct
    [[ $status -eq 1 ]] || fail "$status $output"
    grep -qE "uid|user" <<<"$stderr"
    nothing_made
}

@test "mappings that overlap are refused by the kernel and told" {
    cfg '.linux.uidMappings += [{"containerID": 5, "hostID": 400000, "size": 5}]'
    args payload id
    run_ct
    [[ $status -eq 1 && $(wc -l <<<"$stderr") -eq 1 ]] || fail "$status $stderr"
    nothing_made
}

@test "70000 mappings are one clear line, not a crash" {
    cfg '.linux.uidMappings = [range(70000) | {"containerID": ., "hostID": (. + 100000), "size": 1}]'
    args payload id
    run_ct
    [[ $status -eq 1 ]] || fail "status $status"
    same 1 "$(wc -l <<<"$stderr")" "lines"
    nothing_made
}

@test "a terminal in a user namespace belongs to its root" {
    cfg '.process.terminal = true'
    mkfifo "$T/in"
    in_background con sh -c '"$1" console "$2" <"$3"' sh "$OUTSIDE" "$T/con.sock" "$T/in"
    exec {hold}>"$T/in"
    wait_for test -S "$T/con.sock"
    args sh -c 'payload tty; payload open rw /dev/console'
    create --console-socket "$T/con.sock"
    rt start "$ID"
    wait_for grep -q '^open' "$T/con"
    exec {hold}>&-
    run tr -d '\r' <"$T/con"
    expect_line "isatty0=1"
    expect_line "open: ok"
}
