/* Programs that are started here and outlive the command that started them, and such that are only asked something. */
#ifndef VERONNX_CLI_PROCESS_H
#define VERONNX_CLI_PROCESS_H

#include "base/buf.h"

#include <sys/types.h>

/* `since` is the kernel's time of its start, so that a number that was given again is not taken for the same process.
 */
struct process {
    pid_t pid; /* 0: none */
    uint64_t since;
};

/* In a session of its own, with /dev/null and these two files (appended to) as 0, 1 and 2; a name without a slash is
   looked for in PATH. ERR_USAGE, with a sentence, when there is no such program. */
err_t process_start(const char *const *argv, const char *out, const char *err, struct process *ret, struct why *why);
bool process_lives(const struct process *p);
/* False when it has not ended within the time. */
bool process_wait(const struct process *p, uint64_t ms);
/* Sends the signal, and SIGKILL when it has not ended within the time. */
void process_end(const struct process *p, int signal, uint64_t ms);

/* From now on SIGTERM, SIGINT and, unless it is ignored, SIGHUP wait until process_nap is called; what is started here
   does not inherit that. */
void process_hold_signals(void);
/* True, at once, when one of them has come. */
bool process_nap(uint64_t ms);

/* Runs it, in a session of its own, to its end; appends what it printed. ERR_USAGE as above; ERR_CLOSED, with its name
   and status, when that is not 0; ERR_TIMEOUT when it had not ended within the time and was killed. */
err_t process_ask(const char *const *argv, uint64_t ms, struct buf *ret_out, struct why *why);

#endif
