/* What the host prints: its own lines, and the log of the enclave and of the fetcher. Who reads it may have stopped;
   nobody waits. A file of PRINT_FILE_MAX bytes is emptied and begins again, with a line that says so. */
#ifndef VERONNX_HOST_PRINT_H
#define VERONNX_HOST_PRINT_H

#include "base/log.h"

#define PRINT_FILE_MAX (64 * MIB)

/* One line on standard error. */
void print_line(const char *format, ...) PRINTF(1, 2);
/* A record on standard output; nothing when it is not one that `role` may write. */
void print_record(const struct log_record *r, enum role role, uint64_t wall_us);

#endif
