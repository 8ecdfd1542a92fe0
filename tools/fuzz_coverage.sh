#!/bin/sh
# fuzz_coverage.sh FOLDER CORPUS: which lines of the parsers the fuzz targets reach. FOLDER was built with clang's coverage; what is run is the
# committed corpora and, where there is one, CORPUS/NAME of each target: what `make fuzz` found. Prints a line for each file of test/fuzz/parsers.list
# and ends with 1 when one is below its limit. FOLDER/lines/ has the sources with how often each line ran.
set -eu
cd "$(dirname "$0")/.."
folder=$1 found=$2 least=85

for version in -14 -19 ''; do
    ! command -v "llvm-cov$version" > /dev/null || break
done
names=$(sed 's/#.*//' test/fuzz/targets.list | awk 'NF { print $1 }')
rm -rf "$folder/profiles" "$folder/lines"
set --
for name in $names; do
    set -- "$@" -object "$folder/test/fuzz/fuzz_$name"
    more=
    [ ! -d "$found/$name" ] || more=$found/$name
    # shellcheck disable=SC2086 # no word when there is none
    LLVM_PROFILE_FILE=$folder/profiles/$name.profraw "$folder/test/fuzz/fuzz_$name" "test/fuzz/corpus/$name" $more > /dev/null
done
shift
"llvm-profdata$version" merge -sparse -o "$folder/profiles/all" "$folder"/profiles/*.profraw
set -- -instr-profile "$folder/profiles/all" -compilation-dir "$(cd "$folder" && pwd)" "$@"
"llvm-cov$version" show -format text -output-dir "$folder/lines" "$@" > /dev/null
"llvm-cov$version" export -summary-only "$@" | python3 tools/fuzz_coverage.py test/fuzz/parsers.list "$least"
