#!/bin/sh
# make bench: builds the measuring programs and runs bench.py, which prints a table and writes bench/results/.
# Environment: BENCH_SECONDS (4), the time for each row; BUILD (build), the Meson folder.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
ninja -C "$build" bench-programs > /dev/null
BUILD=$build exec python3 bench/bench.py
