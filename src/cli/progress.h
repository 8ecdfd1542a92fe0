/* One line on a terminal about how far a command is; nothing when standard error is no terminal. */
#ifndef VERONNX_CLI_PROGRESS_H
#define VERONNX_CLI_PROGRESS_H

#include "base/defs.h"

struct progress {
    const char *name;
    uint64_t began_ms;
    uint64_t shown_ms; /* 0 = never */
};

/* `name` is borrowed. */
void progress_begin(struct progress *p, const char *name);
/* After two seconds, five times a second at most. `size` 0: not known; `sources`: how many send, 0: not worth saying.
 */
void progress_show(struct progress *p, uint64_t done, uint64_t size, unsigned sources);
/* Removes the line. */
void progress_clear(struct progress *p);

#endif
