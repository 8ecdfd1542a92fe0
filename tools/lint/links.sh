#!/bin/sh
# links.sh FOLDER: holds every executable of FOLDER/bin against links.table: the libraries it needs and the functions of
# theirs that it calls. It sees direct calls only; what a library does by itself is the jail's business.
set -eu
cd "$(dirname "$0")/../.."
table=tools/lint/links.table
bad=0
complain() { echo "$1: $2 [links]"; bad=1; }

for executable in "$1"/bin/veronnx*; do
    [ -f "$executable" ] && [ -x "$executable" ] || continue
    readelf -h "$executable" > /dev/null 2>&1 || continue # a script
    name=${executable##*/}
    grep -q "^needs  *$name\( \|$\)" "$table" || complain "$name" "has no row in $table"
    allowed=" libc ld-linux-x86-64 ld-linux-aarch64 $(sed -n "s/^needs  *$name  *//p" "$table") "
    for library in $(readelf -d "$executable" | sed -n 's/.*(NEEDED).*\[\(.*\)\.so.*\].*/\1/p'); do
        case $allowed in *" $library "*) ;; *) complain "$name" "needs $library" ;; esac
    done
    symbols=$(nm -D --undefined-only "$executable" | sed 's/.* //; s/@.*//')
    set -f # the patterns are for `case`, not for files
    for pattern in $(sed -n "s/^never  *$name  *//p" "$table"); do
        for symbol in $symbols; do
            # shellcheck disable=SC2254 # a pattern is what the table has
            case $symbol in $pattern) complain "$name" "calls $symbol" ;; esac
        done
    done
    set +f
done
exit "$bad"
