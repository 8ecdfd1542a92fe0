#!/bin/sh
# make.sh: runs inside the build root (image/inside.sh), with the sources in /veronnx: kernel, node, and the three images
# in /out. What was built before is taken again: the kernel when its configuration is the same, the node as Ninja finds.
set -eu
umask 022
cd /veronnx
source=/usr/src/linux-source-6.12
mkdir -p /build /out

stamp=$(cat image/kernel.config image/kernel.sh | sha256sum)
if [ "$(cat /build/kernel.stamp 2> /dev/null || :)" != "$stamp" ]; then
    echo "building the kernel"
    rm -rf /build/kernel
    sh image/kernel.sh "$source" /build/kernel
    echo "$stamp" > /build/kernel.stamp
fi

echo "building the node"
if [ ! -d /build/locale ]; then
    mkdir -p /build/locale
    localedef -c -i en_US -f UTF-8 /build/locale/en_US.UTF-8
fi
mkdir -p build/deps/include build/deps/lib
ln -sfn /usr/include/onnxruntime build/deps/include/onnxruntime
ln -sfn /usr/lib/libonnxruntime.so.1 build/deps/lib/libonnxruntime.so.1
ln -sfn /build/locale build/deps/lib/locale
[ -f /build/node/build.ninja ] || meson setup --wrap-mode=nodownload /build/node > /build/node.log || { cat /build/node.log; exit 1; }
ninja -C /build/node -j "${JOBS:-2}" programs image-programs > /build/node.log || { tail -n 20 /build/node.log; exit 1; }

for kind in release sim selftest; do
    name=veronnx-$kind
    [ "$kind" != release ] || name=veronnx
    python3 image/assemble.py / /build/node "$kind" "/build/$kind"
    strip --strip-all -o /build/init /build/node/image/veronnx-init
    /build/node/bin/veronnx image build --kernel /build/kernel/bzImage --cmdline "$(cat image/cmdline)" --init /build/init \
        --root "/build/$kind" --out "/out/$name.eif" > /dev/null
    /build/node/bin/veronnx image pcrs "/out/$name.eif" > "/out/$name.measurements.json"
    python3 image/sbom.py image/inputs.lock "/out/$name.measurements.json" /build/kernel/bzImage /build/init "/build/$kind" \
        > "/out/$name.sbom.spdx.json"
done
