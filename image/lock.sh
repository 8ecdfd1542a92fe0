#!/bin/sh
# lock.sh: prints image/inputs.lock as it would be with what Debian 13's signed index has today: the packages below with all
# that they depend on, and the rows that do not come from Debian as they stand. Every pin that changes changes the image's
# measurements: read the difference before taking it. Works in a state of its own and leaves the system's apt alone.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/.."
suite=trixie

# What the build root is made of. `whole`: with dependencies; `alone`: without, only files of it are needed.
whole='base-files dash coreutils sed grep findutils diffutils mawk tar gzip xz-utils
    gcc libc6-dev make meson ninja-build pkgconf python3
    libssl-dev libuv1-dev libnghttp2-dev libcurl4-openssl-dev libseccomp-dev zlib1g-dev libyyjson-dev libllhttp-dev
    flex bison bc libelf-dev perl-base libc-bin locales'
alone='linux-source-6.12 libonnxruntime-dev'

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

# shellcheck disable=SC2086 # one word for each package
{
    apt-get -qq -y --print-uris install $whole
    apt-get -qq --print-uris download $alone
} | cut -d ' ' -f 2 | sed 's/_.*//' | sort -u > "$state/names"

sed '/^deb /d' image/inputs.lock
# shellcheck disable=SC2046 # one word for each package
apt-cache show --no-all-versions $(cat "$state/names") |
    awk '/^Package: / { p = $2 } /^Version: / { v = $2 } /^Filename: / { f = $2 } /^SHA256: / { s = $2 }
         /^$/ && f { print "deb", p, v, s, f; f = "" }' | sort -u
