#!/bin/sh
# why-killed.sh COMMAND...: runs COMMAND under strace and prints the system call for which a jail killed a process of it.
# Without strace the kernel's log has the number of each such call: dmesg | grep type=1326 (fields comm= and syscall=).
# A call that a process really needs becomes a cell of src/jail/table.c.
set -eu
if [ $# = 0 ]; then
    sed -n '2,4s/^# //p' "$0"
    exit 2
fi
trace=$(mktemp)
trap 'rm -f "$trace"' EXIT
status=0
strace -f -qq --decode-pids=comm -o "$trace" "$@" || status=$?
# Threads that only died with the one that made the call have a call that never returned ("= ?").
awk '
    /\+\+\+ killed by SIGSYS/ && last[$1] !~ /= \?$/ { print begun[$1] last[$1] }
    /<unfinished \.\.\.>$/ { begun[$1] = $0 "\n" }
    !/<unfinished \.\.\.>$/ && !/resumed>/ { begun[$1] = "" }
    { last[$1] = $0 }
' "$trace" | cut -c1-200 >&2
exit "$status"
