#!/bin/sh
# lock.sh LOCK: prints the lock file LOCK as it would be with what Debian 13's signed index has today: the packages that its
# lines "# whole: ..." (with all that they depend on) and "# alone: ..." name, and the rows that are no packages as they stand.
# Every pin of image/inputs.lock that changes changes the image's measurements: read the difference before taking it.
set -eu
export LC_ALL=C
[ $# = 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
lock=$(realpath "$1")
cd "$(dirname "$0")/.."

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
tools/apt_state.sh "$state" amd64 trixie trixie-updates trixie-security
export APT_CONFIG="$state/apt.conf"

names() { sed -n "s/^# $1: //p" "$lock"; }
# shellcheck disable=SC2046 # one word for each package
{
    apt-get -qq -y --print-uris install $(names whole)
    [ -z "$(names alone)" ] || apt-get -qq --print-uris download $(names alone)
} | cut -d ' ' -f 2 | sed 's/_.*//' | sort -u > "$state/names"

sed '/^deb /d' "$lock"
# shellcheck disable=SC2046 # one word for each package
apt-cache show --no-all-versions $(cat "$state/names") |
    awk '/^Package: / { p = $2 } /^Version: / { v = $2 } /^Filename: / { f = $2 } /^SHA256: / { s = $2 }
         /^$/ && f { print "deb", p, v, s, f; f = "" }' | sort -u
