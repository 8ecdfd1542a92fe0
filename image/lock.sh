#!/bin/sh
# lock.sh LOCK: prints the lock file LOCK as it would be with what Debian 13's signed index has today: the packages that its
# lines "# whole: ..." (with all that they depend on) and "# alone: ..." name, and the rows that are no packages as they stand.
# Every pin of image/inputs.lock that changes changes the image's measurements: read the difference before taking it. Works
# in a state of its own and leaves the system's apt alone.
set -eu
export LC_ALL=C
[ $# = 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
lock=$(realpath "$1")
cd "$(dirname "$0")/.."
suite=trixie

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/etc"
: > "$state/status"
index_of() { # URI SUITE
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: amd64\nSigned-By: %s\n\n' \
        "$1" "$2" /usr/share/keyrings/debian-archive-keyring.gpg >> "$state/etc/lock.sources"
}
for mirror in $(tools/mirrors.sh); do
    index_of "$mirror" "$suite"
    index_of "$mirror" "$suite-updates"
    index_of "$mirror-security" "$suite-security"
done
cat > "$state/apt.conf" << END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$state/etc";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
APT::Install-Recommends "false";
Acquire::Languages "none";
END
export APT_CONFIG="$state/apt.conf"
apt-get -qq update

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
