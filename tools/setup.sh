#!/bin/sh
# setup.sh [SET...]: installs what tools/deps.lock lists for the sets (and always for `build`), one line for each step,
# nothing when all is there. Packages of the running Debian come from apt; all else goes to build/deps/ and leaves the
# system alone. Downloads are kept by checksum in ${VERONNX_CACHE:-~/.cache/veronnx}.
#   ONNXRUNTIME_ROOT=FOLDER   another ONNX Runtime: lib/libonnxruntime.so* or the library itself, include/ if it has one
#   VERBOSE=1                 the output of apt-get and npm, which otherwise goes to build/deps/setup.log
# Exit 0: all there; 1: a download or an installation failed; 2: something is missing that must be installed by hand.
set -eu
umask 022
export LC_ALL=C

case ${ONNXRUNTIME_ROOT:-/} in /*) ;; *) ONNXRUNTIME_ROOT=$PWD/$ONNXRUNTIME_ROOT ;; esac
cd "$(dirname "$0")/.."
lock=tools/deps.lock
deps=$PWD/build/deps
log=$deps/setup.log
cache=${VERONNX_CACHE:-${HOME:?}/.cache/veronnx}

say() { printf 'setup: %s\n' "$*"; }
die() { status=$1; shift; printf 'setup: %s\n' "$*" >&2; exit "$status"; }

# Runs a command with its output in the log, and shows the end of that when the command fails.
quietly() {
    if [ -n "${VERBOSE:-}" ]; then "$@" < /dev/null >&2; return; fi
    printf '$ %s\n' "$*" >> "$log"
    "$@" < /dev/null >> "$log" 2>&1 || { tail -n 5 "$log" >&2; return 1; }
}

sets=build
for set in "$@"; do
    case $set in
        build) ;;
        test|conformance|dev) sets="$sets $set" ;;
        *) die 2 "no such set: $set (there are: build test conformance dev)" ;;
    esac
done
case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) die 2 "veronnx runs on x86_64 and aarch64, this is $(uname -m)" ;;
esac
release=other
if [ -r /etc/os-release ]; then
    . /etc/os-release
    case ${ID:-}-${VERSION_ID:-} in debian-12|debian-13) release=$VERSION_ID ;; esac
fi

# rows KIND SET: the lock's rows of that kind and set, without those two words
rows() { sed -n "s/^$1  *$2  *//p" "$lock"; }
is_for_this_release() { case ,$1, in *",$release,"*) ;; *) return 1 ;; esac; }

# --- packages of the running release ---------------------------------------------------------------------------------

wanted_packages() {
    for set in $sets; do
        rows apt "$set" | while read -r releases package atleast _; do
            ! is_for_this_release "$releases" || printf '%s %s\n' "$package" "$atleast"
        done
    done
}

missing_packages() {
    wanted=$(wanted_packages)
    # shellcheck disable=SC2046 # one word for each package
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev} ${Version}\n' \
        $(printf '%s\n' "$wanted" | cut -d ' ' -f 1) 2> /dev/null || :)
    printf '%s\n' "$wanted" | while read -r package atleast; do
        version=$(printf '%s\n' "$installed" | sed -n "s/^$package [ih]i *//p" | head -n 1)
        dpkg --compare-versions "${version:-0~}" ge "$atleast" || printf '%s\n' "$package"
    done
}

install_packages() {
    [ $# -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] ||
        die 2 "Debian packages are missing: sudo apt-get update && sudo apt-get install --no-install-recommends $*"
    say "installing Debian packages: $*"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get -q update || die 1 "apt-get update failed"
    quietly apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" || die 1 "apt-get install failed"
}

# Not Debian 12 or 13: says what is not there and leaves it to the owner of the system.
require_by_hand() {
    absent=$(for set in $sets; do
        rows apt "$set" | while read -r _ package _ find; do
            case $find in
                command:*) command -v "${find#*:}" > /dev/null ;;
                module:*) pkg-config --exists "${find#*:}" 2> /dev/null ;;
                file:*) [ -e "${find#*:}" ] ;;
            esac || printf '\n  %s (Debian: %s)' "${find#*:}" "$package"
        done
    done)
    [ -n "${ONNXRUNTIME_ROOT:-}" ] || absent="$absent
  ONNX Runtime with the header of its C interface (set ONNXRUNTIME_ROOT to its folder)"
    [ -z "$absent" ] || die 2 "this is neither Debian 12 nor 13; please install what is missing:$absent"
}

