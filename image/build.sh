#!/bin/sh
# build.sh [FOLDER]: the enclave images, in FOLDER (build/image): veronnx.eif with measurements.json and sbom.spdx.json, and
# likewise veronnx-sim and veronnx-selftest with their names in front. Everything in them is made of image/inputs.lock and this
# tree, with the tools of image/inputs.lock, in FOLDER/root. Prints the release's registers. JOBS: how many processes (2).
# INPUTS=1 also writes inputs.tar, the archive of all inputs.
set -eu
umask 022
export LC_ALL=C
folder=$(realpath -m "${1:-$(dirname "$0")/../build/image}")
cd "$(dirname "$0")/.."
mkdir -p "$folder"
root=$folder/root

image/fetch.sh image/inputs.lock ${INPUTS:+"$folder/inputs.tar"}
image/root.sh image/inputs.lock "$root"

# The sources, and nothing else that lies around. What was there before keeps its time, and everything else is new: Ninja goes by
# times, and a file may be older than what was made of the one before it.
rm -rf "$root/next"
mkdir -p "$root/next" "$root/veronnx"
if git rev-parse --is-inside-work-tree > /dev/null 2>&1; then
    git ls-files -co --exclude-standard | while read -r file; do [ ! -e "$file" ] || echo "$file"; done
else
    find . -mindepth 1 -name 'build*' -type d -prune -o -type f -print
fi | tar -cf - -T - | tar -xmf - -C "$root/next" --no-same-owner
(cd "$root/next" && find . -type f) | while read -r file; do
    ! cmp -s "$root/veronnx/$file" "$root/next/$file" || touch -r "$root/veronnx/$file" "$root/next/$file"
done
find "$root/veronnx" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
find "$root/next" -mindepth 1 -maxdepth 1 -exec mv -t "$root/veronnx" {} +
rmdir "$root/next"
image/inside.sh "$root" sh /veronnx/image/make.sh

for kind in '' -sim -selftest; do
    prefix=${kind:+veronnx$kind.}
    cp "$root/out/veronnx$kind.eif" "$folder/veronnx$kind.eif"
    cp "$root/out/veronnx$kind.measurements.json" "$folder/${prefix}measurements.json"
    cp "$root/out/veronnx$kind.sbom.spdx.json" "$folder/${prefix}sbom.spdx.json"
done
cat "$folder/measurements.json"
