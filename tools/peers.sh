#!/bin/sh
# peers.sh kubo|nitrite|nginx|qemu|tritonclient|manifests: a program that tests and benchmarks run against; prints where it is. What is not installed is made
# once and kept in ${VERONNX_CACHE:-~/.cache/veronnx}/peers; the system stays as it is.
#   kubo    built from Go modules: version and checksums are those of test/conformance/kubo/go.mod and go.sum
#   nitrite a verifier of attestation documents, likewise: test/conformance/nitrite
#   nginx   the one of the system, else unpacked from the running release's package
#   qemu    QEMU with the nitro-enclave machine, built from what image/peers/qemu.lock lists, in a root of its own (x86_64)
#   tritonclient   a Python that has it, with its parts for gRPC and HTTP, made with pip
#   manifests      a Python that has Kubernetes's schemas; beside it, in crds/, are those of KServe, out of its Go module
# CACHED_ONLY=1: QEMU is not built.
# Exit 77: it cannot be had here, and standard error says why; 2: there is no such peer.
set -eu
umask 022
export LC_ALL=C
cd "$(dirname "$0")/.."
peers=${VERONNX_CACHE:-${HOME:?}/.cache/veronnx}/peers

say() { printf 'peers: %s\n' "$*" >&2; }
absent() { say "$*"; exit 77; }

# Puts a folder that is complete in its place, unless another one was faster.
keep() { mv -T "$1" "$2" 2> /dev/null || [ -d "$2" ]; }

kubo() {
    module=test/conformance/kubo
    version=$(sed -n 's,^\t*\(require \)*github.com/ipfs/kubo \(v[^ ]*\).*,\2,p' $module/go.mod)
    place=$peers/kubo-$version-$(cat $module/go.mod $module/go.sum | sha256sum | cut -c 1-16)
    if [ ! -x "$place/ipfs" ]; then
        PATH=$PATH:/usr/local/go/bin
        command -v go > /dev/null || absent "Kubo $version is built from source, and there is no go"
        say "building Kubo $version (about five minutes, once)"
        (cd $module && GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 nice -n 10 \
            go build -p 2 -trimpath -buildvcs=false -ldflags '-s -w' -o "$scratch/kubo/ipfs" github.com/ipfs/kubo/cmd/ipfs) \
            > "$scratch/log" 2>&1 || { tail -n 5 "$scratch/log" >&2; absent "Kubo $version could not be built"; }
        keep "$scratch/kubo" "$place"
    fi
    echo "$place/ipfs"
}

nitrite() {
    module=test/conformance/nitrite
    place=$peers/nitrite-$(cat $module/go.mod $module/go.sum $module/main.go | sha256sum | cut -c 1-16)
    if [ ! -x "$place/nitrite" ]; then
        PATH=$PATH:/usr/local/go/bin
        command -v go > /dev/null || absent "nitrite is built from source, and there is no go"
        (cd $module && GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$scratch/nitrite/nitrite" .) \
            > "$scratch/log" 2>&1 || { tail -n 5 "$scratch/log" >&2; absent "nitrite could not be built"; }
        keep "$scratch/nitrite" "$place"
    fi
    echo "$place/nitrite"
}

nginx() {
    for installed in "$(command -v nginx || :)" /usr/sbin/nginx; do
        [ ! -x "$installed" ] || { echo "$installed"; return; }
    done
    command -v apt-get > /dev/null || absent "nginx is not installed"
    version=$(apt-cache show --no-all-versions nginx 2> /dev/null | sed -n 's/^Version: //p')
    place=$peers/nginx-${version:-none}
    if [ ! -x "$place/usr/sbin/nginx" ]; then
        say "unpacking nginx ${version:-}"
        (cd "$scratch" && apt-get -q download nginx) > "$scratch/log" 2>&1 ||
            { tail -n 2 "$scratch/log" >&2; absent "the package nginx cannot be had"; }
        dpkg-deb -x "$scratch"/nginx_*.deb "$scratch/nginx"
        keep "$scratch/nginx" "$place"
    fi
    echo "$place/usr/sbin/nginx"
}

qemu() {
    place=$peers/qemu-$(cat image/peers/qemu.lock image/peers/qemu.sh | sha256sum | cut -c 1-16)
    if [ ! -x "$place/qemu" ]; then
        [ "$(uname -m)" = x86_64 ] || absent "QEMU is built for x86_64 alone"
        [ -z "${CACHED_ONLY:-}" ] || absent "QEMU was not built yet"
        say "building QEMU (about ten minutes, once)"
        { image/fetch.sh image/peers/qemu.lock && image/root.sh image/peers/qemu.lock "$scratch/root" &&
            cp image/peers/qemu.sh "$scratch/root/tmp" && nice -n 10 image/inside.sh "$scratch/root" sh /tmp/qemu.sh; } \
            > "$scratch/log" 2>&1 || { tail -n 5 "$scratch/log" >&2; absent "QEMU could not be built"; }
        keep "$scratch/root/out" "$place"
    fi
    echo "$place/qemu"
}

tritonclient() {
    version=2.73.0
    place=$peers/tritonclient-$version-all
    if [ ! -x "$place/bin/python" ]; then
        say "installing tritonclient $version"
        # Not made elsewhere and moved: a virtual environment knows its own path.
        { python3 -m venv "$place" && "$place/bin/pip" install -q "tritonclient[grpc,http]==$version"; } > "$scratch/log" 2>&1 ||
            { rm -rf "$place"; tail -n 2 "$scratch/log" >&2; absent "tritonclient $version cannot be had"; }
    fi
    echo "$place/bin/python"
}

manifests() {
    version=1.37.0 kserve=v0.15.2 sum=h1:uph7Umk331fvBMrHHpTJNDt6+lf3IAuyiskaQw8wIAk=
    place=$peers/manifests-$version-$kserve
    if [ ! -x "$place/bin/python" ]; then
        PATH=$PATH:/usr/local/go/bin
        command -v go > /dev/null || absent "KServe's schemas are in a Go module, and there is no go"
        say "installing the schemas of Kubernetes and KServe"
        go mod download -json "github.com/kserve/kserve@$kserve" > "$scratch/json" 2> "$scratch/log" ||
            { tail -n 2 "$scratch/log" >&2; absent "KServe $kserve cannot be had"; }
        grep -qF "\"$sum\"" "$scratch/json" || absent "KServe $kserve has another checksum"
        { python3 -m venv "$place" && "$place/bin/pip" install -q "kubernetes-validate==$version" && mkdir "$place/crds" &&
            cd "$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' "$scratch/json")/config/crd/full" &&
            cp serving.kserve.io_clusterservingruntimes.yaml serving.kserve.io_inferenceservices.yaml "$place/crds"; } \
            > "$scratch/log" 2>&1 || { rm -rf "$place"; tail -n 2 "$scratch/log" >&2; absent "kubernetes-validate $version cannot be had"; }
    fi
    echo "$place/bin/python"
}

case ${1:-} in kubo|nitrite|nginx|qemu|tritonclient|manifests) ;; *) say "usage: peers.sh kubo|nitrite|nginx|qemu|tritonclient|manifests"; exit 2 ;; esac
mkdir -p "$peers"
scratch=$(mktemp -d "$peers/.making.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
"$1"