# --- downloads -------------------------------------------------------------------------------------------------------

has_sha256() { [ -f "$1" ] && [ "$(sha256sum < "$1")" = "$2  -" ]; }
keep() { mv "$1" "$cache/$2.$$" && mv "$cache/$2.$$" "$cache/$2"; }

fetch_deb() { # SHA256 POOL-PATH
    ! has_sha256 "$cache/$1" "$1" || return 0
    name=${2##*/}
    say "fetching $name"
    : > "$scratch/errors"
    for mirror in $(tools/mirrors.sh 2>> "$log"); do
        uri=$mirror/$(printf %s "$2" | sed 's/+/%2b/g; s/~/%7e/g')
        if /usr/lib/apt/apt-helper -q -o APT::Sandbox::User=root download-file "$uri" "$scratch/$1" "SHA256:$1" \
            < /dev/null >> "$scratch/errors" 2>&1 && has_sha256 "$scratch/$1" "$1"; then
            keep "$scratch/$1" "$1"
            return
        fi
    done
    cat "$scratch/errors" >> "$log"
    if grep -q 'Hash Sum mismatch' "$scratch/errors"; then die 1 "$name: the checksum is not that of $lock"; fi
    if grep -q ' 404 ' "$scratch/errors"; then
        die 1 "$name: its suite has a newer one by now; tools/pins.sh SUITE ${name%%_*} prints it for $lock"
    fi
    tail -n 2 "$scratch/errors" >&2
    die 1 "$name: the download failed"
}

fetch_ort() { # VERSION SHA256 MEMBER INTEGRITY
    ! has_sha256 "$cache/$2" "$2" || return 0
    command -v npm > /dev/null || [ "$release" = other ] || install_packages npm
    command -v npm > /dev/null || die 2 "npm is missing; ONNX Runtime comes with it (or set ONNXRUNTIME_ROOT)"
    say "fetching ONNX Runtime $1 (npm package onnxruntime-node, about 110 MB)"
    mkdir "$scratch/npm"
    (cd "$scratch/npm" && quietly npm pack --ignore-scripts --loglevel=error --cache "$scratch/npm" "onnxruntime-node@$1") ||
        die 1 "onnxruntime-node $1: npm pack failed"
    tarball=$(echo "$scratch"/npm/*.tgz)
    digest=$(printf %s "${4#sha512-}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    [ "$(sha512sum < "$tarball")" = "$digest  -" ] || die 1 "onnxruntime-node $1: the integrity is not that of $lock"
    tar -xzf "$tarball" -C "$scratch/npm" "$3"
    has_sha256 "$scratch/npm/$3" "$2" || die 1 "onnxruntime-node $1: the library's checksum is not that of $lock"
    keep "$scratch/npm/$3" "$2"
    rm -rf "$scratch/npm"
}

# --- build/deps ------------------------------------------------------------------------------------------------------

place() { # FILE DESTINATION: a new file, for the old one may be mapped by a running node
    mkdir -p "${2%/*}"
    cp --remove-destination "$1" "$2"
}

place_debs() { # SET
    rows deb "$1" | while read -r releases architecture sha256 path; do
        is_for_this_release "$releases" || continue
        case $architecture in "$arch"|all) ;; *) continue ;; esac
        fetch_deb "$sha256" "$path"
        dpkg-deb -x "$cache/$sha256" "$scratch/root"
    done
    for folder in include share/libonnx-testdata; do
        [ -d "$scratch/root/usr/$folder" ] || continue
        mkdir -p "$deps/$folder"
        cp -R "$scratch/root/usr/$folder/." "$deps/$folder"
    done
    # Each library under the name that a program asks for at run time, and a link under the one that the linker asks for.
    for library in "$scratch"/root/usr/lib/*/lib*.so.*; do
        [ -f "$library" ] && [ ! -L "$library" ] || continue
        soname=$(objdump -p "$library" | sed -n 's/^ *SONAME *//p')
        place "$library" "$deps/lib/$soname"
        ln -sf "$soname" "$deps/lib/${soname%%.so.*}.so"
    done
    rm -rf "$scratch/root"
}

place_ort() { # SET
    rows ort "$1" | while read -r version architecture sha256 member integrity; do
        [ "$architecture" = "$arch" ] || continue
        fetch_ort "$version" "$sha256" "$member" "$integrity"
        case $1 in
            build) place "$cache/$sha256" "$deps/lib/libonnxruntime.so.1" ;;
            *) place "$cache/$sha256" "$deps/onnxruntime-$version/lib/libonnxruntime.so.1" ;;
        esac
    done
}

