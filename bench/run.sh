#!/bin/sh
# make bench: builds the measuring programs and runs bench.py (requests), fetch.py (fetching models), which print tables and write
# bench/results/, and forward.py (the host's forwarder). Environment: BENCH, one of `requests`, `fetch` and `forward`, instead of all; BENCH_SECONDS (4), the time
# for each row of the first; FETCH_MIB (1024) and ROUNDS (3) of the second (8 of the third); BUILD (build), the Meson folder.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
ninja -C "$build" bench-programs > /dev/null
export BUILD="$build"
[ "${BENCH:-requests}" != requests ] || python3 bench/bench.py
[ "${BENCH:-fetch}" != fetch ] || python3 bench/fetch.py
[ "${BENCH:-forward}" != forward ] || python3 bench/forward.py
