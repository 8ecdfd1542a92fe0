#!/bin/sh
# make soak: what takes long. MINUTES (1) is how long each part lasts that could last for ever; SOAK names one part: mixed (everything at
# once), kills (kill -9, 200 times), overload (too many requests, slow clients), neighbours (of hostile models), models (many, few of
# which fit), flips (20,000 damaged models), sources (kill -9 of whatever fetches and stores), faults (the system refuses every call in
# turn), openapi, or dag (every fault of a source, RUNS (100) times).
# All parts run, whatever became of those before. Environment: BUILD (build), the Meson folder.
set -eu
cd "$(dirname "$0")/../.."
build=$(realpath "${BUILD:-build}")
seconds=$((${MINUTES:-1} * 60))
export VERONNX_BIN="$build/bin" VERONNX_SHIMMED="$build/test/shim"
export VERONNX_INFER_NO_SCAN="$build/test/unit/infer/veronnx-infer-no-scan"
python=/usr/bin/python3 # which has the packages that tools/setup.sh installs
[ -x "$python" ] || python=python3
failed=

part() { # NAME COMMAND...
    name=$1
    shift
    [ "${SOAK:-$name}" = "$name" ] || return 0
    echo "=== soak: $name"
    status=0
    "$@" || status=$?
    [ "$status" = 0 ] || [ "$status" = 77 ] || failed="$failed $name"
}

part mixed "$python" test/soak/mixed.py --seconds "$seconds" --faults 1
part kills "$python" test/soak/mixed.py --seconds $((seconds > 240 ? seconds : 240)) --kills 200
part overload "$python" test/soak/overload.py
part neighbours "$python" test/soak/neighbours.py
part models "$python" test/soak/models.py --seconds "$seconds"
part flips "$python" test/soak/flips.py
part sources "$python" test/soak/kill_random.py
part faults "$python" test/shim/plans.py --all
part openapi python3 test/conformance/openapi.py --seconds "$seconds"
part dag test/fault/soak.sh
[ -z "$failed" ] || echo "failed:$failed"
[ -z "$failed" ]
