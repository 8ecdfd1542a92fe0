/* Where a command writes a file: under a name, where it appears when it is whole and not before, or to standard
   output, in order, as its beginning becomes known. */
#ifndef VERONNX_CLI_OUTPUT_H
#define VERONNX_CLI_OUTPUT_H

#include "base/err.h"

struct output {
    int fd;           /* an empty file, to be written and read at places */
    const char *path; /* NULL: standard output */
    char *name;       /* of the file while it is not whole; NULL where the system has files without names */
    uint64_t prefix;  /* of what is final */
    uint64_t copied;  /* of that, to standard output */
};
#define OUTPUT_NONE ((struct output){.fd = -1})

/* `path` is borrowed. ERR_USAGE, with a sentence, when no file can be made there. */
err_t output_open(const char *path, struct output *ret, struct why *why);
/* What was not committed is gone; accepts OUTPUT_NONE. */
void output_done(struct output *o);

/* The bytes before `prefix` are final: they go to standard output. Who reads there makes us wait for OUTPUT_WAIT_MS at
   most, and not at all while it is behind: somebody else waits for us, and the file keeps what it did not take. ERR_IO.
 */
#define OUTPUT_WAIT_MS 1000
err_t output_reach(struct output *o, uint64_t prefix, struct why *why);
/* It is whole: it gets its path, or standard output the rest, however long that takes. ERR_IO. */
err_t output_commit(struct output *o, struct why *why);

#endif
