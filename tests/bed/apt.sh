# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A private apt per Debian release. The machine's own apt knows one release and
# its lists may be stale or locked by somebody else, so every release the bed
# needs gets state, cache and sources of its own below the build folder, and
# the machine's configuration is only read.
#
# The mirror is the one the machine uses: its apt is asked for its index
# targets, and its own code name in them is replaced by the wanted one. Proxies
# and the like (Acquire::*) are in force too, as apt still reads apt.conf.d.
# Sourced, after host.sh.

BED_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# bed_apt_sources RELEASE: prints sources.list lines for RELEASE.
bed_apt_sources() {
    local release=$1 own uri suite component found=

    # shellcheck source=/dev/null
    own=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    while IFS='|' read -r uri suite component; do
        case $suite in
        "$own" | "$own"-*) suite=$release${suite#"$own"} ;;
        stable | stable-*) suite=$release${suite#stable} ;;
        oldstable | oldstable-*) suite=$release${suite#oldstable} ;;
        *) continue ;;
        esac
        [[ $component == main && $uri == *debian* ]] || continue
        [[ $suite == *-backports* ]] && continue
        printf 'deb [signed-by=%s] %s %s main\n' "$BED_KEYRING" "$uri" "$suite"
        found=1
    done < <(apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)' \
        'Created-By: Packages' 'Architecture: amd64' | sort -u)
    [[ -n $found ]] || bed_apt_default_sources "$release"
}

bed_apt_default_sources() {
    local line="deb [signed-by=$BED_KEYRING] http://deb.debian.org"

    printf '%s/debian %s main\n' "$line" "$1"
    printf '%s/debian %s-updates main\n' "$line" "$1"
    printf '%s/debian-security %s-security main\n' "$line" "$1"
}

# bed_apt_network: the machine's way to its mirrors as an apt.conf text.
bed_apt_network() {
    apt-config dump --no-empty --format '%F "%v";%n' |
        grep -E '^Acquire::(http|https|ftp|Retries|Check-Valid-Until|Check-Date|Force)' || true
}

# bed_apt RELEASE TOOL ARG…: runs apt-get or apt-cache for RELEASE.
bed_apt() {
    local dir=$BED_BUILD/apt/$1 tool=$2

    shift 2
    "$tool" -q -o Dir::State="$dir/state" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$dir/cache" -o Dir::Etc::sourcelist="$dir/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o APT::Architecture=amd64 -o APT::Sandbox::User=root "$@"
}

# bed_apt_refresh RELEASE: makes the private apt and fetches its lists.
bed_apt_refresh() {
    local release=$1 dir=$BED_BUILD/apt/$1

    mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
    bed_apt_sources "$release" >"$dir/sources.list"
    bed_apt "$release" apt-get update >"$dir/update.log" 2>&1 || {
        cat "$dir/update.log" >&2
        bed_die "cannot fetch the package lists of $release"
    }
}
