# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What a case may leave behind, and must not: state entries, cgroups, mounts,
# processes, named network namespaces. Everything is recognised by this case's
# tag or folder, so that cases, and other users of the machine, do not disturb
# each other. Names are looked for a while, since the kernel takes its time to
# end what was killed; then what is left is printed, removed, and fails the case.

# The v2 hierarchy.
CG2=/sys/fs/cgroup
[[ -e $CG2/cgroup.controllers ]] || CG2=/sys/fs/cgroup/unified

# cgroups_of NAME: those whose name contains it.
cgroups_of() {
    find "$CG2" -depth -type d -path "*$1*" 2>/dev/null || true
}

# Processes that rt started and that are still there, zombies aside; what they
# became by exec inside a container is found by its cgroup.
processes_left() {
    local file pid state
    grep -lFz -e "ISLET_TEST_TAG=$TAG" /proc/[0-9]*/environ 2>/dev/null | while read -r file; do
        pid=${file#/proc/}
        pid=${pid%/environ}
        state=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) || continue
        [[ ${state:0:1} == Z ]] || echo "$pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
    done
}

mounts_left() {
    grep -F -e " $T/" -e "$TAG" /proc/self/mountinfo || true
}

states_left() {
    [[ ! -d $STATE ]] || find "$STATE" -mindepth 1 -maxdepth 1 ! -name '.*' -printf '%f\n'
}

netns_left() {
    find /run/netns -maxdepth 1 -name "*$TAG*" 2>/dev/null || true
}

# leftovers: everything, one per line.
leftovers() {
    states_left | sed 's/^/state: /'
    cgroups_of "$TAG" | sed 's/^/cgroup: /'
    mounts_left | sed 's/^/mount: /'
    processes_left | sed 's/^/process: /'
    netns_left | sed 's/^/netns: /'
}

# anything_left: the same question, asked without a process per answer.
anything_left() {
    local one
    for one in "$STATE"/* "$CG2"/*"$TAG"* "$CG2"/*/*"$TAG"* /run/netns/*"$TAG"*; do
        [[ ! -e $one ]] || return 0
    done
    one=$(</proc/self/mountinfo)
    [[ $one != *" $T/"* && $one != *"$TAG"* ]] || return 0
    [[ -n $(processes_left) ]]
}

# What a case may leave for the teardown to remove: its containers, and
# processes that it put into the background.
leftovers_expected() {
    local id pid
    for id in "$STATE"/*; do
        [[ -d $id ]] || continue
        id=${id##*/}
        rt delete --force "$id" >/dev/null 2>&1 || echo "delete --force $id failed" >&2
    done
    for pid in "${BACKGROUND[@]}"; do
        kill -TERM "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
}

leftovers_remove() {
    local pid dir
    for pid in $(processes_left | cut -d' ' -f1); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    for dir in $(cgroups_of "$TAG"); do
        echo 1 >"$dir/cgroup.kill" 2>/dev/null || true
        sleep 0.1
        rmdir "$dir" 2>/dev/null || true
    done
    mounts_left | awk '{ print $5 }' | tac | while read -r dir; do
        umount -l "$dir" 2>/dev/null || true
    done
}

leftovers_check() {
    local tries=100 left=
    leftovers_expected
    while anything_left && ((tries--)); do
        sleep 0.05
    done
    ((tries >= 0)) || left=$(leftovers)
    if [[ -n $left ]]; then
        leftovers_remove
    fi
    if [[ -n $left && -n $(mounts_left) ]]; then
        echo "not removed, for the mounts in it: $T" >&2
    else
        rm -rf --one-file-system "$T"
    fi
    [[ -z $left ]] || fail "left behind: $left"
}
