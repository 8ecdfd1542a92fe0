#!/bin/sh
# inside.sh ROOT COMMAND...: runs COMMAND in the file system ROOT, with no network, no processes and no environment but its
# own. Works without root rights where the kernel lets a user have namespaces, and inside itself.
set -eu
[ $# -ge 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
root=$1
shift
user=
[ "$(id -u)" = 0 ] || user='--user --map-root-user'
# shellcheck disable=SC2016,SC2086 # the inner shell's variables; one word for each option
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C TZ=UTC ${JOBS:+JOBS="$JOBS"} \
    unshare $user --mount --net --ipc --uts --pid --fork -- sh -euc '
        root=$1
        shift
        mount --bind "$root" "$root"
        mount -t tmpfs dev "$root/dev"
        for node in null zero full urandom random; do
            : > "$root/dev/$node"
            mount --bind "/dev/$node" "$root/dev/$node"
        done
        ln -s /proc/self/fd "$root/dev/fd"
        mount -t proc proc "$root/proc" 2> /dev/null || mount --rbind /proc "$root/proc"
        exec chroot "$root" "$@"
    ' inside "$root" "$@"
