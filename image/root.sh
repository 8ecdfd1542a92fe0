#!/bin/sh
# root.sh LOCK FOLDER: a build root, a file system of nothing but what the lock file LOCK lists, unpacked from the cache (after
# image/fetch.sh) without running anything of it. FOLDER/inputs/NAME lists the files of each package. Needs no root rights.
# Does nothing when FOLDER was made from the same lock.
set -eu
umask 022
export LC_ALL=C
[ $# = 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
lock=$(realpath "$1")
mkdir -p "$2"
root=$(cd "$2" && pwd)
cd "$(dirname "$0")/.."
cache=${VERONNX_CACHE:-${HOME:?}/.cache/veronnx}

stamp=$(cat "$lock" image/root.sh | sha256sum)
[ "$(cat "$root/stamp" 2> /dev/null || :)" != "$stamp" ] || exit 0
rm -rf "${root:?}"/*
mkdir "$root/inputs" "$root/dev" "$root/tmp"

unpack_deb() { # NAME SHA256
    dpkg-deb --fsys-tarfile "$cache/$2" | tar -xv -C "$root" --no-same-owner --keep-directory-symlink > "$root/inputs/$1"
}

# base-files first: the links /bin, /lib and so on are in it.
{ grep '^deb base-files ' "$lock"; grep -v '^deb base-files ' "$lock"; } > "$root/inputs/.lock"
while read -r kind name _ sha256 path; do
    case $kind in
        deb) unpack_deb "$name" "$sha256" ;;
        npm) cp "$cache/$sha256" "$root/usr/lib/${path##*/}" && echo "./usr/lib/${path##*/}" > "$root/inputs/$name" ;;
        src) mkdir -p "$root/usr/src/$name" && tar -xf "$cache/$sha256" -C "$root/usr/src/$name" --strip-components 1 ;;
    esac
done < "$root/inputs/.lock"

# What a package's installation script would have done, and the sources that a package has as an archive.
ln -s mawk "$root/usr/bin/awk"
for archive in "$root"/usr/src/*.tar.xz; do
    [ -f "$archive" ] || continue
    tar -xf "$archive" -C "$root/usr/src"
    rm "$archive"
done
printf '%s\n' "$stamp" > "$root/stamp"
