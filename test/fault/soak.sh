#!/bin/sh
# soak.sh: every fault of a source RUNS (100) times, alone and before an honest source, each at places of its own: by
# `veronnx cat` and as a CAR file; a tenth of it by a node. About an hour.
set -eu
cd "$(dirname "$0")/../.."
runs=${RUNS:-100}
bad=0
python3 test/fault/run.py --by car --runs "$runs" || bad=1
python3 test/fault/run.py --by cat --runs "$runs" --together 48 || bad=1
python3 test/fault/run.py --by node --runs $(((runs + 9) / 10)) --together 4 || bad=1
exit "$bad"
