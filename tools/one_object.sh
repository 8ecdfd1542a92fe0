#!/bin/sh
# one_object.sh ARCHIVE OUTPUT: the same library with one object, in which only what the header makes public is visible, so that no name
# of ours can meet one of the program that it is linked into. LD, OBJCOPY and AR may name other tools.
set -eu
umask 022
object=$2.o
"${LD:-ld}" -r --whole-archive "$1" -o "$object"
"${OBJCOPY:-objcopy}" --localize-hidden "$object"
rm -f "$2"
"${AR:-ar}" rcsD "$2" "$object"
rm "$object"
