#!/bin/sh
# fetch.sh LOCK [ARCHIVE]: gets every file of the lock file LOCK into the cache, ${VERONNX_CACHE:-~/.cache/veronnx}, where each
# is named by its SHA-256: from the cache itself, else from the mirror that apt is configured with; ONNX Runtime from where
# tools/setup.sh put it. With ARCHIVE it also writes them all as one tar file, the same bytes whenever and wherever. Unpacked
# into the cache folder, that makes the image without a network.
# Exit 0: all there; 1: a file could not be had, or was not what the lock says.
set -eu
umask 022
export LC_ALL=C
lock=$(realpath "$1")
archive=${2:+$(realpath "$2")}
cd "$(dirname "$0")/.."
cache=${VERONNX_CACHE:-${HOME:?}/.cache/veronnx}
version=$(sed -n "s/^ *version: '\(.*\)',$/\1/p" meson.build | head -n 1)
mkdir -p "$cache"
scratch=$(mktemp -d "$cache/.fetching.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

say() { printf 'fetch: %s\n' "$*"; }
die() { printf 'fetch: %s\n' "$*" >&2; exit 1; }
has_sha256() { [ -f "$1" ] && [ "$(sha256sum < "$1")" = "$2  -" ]; }
rows() { grep "^$1 " "$lock" || :; }

# The rows of standard input whose file is not in the cache or is damaged there.
missing() {
    while read -r kind name release sha256 path; do
        has_sha256 "$cache/$sha256" "$sha256" || echo "$kind $name $release $sha256 $path"
    done
}

# What apt-helper has left is checked by it; it is only moved to its place.
take() {
    while read -r _ _ _ sha256 _; do
        [ ! -f "$scratch/$sha256" ] || mv "$scratch/$sha256" "$cache/$sha256"
    done < "$scratch/missing"
}

download() { # MIRROR
    set -- "$1"
    while read -r _ _ _ sha256 path; do
        case $path in pool/updates/*) base=$1-security ;; *) base=$1 ;; esac
        set -- "$@" "$base/$(printf %s "$path" | sed 's/+/%2b/g; s/~/%7e/g')" "$scratch/$sha256" "SHA256:$sha256"
    done < "$scratch/missing"
    shift
    /usr/lib/apt/apt-helper -q -o APT::Sandbox::User=root download-file "$@" < /dev/null >> "$scratch/errors" 2>&1 || :
    take
}

# Packages and source archives of Debian.
fetch_packages() {
    kinds='\(deb\|src\)'
    rows "$kinds" | missing > "$scratch/missing"
    [ -s "$scratch/missing" ] || return 0
    : > "$scratch/errors"
    for mirror in $(tools/mirrors.sh 2> /dev/null); do
        say "$(wc -l < "$scratch/missing") archives of Debian 13"
        download "$mirror"
        rows "$kinds" | missing > "$scratch/missing"
        [ -s "$scratch/missing" ] || return 0
    done
    while read -r _ name release sha256 path; do
        say "$name $release ($path) could not be had" >&2
        sed -n "/${path##*/}/p" "$scratch/errors" | tail -n 1 >&2
    done < "$scratch/missing"
    ! grep -q 'Hash Sum mismatch' "$scratch/errors" || die "a checksum is not that of $lock"
    ! grep -q ' 404 ' "$scratch/errors" ||
        die "the mirror has dropped a version: unpack veronnx-$version-inputs.tar of the release into $cache, or take" \
            "newer versions with image/lock.sh (the measurements of the image change with them)"
    die "no answer from the mirror"
}

# tools/setup.sh gets the same file for the build outside.
fetch_npm() {
    rows npm | missing > "$scratch/missing"
    while read -r _ name release sha256 _; do
        library=build/deps/lib/libonnxruntime.so.1
        ! has_sha256 "$library" "$sha256" || cp "$library" "$cache/$sha256"
        has_sha256 "$cache/$sha256" "$sha256" || die "$name $release: run tools/setup.sh without ONNXRUNTIME_ROOT first, or unpack" \
            "veronnx-$version-inputs.tar of the release into $cache"
    done < "$scratch/missing"
}

fetch_packages
fetch_npm
[ -n "$archive" ] || exit 0
rows '[a-z]*' | cut -d ' ' -f 4 | sort > "$scratch/names"
tar -C "$cache" -cf "$archive" --format=ustar --owner=0 --group=0 --numeric-owner --mode=0644 --mtime=@0 -T "$scratch/names"
