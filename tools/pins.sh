#!/bin/sh
# pins.sh SUITE PACKAGE...: what a Debian suite's signed index has of the packages now, as "ARCHITECTURE SHA256 POOL-PATH"
# for the `deb` rows of tools/deps.lock. Works in a state of its own and leaves the system's apt alone.
set -eu
[ $# -ge 2 ] || { echo "usage: pins.sh SUITE PACKAGE..." >&2; exit 2; }
cd "$(dirname "$0")/.."
suite=$1
shift
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/etc"
: > "$state/status"
for mirror in $(tools/mirrors.sh); do
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: amd64 arm64\nSigned-By: %s\n\n' \
        "$mirror" "$suite" /usr/share/keyrings/debian-archive-keyring.gpg
done > "$state/etc/pins.sources"
cat > "$state/apt.conf" << END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$state/etc";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
END
export APT_CONFIG="$state/apt.conf"
apt-get -qq update
for package in "$@"; do
    for architecture in amd64 arm64; do
        apt-cache show --no-all-versions "$package:$architecture" 2> /dev/null || :
    done
done | awk '/^Architecture: / { a = $2 } /^Filename: / { f = $2 } /^SHA256: / { s = $2 } /^$/ && f { print a, s, f; f = "" }' | sort -u
