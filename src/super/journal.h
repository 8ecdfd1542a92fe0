/* The node's log on standard error: records of all processes, checked and printed by the supervisor. */
#ifndef VERONNX_SUPER_JOURNAL_H
#define VERONNX_SUPER_JOURNAL_H

#include "base/log.h"

/* Prints a record that came from a process of `role`. One that its role may not write, or over what all processes of its role
   together may write in a second, is dropped and counted: RECORDS_REFUSED. */
void journal_print(const struct log_record *r, enum role role);

/* Whoever else gets what is printed, with the time of its printing; one of them. */
void journal_also(void (*take)(void *self, const struct log_record *r, uint64_t wall_us), void *self);

/* Starts the supervisor's own log: records go the same way as those of its children. */
err_t journal_setup(void);

/* Prints the supervisor's own records that are waiting, and once a second the counts. */
void journal_flush(void);

#endif
