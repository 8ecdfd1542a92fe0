/* The node's log on standard error: records of all processes, checked and printed by the supervisor. */
#ifndef VERONNX_SUPER_JOURNAL_H
#define VERONNX_SUPER_JOURNAL_H

#include "base/log.h"

/* Prints a record that came from a process of `role`; one that is not well-formed is dropped. */
void journal_print(const struct log_record *r, uint16_t role, const char *role_name);

/* Starts the supervisor's own log: records go the same way as those of its children. */
err_t journal_setup(void);

/* Prints the supervisor's own records that are waiting. */
void journal_flush(void);

#endif
