#!/bin/sh
# configure.sh FOLDER [OPTION...]: a Meson build folder, configured again when the dependencies have changed since.
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift

again=
if [ -f "$folder/build.ninja" ]; then
    [ -n "$(find build/deps -maxdepth 1 -name '.*' -newer "$folder/build.ninja")" ] || exit 0
    again=--reconfigure
fi
echo "configuring $folder"
output=$(meson setup $again --wrap-mode=nodownload "$@" "$folder" 2>&1) || {
    printf '%s\n' "$output" | tail -n 6 >&2
    exit 1
}
[ -z "${VERBOSE:-}" ] || printf '%s\n' "$output"
