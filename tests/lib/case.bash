# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What every case file loads: `load ../lib/case`. A file declares its needs in
# setup_file or setup (`needs root`), a case makes a bundle (`bundle`), edits it
# (`cfg`, `args`), and calls the program through `rt`, which bounds every call
# in time. The teardown looks for what was left behind and fails the case that
# left it.
#
# ISLET is the program (default build/islet). RUNTIME=/usr/sbin/runc runs the
# same cases on another runtime, to see that a security case does fail on one
# that has the hole; tests/lib/old-runtime gives it the cgroups it expects.

bats_require_minimum_version 1.5.0

TOP=$(cd -- "${BASH_SOURCE[0]%/*}/../.." && pwd)
ISLET=${ISLET:-$TOP/build/islet}
[[ $ISLET == /* ]] || ISLET=$PWD/$ISLET
RUNTIME=${RUNTIME:-$ISLET}
PAYLOAD=$TOP/build/payload/payload
OUTSIDE=$TOP/build/payload/outside
# Seconds that one call of the program may take.
LIMIT=${LIMIT:-20}
# shellcheck disable=SC2034 # of flags that follow --root, by files that need them
RT_FLAGS=()

# shellcheck source-path=SCRIPTDIR source=needs.bash
. "$TOP/tests/lib/needs.bash"
# shellcheck source-path=SCRIPTDIR source=bundle.bash
. "$TOP/tests/lib/bundle.bash"
# shellcheck source-path=SCRIPTDIR source=leftovers.bash
. "$TOP/tests/lib/leftovers.bash"

setup() {
    case_setup
}

teardown() {
    case_teardown
}

# case_setup: names and a folder of this case. TAG is in every id, and in the
# environment of every process that rt starts. The folder is open for others
# than root to pass through, since payloads run as them.
case_setup() {
    TAG=it$$x$RANDOM$RANDOM
    ID=$TAG-a
    T=$(mktemp -d "${TMPDIR:-/tmp}/islet-case.XXXXXX")
    chmod 711 "$T"
    STATE=$T/state
    mkdir -m 700 "$STATE"
    RT_FLAGS=()
    BACKGROUND=()
}

case_teardown() {
    [[ -n ${T:-} ]] || return 0
    leftovers_check
}

# rt VERB…: the program, on this case's state directory.
rt() {
    ISLET_TEST_TAG=$TAG timeout -k 5 "$LIMIT" "$RUNTIME" --root "$STATE" "${RT_FLAGS[@]}" "$@" 3>&- 4>&-
}

# islet WORD…: the program and nothing else; for cases about the command line.
islet() {
    ISLET_TEST_TAG=$TAG timeout -k 5 "$LIMIT" "$RUNTIME" "$@" 3>&- 4>&-
}

# create [FLAG…]: creates $ID from $B. Its standard output goes to $T/out and
# $T/err, since the container keeps them open.
create() {
    rt create --bundle "$B" "$@" "$ID" </dev/null >"$T/out" 2>"$T/err" || {
        local status=$?
        cat "$T/err" >&2
        return "$status"
    }
}

# start_hold: $ID runs `payload hold`, or what `args` said before, and is ready.
start_hold() {
    [[ ${ARGS_SET:-} == "$B" ]] || args payload hold
    create "$@"
    rt start "$ID" >&2
    wait_for grep -q ready "$T/out"
}

# call CMD…: sets status, output, stderr and lines, as bats' run does; by files and
# not by pipes, which a container that outlives a hung runtime would keep open.
call() {
    status=0
    "$@" >"$T/call.out" 2>"$T/call.err" || status=$?
    { # bash warns of NUL bytes, which it leaves out
        output=$(<"$T/call.out")
        stderr=$(<"$T/call.err")
    } 2>/dev/null
    mapfile -t lines <<<"$output"
}

# run_ct [FLAG…]: `run` of $ID in the foreground, by call.
run_ct() {
    call rt run --bundle "$B" "$@" "$ID" </dev/null
}

# ex [-FLAG… --] WORD…: a foreground exec in $ID, as run_ct.
ex() {
    local flags=()
    if [[ $1 == -* ]]; then
        while [[ $1 != -- ]]; do
            flags+=("$1")
            shift
        done
        shift
    fi
    call rt exec "${flags[@]}" "$ID" "$@" </dev/null
}

# in_background NAME CMD…: its output goes to $T/NAME; ended by the teardown.
in_background() {
    local name=$1
    shift
    ISLET_TEST_TAG=$TAG timeout -k 5 "${BACKGROUND_LIMIT:-60}" "$@" >"$T/$name" 2>"$T/$name.err" 3>&- 4>&- &
    BACKGROUND+=("$!")
}

# status_of [ID]: the word of `state`.
status_of() {
    rt state "${1:-$ID}" | jq -r .status
}

# pid_of [ID]
pid_of() {
    rt state "${1:-$ID}" | jq -r .pid
}

# wait_for CMD…: until it succeeds; gives up after $LIMIT seconds.
wait_for() {
    local tries=$((LIMIT * 50))
    until "$@" 2>/dev/null; do
        ((tries--)) || {
            echo "waited in vain for: $*" >&2
            return 1
        }
        sleep 0.02
    done
}

# has_status STATUS [ID]; stopped STATUS… for wait_for.
has_status() {
    [[ $(status_of "${2:-$ID}") == "$1" ]]
}

# Words of a failed comparison, for the reader of the report.
fail() {
    echo "$*" >&2
    return 1
}

# expect_status N: of the last `call`.
expect_status() {
    [[ $status -eq $1 ]] || fail "exit status $status, not $1; output: $output; stderr: ${stderr:-}"
}

# expect_line TEXT: the last output has exactly this line.
expect_line() {
    grep -qxF -e "$1" <<<"$output" || fail "no line '$1' in: $output; stderr: ${stderr:-}"
}

# expect_no_line TEXT
expect_no_line() {
    ! grep -qxF -e "$1" <<<"$output" || fail "line '$1' in: $output"
}

# expect_match REGEX: in the last output.
expect_match() {
    grep -qE -e "$1" <<<"$output" || fail "nothing like '$1' in: $output; stderr: ${stderr:-}"
}

# expect_no_match REGEX
expect_no_match() {
    ! grep -qE -e "$1" <<<"$output" || fail "something like '$1' in: $output"
}

# expect_error REGEX [STATUS]: the last `call` failed with one line on stderr that
# says so. Returns at the first lack: bash ignores errors behind `||`.
expect_error() {
    [[ $status -eq ${2:-1} ]] || fail "exit status $status, not ${2:-1}; stderr: $stderr" || return
    [[ $(wc -l <<<"$stderr") -eq 1 ]] || fail "not one line: $stderr" || return
    grep -qE -e "$1" <<<"$stderr" || fail "nothing like '$1' in: $stderr"
}

# same WANT GOT [WHAT]
same() {
    [[ $1 == "$2" ]] || fail "${3:-value}: wanted '$1', got '$2'"
}

# nothing_made [ID]: no state and no cgroup of it.
nothing_made() {
    local id=${1:-$ID}
    [[ ! -e $STATE/$id ]] || fail "state of $id is left: $(ls -A "$STATE/$id")" || return
    [[ -z $(cgroups_of "$id") ]] || fail "cgroup of $id is left: $(cgroups_of "$id")"
}
