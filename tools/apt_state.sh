#!/bin/sh
# apt_state.sh FOLDER ARCHITECTURES SUITE...: makes in FOLDER an apt of its own, with the suites' signed indexes from the
# mirrors of the system's apt, which is left alone. Used by APT_CONFIG=FOLDER/apt.conf.
set -eu
[ $# -ge 3 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
state=$1
architectures=$2
shift 2
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/etc"
: > "$state/status"
for mirror in $("$(dirname "$0")"/mirrors.sh); do
    for suite in "$@"; do
        case $suite in *-security) uri=$mirror-security ;; *) uri=$mirror ;; esac
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nArchitectures: %s\nSigned-By: %s\n\n' \
            "$uri" "$suite" "$architectures" /usr/share/keyrings/debian-archive-keyring.gpg
    done
done > "$state/etc/state.sources"
# shellcheck disable=SC2086 # a word for each architecture
cat > "$state/apt.conf" << END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$state/etc";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
APT::Architecture "${architectures%% *}";
APT::Architectures { $(printf '"%s"; ' $architectures)};
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
APT::Install-Recommends "false";
Acquire::Languages "none";
END
APT_CONFIG="$state/apt.conf" apt-get -qq update
