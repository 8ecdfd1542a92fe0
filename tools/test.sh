#!/bin/sh
# test.sh FOLDER [OPTION...]: runs all tests of a build folder and closes with the line "N passed, N failed, N skipped".
# With STRICT_SKIPS=1 a skip that test/expected-skips.txt does not list is a failure.
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift
log=$folder/meson-logs/testlog.json
rm -f "$log"
meson test -C "$folder" --print-errorlogs --num-processes $(($(nproc) * 2)) "$@" || : # most of them mostly wait
exec python3 tools/test_summary.py "$log" test/expected-skips.txt
