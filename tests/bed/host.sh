# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the scripts of the bed share about the machine they run on: where the
# project and its build folder are, how to fail, and which tools must be there.
# Sourced, never run. It sets nothing up: a script that only prints its help
# leaves no folder behind.
#
# Everything the bed writes is below $BED_BUILD (images, temporary files, apt
# state) or $BED_KERNELS (unpacked kernel packages). Both are caches: deleting
# them costs time, nothing else.

BED_DIR=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
BED_TOP=$(cd -- "$BED_DIR/../.." && pwd -P)
BED_BUILD=$BED_TOP/build/bed
BED_KERNELS=$BED_TOP/build/kernels
BED_RELEASES=(bookworm trixie)

# One line on stderr. Never on stdout: that belongs to results.
bed_say() {
    printf 'bed: %s\n' "$*" >&2
}

# Wrong usage or a machine that lacks something: 2, as the bed's callers expect.
bed_die() {
    bed_say "$*"
    exit 2
}

# bed_need TOOL=PACKAGE…: names every missing package in one line, then exits.
bed_need() {
    local pair tool packages=()

    # The system's tools (depmod, mke2fs) are not in an ordinary user's PATH.
    PATH=$PATH:/usr/sbin:/sbin
    for pair in "$@"; do
        tool=${pair%%=*}
        if [[ $tool == /* ]]; then
            [[ -e $tool ]] || packages+=("${pair#*=}")
        elif ! command -v "$tool" >/dev/null; then
            packages+=("${pair#*=}")
        fi
    done
    if ((${#packages[@]})); then
        mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
        bed_die "needs ${packages[*]}: apt-get install ${packages[*]}"
    fi
}

# bed_check_release NAME: NAME is a release the bed can build.
bed_check_release() {
    local known

    for known in "${BED_RELEASES[@]}"; do
        [[ $1 != "$known" ]] || return 0
    done
    bed_die "unknown release '$1': one of ${BED_RELEASES[*]}"
}

# bed_check_host: the parts of the bed that build things need root and amd64.
bed_check_host() {
    [[ $(uname -m) == x86_64 ]] || bed_die "runs on x86-64 only, this is $(uname -m)"
    [[ $(id -u) == 0 ]] || bed_die "must be run as root"
}

# bed_locked FILE CMD…: runs CMD holding FILE, so that two beds started at once
# build a thing once and both use it.
bed_locked() {
    local lock_fd lock_file=$1

    shift
    mkdir -p "${lock_file%/*}"
    exec {lock_fd}>"$lock_file"
    setpriv --pdeathsig KILL flock "$lock_fd"
    "$@" {lock_fd}>&-
    exec {lock_fd}>&-
}
