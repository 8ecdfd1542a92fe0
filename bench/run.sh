#!/bin/sh
# make bench: builds the measuring programs and runs bench.py (requests), huge.py (a model of 486 MB), fetch.py (fetching models), which print
# tables and write bench/results/, cold.py (loading models), original.py (the original node's server) and forward.py (the host's forwarder).
# Environment: BENCH, one of `requests`, `huge`, `fetch`, `cold`, `original` and `forward`, instead of all; BENCH_SECONDS (4), the time for each row
# of all but `fetch` and `cold`; FETCH_MIB (1024) of `fetch`; ROUNDS (3 of `fetch`, 5 of `cold`, 4 of `original`, 8 of `forward`); BUILD (build),
# the Meson folder.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
ninja -C "$build" bench-programs > /dev/null
export BUILD="$build"
[ "${BENCH:-requests}" != requests ] || python3 bench/bench.py
[ "${BENCH:-huge}" != huge ] || python3 bench/huge.py || [ $? = 77 ]
[ "${BENCH:-fetch}" != fetch ] || python3 bench/fetch.py
[ "${BENCH:-cold}" != cold ] || python3 bench/cold.py
[ "${BENCH:-original}" != original ] || python3 bench/original.py || [ $? = 77 ]
[ "${BENCH:-forward}" != forward ] || python3 bench/forward.py
