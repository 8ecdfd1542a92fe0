#!/bin/sh
# lint.sh FOLDER TIDY-FOLDER: every rule that a script can check. FOLDER has the executables, TIDY-FOLDER a
# compile_commands.json made with clang. All checks run; the exit status is 1 when one of them found something.
set -eu
cd "$(dirname "$0")/.."
folder=$1 tidy_folder=$2
export LC_ALL=C
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=0

check() { # TITLE COMMAND...
    echo "lint: $1"
    shift
    "$@" || bad=1
}

if git rev-parse --is-inside-work-tree > /dev/null 2>&1; then
    git ls-files -co --exclude-standard | while read -r file; do [ ! -e "$file" ] || echo "$file"; done
else
    find . -name 'build*' -prune -o -name .git -prune -o -type f -print | sed 's,^\./,,'
fi > "$scratch/files"
grep '^src/.*\.c$' "$scratch/files" | sort > "$scratch/sources"
grep -e '\.sh$' -e '^\.ci/run$' "$scratch/files" > "$scratch/scripts"
sed -n '/pb-c/d; s,^ *"file": "\(\.\./\)*\(src/.*\.c\)".*,\2,p' "$tidy_folder/compile_commands.json" | sort -u > "$scratch/compiled"

check "one-line rules" python3 tools/lint/rules.py < "$scratch/files"
check "length of functions" python3 tools/lint/functions.py
if comm -23 "$scratch/sources" "$scratch/compiled" | grep -v -e '_x86_64\.c$' -e '_aarch64\.c$' -e 'sanitizer\.c$'; then
    check "no meson.build compiles these" false
fi
check "libraries and calls of each executable" tools/lint/links.sh "$folder"
check "shell scripts" xargs shellcheck --severity=warning --exclude=SC3013 < "$scratch/scripts"

for analyser in clang-tidy-14 clang-tidy-19 clang-tidy cppcheck; do
    ! command -v "$analyser" > /dev/null || break
done
case $analyser in
    cppcheck) set -- --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr -I src -D_GNU_SOURCE ;;
    # One file at a time: clang-tidy 14 mixes up the va_list of one with that of the next.
    *) set -- --quiet -p "$tidy_folder" ;;
esac
check "$analyser" xargs -P "$(nproc)" -n 1 "$analyser" "$@" < "$scratch/compiled" 2> "$scratch/errors"
grep -v 'warnings\? generated\.$' "$scratch/errors" >&2 || :

[ "$bad" != 0 ] || echo "lint: clean"
exit "$bad"
