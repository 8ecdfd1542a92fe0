/* Shared memory between a front and this process: for each slot an input area that front made and an output area that
   we made. */
#ifndef VERONNX_INFER_SLOTS_H
#define VERONNX_INFER_SLOTS_H

#include "base/fd.h"
#include "wire/msg.h"

#include <stdatomic.h>

#define SLOTS_MAX 32 /* jobs that a front may have at one infer at the same time */

struct slot {
    atomic_bool busy; /* the other fields belong to the worker that set it */
    struct map input;
    struct map output;
};

/* ERR_PROTOCOL when the slot is in use: front broke the rule. */
err_t slot_take(struct slot *s);
/* From now on front may use the slot again; the caller must not look at its areas any more. */
void slot_release(struct slot *s);

/* The input area of a job of `bytes` bytes: maps a new one when the job brought a descriptor (*fd, closed), else the
   one that is there. `ret` is borrowed until the slot's next job. Front may write to it at any time. ERR_PROTOCOL: not
   sealed, too small or above `max`; ERR_NOMEM. */
err_t slot_input(struct slot *s, int *fd, uint64_t bytes, uint64_t max, const uint8_t **ret);

/* An output area of at least `need` bytes (at most `max`, else ERR_OUTPUT_TOO_LARGE), writable by us alone. `ret_fd`,
   owned by the caller, is -1 unless the area is new and front must get it. slot_unmap_large drops one that is not worth
   keeping. */
err_t slot_output(struct slot *s, uint64_t need, uint64_t max, uint8_t **ret, int *ret_fd);
void slot_unmap_large(struct slot *s);

void slot_done(struct slot *s);

#endif
