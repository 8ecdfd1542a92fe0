#!/bin/sh
# check.sh [FOLDER]: builds the images twice from nothing, in two folders below FOLDER (build/image-check), and compares all
# that image/build.sh writes. Exit status 1: they differ.
set -eu
folder=$(realpath -m "${1:-$(dirname "$0")/../build/image-check}")
cd "$(dirname "$0")/.."
mkdir -p "$folder"
for place in one two/in-a-longer-path; do
    rm -rf "${folder:?}/$place"
    image/build.sh "$folder/$place" > /dev/null
done
bad=0
for file in "$folder"/one/*.eif "$folder"/one/*.json; do
    cmp "$file" "$folder/two/in-a-longer-path/${file##*/}" || bad=1
done
[ "$bad" = 0 ] && echo "the same bytes twice"
exit "$bad"
