#!/bin/sh
# pins.sh SUITE PACKAGE...: what a Debian suite's signed index has of the packages now, as "ARCHITECTURE SHA256 POOL-PATH"
# for the `deb` rows of tools/deps.lock.
set -eu
[ $# -ge 2 ] || { echo "usage: pins.sh SUITE PACKAGE..." >&2; exit 2; }
cd "$(dirname "$0")/.."
suite=$1
shift
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
tools/apt_state.sh "$state" "amd64 arm64" "$suite"
export APT_CONFIG="$state/apt.conf"
for package in "$@"; do
    for architecture in amd64 arm64; do
        apt-cache show --no-all-versions "$package:$architecture" 2> /dev/null || :
    done
done | awk '/^Architecture: / { a = $2 } /^Filename: / { f = $2 } /^SHA256: / { s = $2 } /^$/ && f { print a, s, f; f = "" }' | sort -u
