#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=fresh
#
# What a new user does: a bare Debian machine with nothing but git, a fresh clone, and the README's
# two commands. The machine is emulated, so this takes long and has a goal of its own
# (make check-fresh). A bed cannot hold further beds: the second command runs there with the
# families that need none.

bats_require_minimum_version 1.5.0

setup_file() {
    TOP=$(cd -- "$BATS_TEST_DIRNAME/../.." && pwd)
    export TOP BATS_TEST_TIMEOUT=3400
    ((EUID == 0)) || skip "the bed needs root"
    # what is tested is what is committed
    git -C "$TOP" diff --quiet HEAD || echo "# note: uncommitted changes are not part of the clone" >&3
}

# fresh RELEASE SECONDS CMD: CMD in a fresh clone on a bare machine; its output in $output.
fresh() {
    # shellcheck disable=SC2016 # expanded in the bed
    run timeout -k 10 "$2" "$TOP/tests/bed/run" --bare --release "$1" --mem 6144 --timeout "$(($2 - 30))" -- sh -ec '
        git config --global --add safe.directory "*"
        git clone -q /islet /root/islet
        apt-get -q update >/dev/null
        apt-get -q install -y make >/dev/null
        cd /root/islet
        exec sh -c "$1"' sh "$3" 3>&- 4>&-
}

# demo_shows: both walls were looked at from inside, and nothing failed.
demo_shows() {
    [ "$status" -eq 0 ] || { echo "$output" | tail -n 40; return 1; }
    for words in 'pid 1      /bin/sleep infinity' 'hostname   demo' 'state      running' \
        'memory.max 268435456' 'rootfs/root/note holds "written inside"' 'islet run /bin/true' \
        'Done; nothing is left running'; do
        [[ $output == *"$words"* ]] || { echo "not shown: $words"; echo "$output" | tail -n 40; return 1; }
    done
    [ "$(grep -c 'state      running' <<<"$output")" -eq 2 ]
}

@test "sudo make demo does everything on a bare Debian 12" {
    fresh bookworm 3000 'sudo make demo'
    demo_shows
}

@test "sudo make demo does everything on a bare Debian 13" {
    fresh trixie 3000 'sudo make demo'
    demo_shows
}

@test "sudo make check builds and tests on a bare Debian 12" {
    fresh bookworm 3300 'sudo make check FAMILIES="build unit"'
    [ "$status" -eq 0 ] || { echo "$output" | tail -n 60; return 1; }
    [[ ${lines[-1]} =~ ^[0-9]+\ passed,\ 0\ failed ]]
}
