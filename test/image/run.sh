#!/bin/sh
# run.sh [--build]: builds the enclave images and boots them in QEMU's emulated Nitro machine; prints "passed: ...",
# "failed: ..." and "skipped: ..." lines. QEMU is the one that VERONNX_QEMU names, or, with --build (make image-test), one that
# is made here, which with the kernel takes half an hour on two cores. What was made before is used too, but not where skips are
# counted (STRICT_SKIPS): they do not depend on what lies around.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${VERONNX_QEMU:-}${STRICT_SKIPS:-}" ] && [ -e build/image/veronnx-sim.eif ]; then
    VERONNX_QEMU=$(CACHED_ONLY=1 tools/peers.sh qemu 2> /dev/null || :)
fi
[ -n "${VERONNX_QEMU:-}" ] || [ "${1:-}" = --build ] || { echo "skipped: QEMU with a Nitro machine"; exit 0; }
[ "$(uname -m)" = x86_64 ] || { echo "skipped: images are for x86_64"; exit 0; }
image/fetch.sh image/inputs.lock >&2 || { echo "skipped: inputs of the images"; exit 0; }
image/build.sh > /dev/null
echo "passed: the images are built"
size=$(stat -c %s build/image/veronnx.eif)
if [ "$size" -le 94371840 ]; then echo "passed: the release is no larger than 90 MiB"; else echo "failed: size $size"; fi
VERONNX_QEMU=${VERONNX_QEMU:-$(tools/peers.sh qemu)}
export VERONNX_QEMU
for script in selftest refusals hosted registers; do
    python3 test/image/$script.py build/image || echo "failed: $script.py ended with status $?"
done
