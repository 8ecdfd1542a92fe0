#!/bin/sh
# kernel.sh SOURCE FOLDER: builds the enclave's kernel for x86_64 from the unpacked source tree SOURCE in FOLDER (made if it
# is not there) and leaves FOLDER/bzImage and FOLDER/config. Same source, compiler and binutils: same bytes, wherever and
# whenever. JOBS says how many processes; needs make, gcc, libelf, flex, bison,
# bc, perl, xz.
set -eu
[ $# = 2 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
wanted=$(cd "$(dirname "$0")" && pwd)/kernel.config
source=$(cd "$1" && pwd)
mkdir -p "$2"
folder=$(cd "$2" && pwd)

# Everything of this machine and moment that a kernel would write into itself.
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=0 KBUILD_BUILD_USER=veronnx KBUILD_BUILD_HOST=veronnx KBUILD_BUILD_VERSION=1
KBUILD_BUILD_TIMESTAMP=$(date -u -d @0)
export KBUILD_BUILD_TIMESTAMP
umask 022
build() { make -s -C "$source" O="$folder" ARCH=x86_64 -j "${JOBS:-2}" "$@"; }

build tinyconfig
"$source/scripts/kconfig/merge_config.sh" -m -O "$folder" "$folder/.config" "$wanted" > /dev/null
build olddefconfig

# Kconfig drops in silence what it does not know or what depends on something that is off.
bad=0
while read -r line; do
    case $line in
        CONFIG_*) grep -qxF "$line" "$folder/.config" ;;
        '# CONFIG_'*' is not set') option=${line#'# '} && ! grep -q "^${option%% *}=" "$folder/.config" ;;
    esac || { echo "kernel.sh: the kernel is not configured as kernel.config says: $line" >&2; bad=1; }
done < "$wanted"
[ "$bad" = 0 ] || exit 1

build bzImage
cp "$folder/arch/x86/boot/bzImage" "$folder/bzImage"
cp "$folder/.config" "$folder/config"
