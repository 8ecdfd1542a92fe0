#!/bin/sh
# fuzz.sh FOLDER SECONDS: the targets of test/fuzz/targets.list, two at a time, then a table. Those whose bytes come from the network or the host
# have all of the seconds, the others a fifth.
# What the fuzzer finds new stays in FOLDER/corpus/NAME, what breaks a target in FOLDER/found/NAME-*.
set -eu
cd "$(dirname "$0")/.."

if [ "${3:-}" != "" ]; then # one target: the script calls itself so
    folder=$1 seconds=$2 name=$3
    case $(sed -n "s/^$name \([a-z]*\).*/\1/p" test/fuzz/targets.list) in
        network|host) ;;
        *) seconds=$(((seconds + 4) / 5)) ;;
    esac
    set --
    [ ! -e "test/fuzz/dict/$name" ] || set -- -dict="test/fuzz/dict/$name"
    mkdir -p "$folder/corpus/$name" "$folder/found"
    status=0
    "$folder/test/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 "$@" \
        -artifact_prefix="$folder/found/$name-" "$folder/corpus/$name" "test/fuzz/corpus/$name" \
        > "$folder/found/$name.log" 2>&1 || status=$?
    echo "$status" > "$folder/found/$name.status"
    exit 0
fi

folder=$1 seconds=$2
export LSAN_OPTIONS="print_suppressions=0:suppressions=$PWD/test/leaks.supp"
names=$(sed 's/#.*//' test/fuzz/targets.list | awk 'NF { print $1 }')
echo "$names" | xargs -P 2 -I NAME tools/fuzz.sh "$folder" "$seconds" NAME

broken=0
printf '%-20s %12s %8s %8s %8s  %s\n' target runs runs/s edges inputs result
for name in $names; do
    log=$folder/found/$name.log
    stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    result=clean
    [ "$(cat "$folder/found/$name.status")" = 0 ] || { result="BROKEN, see $log"; broken=1; }
    printf '%-20s %12s %8s %8s %8s  %s\n' "$name" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
        "${edges:--}" "$(find "$folder/corpus/$name" -type f | wc -l)" "$result"
done
exit "$broken"
