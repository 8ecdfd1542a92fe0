#!/bin/sh
# make bench: builds the measuring programs and runs bench.py (requests), fetch.py (fetching models), which print tables and write
# bench/results/, cold.py (loading models), original.py (the original node's server) and forward.py (the host's forwarder). Environment: BENCH, one of `requests`, `fetch`,
# `cold`, `original` and `forward`, instead of all; BENCH_SECONDS (4), the time for each row of the first and the last two; FETCH_MIB (1024) of the
# second; ROUNDS (3 of the second, 5 of the third, 4 of the fourth, 8 of the last); BUILD (build), the Meson folder.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
ninja -C "$build" bench-programs > /dev/null
export BUILD="$build"
[ "${BENCH:-requests}" != requests ] || python3 bench/bench.py
[ "${BENCH:-fetch}" != fetch ] || python3 bench/fetch.py
[ "${BENCH:-cold}" != cold ] || python3 bench/cold.py
[ "${BENCH:-original}" != original ] || python3 bench/original.py || [ $? = 77 ]
[ "${BENCH:-forward}" != forward ] || python3 bench/forward.py
