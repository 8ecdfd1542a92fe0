#!/bin/sh
# peers.sh NAME: a program that tests and benchmarks run against; prints where it is. What is not installed is made once and kept in
# ${VERONNX_CACHE:-~/.cache/veronnx}/peers; the system stays as it is.
#   kubo    built from Go modules: version and checksums are those of test/conformance/kubo/go.mod and go.sum
#   nitrite, promlint   a verifier of attestation documents and the linter of Prometheus's promtool, likewise: test/conformance/NAME
#   nginx   the one of the system, else unpacked from the running release's package
#   qemu    QEMU with the nitro-enclave machine, built from what image/peers/qemu.lock lists, in a root of its own (x86_64)
#   tritonclient, kserve, schemathesis   a Python that has it, made with pip
#   original   a Python with what the original node's server imports, all of its versions: 3.12, where there is one, as there
#   grpc_js the folder of Node's modules with @grpc/grpc-js, made with npm
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

# A small program of our own about somebody else's module: test/conformance/NAME.
go_program() { # NAME
    module=test/conformance/$1
    place=$peers/$1-$(cat $module/go.mod $module/go.sum $module/main.go | sha256sum | cut -c 1-16)
    if [ ! -x "$place/$1" ]; then
        PATH=$PATH:/usr/local/go/bin
        command -v go > /dev/null || absent "$1 is built from source, and there is no go"
        (cd $module && GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$scratch/$1/$1" .) \
            > "$scratch/log" 2>&1 || { tail -n 5 "$scratch/log" >&2; absent "$1 could not be built"; }
        keep "$scratch/$1" "$place"
    fi
    echo "$place/$1"
}

nitrite() { go_program nitrite; }
promlint() { go_program promlint; }

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

# A Python with exactly what test/conformance/python/NAME.txt pins, made with the first interpreter that works.
python_with() { # NAME [INTERPRETER...]
    name=$1 pins=test/conformance/python/$1.txt
    place=$peers/$1-$(sha256sum < "$pins" | cut -c 1-16)
    shift
    for python in "$@" python3; do
        ! "$python" -c '' 2> /dev/null || break
    done
    exec 9< "$peers"
    flock 9 # not made elsewhere and moved: a virtual environment knows its own path
    if [ ! -e "$place/complete" ]; then
        say "installing $name"
        { rm -rf "$place" && "$python" -m venv "$place" && "$place/bin/pip" install -q --no-deps -r "$pins"; } \
            > "$scratch/log" 2>&1 ||
            { rm -rf "$place"; tail -n 2 "$scratch/log" >&2; absent "$name cannot be had for $("$python" --version)"; }
        : > "$place/complete"
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

tritonclient() { python_with tritonclient; }
kserve() { python_with kserve; }
schemathesis() { python_with schemathesis; }
original() { python_with original python3.12 python3.11; } # the newest that have wheels of its ONNX Runtime

grpc_js() {
    lock=test/conformance/grpc-js/package-lock.json
    place=$peers/grpc-js-$(sha256sum < $lock | cut -c 1-16)
    if [ ! -d "$place" ]; then
        command -v npm > /dev/null || absent "grpc-js comes from npm, and there is none"
        say "installing grpc-js"
        { mkdir "$scratch/grpc-js" && cp test/conformance/grpc-js/package*.json "$scratch/grpc-js" &&
            (cd "$scratch/grpc-js" && npm ci --ignore-scripts --no-audit --no-fund); } > "$scratch/log" 2>&1 ||
            { tail -n 2 "$scratch/log" >&2; absent "grpc-js cannot be had"; }
        keep "$scratch/grpc-js" "$place"
    fi
    echo "$place/node_modules"
}

known="kubo nitrite promlint nginx qemu tritonclient kserve schemathesis original grpc_js manifests"
case " $known " in *" ${1:-none} "*) ;; *) say "usage: peers.sh $(echo "$known" | tr ' ' '|')"; exit 2 ;; esac
mkdir -p "$peers"
scratch=$(mktemp -d "$peers/.making.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
"$1"
