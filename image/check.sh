#!/bin/sh
# check.sh [--host SUITE] [FOLDER]: builds the images twice from nothing, in two folders below FOLDER (build/image-check), and
# compares all that image/build.sh writes. With --host the second build has a Debian SUITE (bookworm, trixie, ...) as its host, a
# small system that mmdebstrap makes from the mirror that apt is configured with. Exit status 1: they differ.
set -eu
umask 022
suite=
[ "${1:-}" != --host ] || { suite=$2; shift 2; }
folder=$(realpath -m "${1:-$(dirname "$0")/../build/image-check}")
cd "$(dirname "$0")/.."
first=$folder/one
second=$folder/two/in-a-longer-path
rm -rf "$first" "$folder/two" "$folder/host"
mkdir -p "$folder"

# A system of its own for the second build, with the sources and the inputs in it.
make_host() {
    mirror=$(tools/mirrors.sh | head -n 1)
    mmdebstrap --quiet --variant=apt --include=mount,xz-utils "$suite" "$folder/host" "$mirror"
    mkdir -p "$folder/host/tmp/.cache/veronnx" "$folder/host/source"
    cut -d ' ' -f 4 image/inputs.lock | while read -r sha256; do
        file=${VERONNX_CACHE:-${HOME:?}/.cache/veronnx}/$sha256
        [ ! -f "$file" ] || cp "$file" "$folder/host/tmp/.cache/veronnx/"
    done
    git ls-files -co --exclude-standard | tar -cf - -T - | tar -xf - -C "$folder/host/source" --no-same-owner
}

image/build.sh "$first" > /dev/null
if [ -n "$suite" ]; then
    make_host
    image/inside.sh "$folder/host" sh /source/image/build.sh /two/in-a-longer-path > /dev/null
    second=$folder/host/two/in-a-longer-path
else
    image/build.sh "$second" > /dev/null
fi
bad=0
for file in "$first"/*.eif "$first"/*.json; do
    cmp "$file" "$second/${file##*/}" || bad=1
done
[ "$bad" = 0 ] && echo "the same bytes twice"
exit "$bad"
