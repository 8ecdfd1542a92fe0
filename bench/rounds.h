/* Rounds on demand: what the measuring programs share. bench.py starts all of them and lets each work for a short
   time in turn, so that whatever disturbs the machine disturbs all of them alike. */
#ifndef VERONNX_BENCH_ROUNDS_H
#define VERONNX_BENCH_ROUNDS_H

#include "base/buf.h"

/* Durations in nanoseconds. Doubles its room when it is full. */
struct times {
    uint64_t *ns;
    size_t count;
    size_t room;
    size_t others;    /* of a round: what was done and is not among them */
    uint64_t idle_ns; /* of a round: spent waiting for somebody else, where the program knows */
};

/* Ends the program when there is no memory. */
void times_add(struct times *t, uint64_t ns);

/* Does what is measured again and again until clock_mono_ns() reaches `until_ns`, at least once; adds how long
   each took. */
typedef err_t round_run(void *self, uint64_t until_ns, struct times *t);

/* Prints `{"ready":"ABOUT"}`, then answers each line of standard input with a line:
     warm MS   a round that is not kept: {}
     go MS     a round: {"count":…,"others":…,"elapsed_us":…,"idle_us":…,"p50_us":…,"p99_us":…}
     sum       all rounds together: {"count":…,"p50_us":…,"p90_us":…,"p99_us":…,"max_us":…}
   Ends with the input, or with the first error, which is told on standard error. Returns the exit status. */
int rounds_serve(const char *about, round_run *run, void *self);

/* Says what was wrong and ends the program with 2. */
NORETURN void give_up(const char *what, const char *which);

/* The whole file in a buffer that has `pad` bytes of room behind it; ends the program when it cannot be read. */
struct buf read_file(const char *path, size_t pad);

#endif
