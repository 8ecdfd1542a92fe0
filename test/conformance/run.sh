#!/bin/sh
# run.sh: ONNX's backend cases through a node, some of them and the demonstration models also with the other ONNX Runtime
# of tools/deps.lock; models from their prepared forms; CIDs against an independent implementation and against Kubo; documents
# against nitrite; Triton's and KServe's clients, gRPC by grpc-js, /openapi.json by schemathesis, the metrics by Prometheus's linter; models out of a real Kubo;
# sources with faults, FAULT_RUNS (1) times each; the enclave images in an emulated Nitro machine; the manifests of contrib/. Prints
# a line for each check, and their numbers.
# Exit status 1: one failed, or was skipped and does not stand in test/expected-skips.txt.
set -eu
cd "$(dirname "$0")/../.."
deps=$PWD/build/deps
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
: > "$scratch/lines"

say() { echo "$1: $2" | tee -a "$scratch/lines"; }

# whole NAME COMMAND...: one check. Exit status 77 says that it was skipped.
whole() {
    name=$1 status=0
    shift
    "$@" > "$scratch/$lane.output" 2>&1 || status=$?
    cat "$scratch/$lane.output"
    case $status in 0) say passed "$name" ;; 77) say skipped "$name" ;; *) say failed "$name" ;; esac
}

# each NAME COMMAND...: the lines "passed: ...", "failed: ..." and "skipped: ..." that it prints are checks, and so is any
# bad end.
each() {
    name=$1
    shift
    { "$@" || echo "failed: ended with status $?"; } | sed -u "s/^\(passed\|failed\|skipped\): /&$name /" |
        tee "$scratch/$lane.output"
    grep -e '^passed: ' -e '^failed: ' -e '^skipped: ' "$scratch/$lane.output" >> "$scratch/lines" || :
}

# The cases of Debian's libonnx-testdata, with the Python whose h2 tools/setup.sh installs.
backend() { # OPTION...
    /usr/bin/python3 -u test/conformance/backend.py "$deps/share/libonnx-testdata/data" "$@"
}

other_ort() { # VERSION
    root=$deps/onnxruntime-$1
    if [ ! -e "$root/lib/libonnxruntime.so.1" ]; then
        say skipped "ONNX Runtime $1"
        return
    fi
    ONNXRUNTIME_ROOT=$root
    export ONNXRUNTIME_ROOT
    whole "ONNX Runtime $1: demonstration models" python3 test/behaviour/10_infer.py
    each "ONNX Runtime $1:" backend --every 20 --engine "onnxruntime=$1/"
}

# Two lanes have a core each, and the third one mostly waits; what it and the second one say is shown at their ends.
runtimes() {
    lane=runtimes
    each "backend:" backend
    whole "prepared forms" python3 test/conformance/prepared.py
    for version in $(sed -n 's/^ort  *conformance  *\([^ ]*\).*/\1/p' tools/deps.lock | sort -u); do
        (other_ort "$version")
    done
}

others() {
    lane=others
    whole "CIDs" python3 test/conformance/cid_oracle.py
    whole "documents by nitrite" python3 test/conformance/nitrite.py
    each "serving clients:" "$(tools/peers.sh tritonclient || echo python3)" -u test/conformance/serving_clients.py
    each "Triton's examples:" python3 test/conformance/triton_examples.py
    each "KServe:" python3 test/conformance/kserve_client.py
    each "grpc-js:" python3 test/conformance/grpc_js.py
    each "metrics:" python3 test/conformance/metrics.py
    whole "OpenAPI by schemathesis" python3 test/conformance/openapi.py
    each "Kubo:" python3 test/conformance/kubo_cids.py
    each "Kubo:" python3 test/conformance/kubo_node.py
    whole "tritonclient over gRPC" python3 test/conformance/triton_grpc.py
    whole "manifests by the schemas of Kubernetes and KServe" python3 test/conformance/manifests.py
    each "enclave:" test/image/run.sh
}

faults() {
    lane=faults
    whole "sources with faults" python3 test/fault/run.py --runs "${FAULT_RUNS:-1}" --together 12
}

others > "$scratch/others" 2>&1 &
others=$!
faults > "$scratch/faults" 2>&1 &
faults=$!
runtimes
for lane in $others $faults; do
    wait "$lane" || say failed "a lane, with status $?"
done
cat "$scratch/others" "$scratch/faults"

sed 's/ *#.*//' test/expected-skips.txt > "$scratch/expected"
sed -n 's/^skipped: //p' "$scratch/lines" | grep -vxF -f "$scratch/expected" > "$scratch/surprises" || :
sed 's/^/skipped, but not in expected-skips.txt: /' "$scratch/surprises"
count() { grep -c "^$1: " "$scratch/lines" || :; }
failed=$(count failed)
echo "$(count passed) passed, $failed failed, $(count skipped) skipped"
[ "$failed" = 0 ] && [ ! -s "$scratch/surprises" ]
