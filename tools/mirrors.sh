#!/bin/sh
# mirrors.sh: the mirrors from which apt gets the running Debian release, one a line. It looks at what apt would ask for,
# asks for nothing, and needs no downloaded list.
set -eu
. /etc/os-release
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
mkdir "$lists/partial"
apt-get update --print-uris -o Dir::State::lists="$lists" | sed -n "s,^'\(.*\)/dists/$VERSION_CODENAME/InRelease' .*,\1,p"
