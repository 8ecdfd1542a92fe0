/* How long a process that died rests before it is started again: the more often it died of late, the longer. */
#ifndef VERONNX_SUPER_DEATHS_H
#define VERONNX_SUPER_DEATHS_H

#include <stdbool.h>
#include <stdint.h>

#define DEATHS_MAX 10 /* in a minute */

struct deaths {
    uint64_t at_ms[DEATHS_MAX]; /* a ring of the last ones */
    unsigned count;
};

/* Notes a death at `now_ms` of a clock that never goes back; false: the tenth within a minute, no more starts.
 * `ret_pause_ms` is 0.1 s for the first death of a minute and twice as much for each further one, at most 10 s. */
bool deaths_note(struct deaths *d, uint64_t now_ms, uint32_t *ret_pause_ms);

#endif
