#!/bin/sh
# root.sh FOLDER: the build root, a file system of nothing but what image/inputs.lock lists, unpacked from the cache (after
# image/fetch.sh) without running anything of it. FOLDER/inputs/NAME lists the files of each package. Needs no root rights.
# Does nothing when FOLDER was made from the same lock.
set -eu
umask 022
export LC_ALL=C
[ $# = 1 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
mkdir -p "$1"
root=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
cache=${VERONNX_CACHE:-${HOME:?}/.cache/veronnx}

stamp=$(cat image/inputs.lock image/root.sh | sha256sum)
[ "$(cat "$root/stamp" 2> /dev/null || :)" != "$stamp" ] || exit 0
rm -rf "${root:?}"/*
mkdir "$root/inputs" "$root/dev" "$root/tmp"

# The links /bin, /lib and so on are in base-files, which stands first in the lock.
while read -r kind name _ sha256 path; do
    case $kind in
        deb) dpkg-deb --fsys-tarfile "$cache/$sha256" |
            tar -xv -C "$root" --no-same-owner --keep-directory-symlink > "$root/inputs/$name" ;;
        npm) cp "$cache/$sha256" "$root/usr/lib/${path##*/}" && echo "./usr/lib/${path##*/}" > "$root/inputs/$name" ;;
    esac
done << END
$(grep '^deb ' image/inputs.lock)
$(grep '^npm ' image/inputs.lock)
END

# What a package's installation script would have done.
ln -s mawk "$root/usr/bin/awk"
tar -xf "$root/usr/src/linux-source-6.12.tar.xz" -C "$root/usr/src"
rm "$root/usr/src/linux-source-6.12.tar.xz"
printf '%s\n' "$stamp" > "$root/stamp"
