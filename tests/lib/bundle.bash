# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Bundles. The root file system is busybox and our payload, copied by hard links
# from a template made once per run; the configuration is what `spec` prints,
# without a terminal and with a writable root.

# Commands of busybox that cases use inside.
BUNDLE_APPLETS=(sh cat ls echo id sleep readlink grep mkdir ln touch ps stty tty test true false
    hostname mount umount dd wc sha256sum head kill env pwd poweroff reboot ip chmod rm trap)

# template: the path of the template; made if it is not there.
template() {
    local dir=$BATS_RUN_TMPDIR/template applet
    if [[ ! -d $dir ]]; then
        mkdir -p "$dir.new"/{bin,dev,etc,proc,sys,tmp,root,home/user,usr/bin,var/empty}
        chmod 1777 "$dir.new/tmp"
        cp /bin/busybox "$PAYLOAD" "$dir.new/bin"
        for applet in "${BUNDLE_APPLETS[@]}"; do
            ln -s busybox "$dir.new/bin/$applet"
        done
        (cd "$BATS_RUN_TMPDIR" && "$RUNTIME" spec 3>&-) || return
        jq '.process.terminal = false | .root.readonly = false | .hostname = "island"' \
            "$BATS_RUN_TMPDIR/config.json" >"$dir.new.json"
        rm "$BATS_RUN_TMPDIR/config.json"
        mv "$dir.new.json" "$dir.json"
        mv "$dir.new" "$dir"
    fi
    echo "$dir"
}

# bundle [NAME]: sets B, the bundle, and R, its root file system.
bundle() {
    local from
    from=$(template)
    B=$T/${1:-bundle}
    R=$B/rootfs
    mkdir -p "$B"
    cp -al "$from" "$R" 2>/dev/null || cp -a "$from" "$R"
    printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$R/etc/passwd"
    printf 'root:x:0:\nuser:x:1000:\n' >"$R/etc/group"
    cp "$from.json" "$B/config.json"
    ARGS_SET=
}

# cfg FILTER [JQ-ARG…]: edits config.json by a jq filter.
cfg() {
    local filter=$1
    shift
    jq "$@" "$filter" "$B/config.json" >"$B/config.json.new"
    mv "$B/config.json.new" "$B/config.json"
}

# args WORD…: the program of the container.
args() {
    jq '.process.args = $ARGS.positional' "$B/config.json" --args -- "$@" >"$B/config.json.new"
    mv "$B/config.json.new" "$B/config.json"
    # shellcheck disable=SC2034 # read by start_hold
    ARGS_SET=$B
}

# mount_at DESTINATION TYPE SOURCE [OPTION…]: one more mount.
mount_at() {
    local to=$1 type=$2 from=$3
    shift 3
    jq --arg d "$to" --arg t "$type" --arg s "$from" \
        '.mounts += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' \
        "$B/config.json" --args -- "$@" >"$B/config.json.new"
    mv "$B/config.json.new" "$B/config.json"
}

# no_mount DESTINATION…: without these.
no_mount() {
    local to
    for to in "$@"; do
        cfg '.mounts |= map(select(.destination != $d))' --arg d "$to"
    done
}

# debian_rootfs: the path of a minimal Debian root file system, made once and
# kept below build/. For cases that need a real distribution; copy before use.
debian_rootfs() {
    local dir=$TOP/build/payload/debian
    if [[ ! -d $dir ]]; then
        rm -rf "$dir.new"
        if command -v mmdebstrap >/dev/null; then
            timeout 600 mmdebstrap --variant=minbase --include=procps bookworm "$dir.new" >&2
        else
            timeout 900 debootstrap --variant=minbase --include=procps bookworm "$dir.new" >&2
        fi || return
        mv "$dir.new" "$dir"
    fi
    echo "$dir"
}