place_own_ort() { # ROOT: a link, so that a new library there is taken at once
    for library in "$1"/lib/libonnxruntime.so* "$1"/libonnxruntime.so* "$1"; do
        [ ! -f "$library" ] || break
    done
    [ -f "$library" ] || die 2 "ONNXRUNTIME_ROOT: there is no libonnxruntime.so in $1"
    say "taking ONNX Runtime from $library"
    ln -s "$library" "$deps/lib/libonnxruntime.so.1"
    for include in "$1/include" "$1/include/onnxruntime"; do
        [ ! -f "$include/onnxruntime_c_api.h" ] || cp -R "$include/." "$deps/include/onnxruntime"
    done
    [ -f "$deps/include/onnxruntime/onnxruntime_c_api.h" ] ||
        die 2 "ONNXRUNTIME_ROOT: there is no include/onnxruntime_c_api.h in $1"
}

# ONNX Runtime's StringNormalizer asks for this locale by name; LOCPATH shows it ours.
place_locale() {
    say "compiling the locale en_US.UTF-8"
    mkdir -p "$deps/lib/locale"
    quietly localedef -c -i en_US -f UTF-8 "$deps/lib/locale/en_US.UTF-8" || die 1 "localedef failed"
}

place_set() { # SET
    if [ "$1" = build ]; then
        rm -rf "${deps:?}/include" "${deps:?}/lib"
        mkdir -p "$deps/include/onnxruntime" "$deps/lib"
        place_locale
    fi
    place_debs "$1"
    case $1-${ONNXRUNTIME_ROOT:-} in
        build-?*) place_own_ort "$ONNXRUNTIME_ROOT" ;;
        build-) place_ort build ;;
        # What only a comparison needs may be out of reach: the check says "skipped" and its name.
        *) (place_ort "$1") || say "another ONNX Runtime for '$1' cannot be had now" ;;
    esac
}

# The stamp of a set: what its files were made from and, below that, what stood there when it was complete.
is_placed() { # STAMP
    [ -f "$1" ] && {
        read -r line && [ "$line" = "$origin" ] || return 1
        while read -r line; do [ -e "$deps/$line" ] || return 1; done
    } < "$1"
}

mkdir -p "$deps" "$cache"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
! command -v flock > /dev/null || { exec 9> "$deps/setup.lock" && flock 9; }

if [ "$release" = other ]; then
    require_by_hand
else
    # shellcheck disable=SC2046 # one word for each package
    install_packages $(missing_packages)
fi
for set in $sets; do
    origin=$({ grep "^[a-z]*  *$set " "$lock"; cat tools/setup.sh; echo "$release $arch ${ONNXRUNTIME_ROOT:-}"; } | sha256sum)
    ! is_placed "$deps/.$set" || continue
    rm -f "$deps/.$set"
    place_set "$set"
    (echo "$origin"; cd "$deps" && find . -mindepth 2 -maxdepth 2) > "$scratch/stamp"
    mv "$scratch/stamp" "$deps/.$set"
done
