/* What infer processes say to the supervisor. */
#ifndef VERONNX_SUPER_INFER_PEER_H
#define VERONNX_SUPER_INFER_PEER_H

#include "super/state.h"

/* child_owner's on_message for a `struct infer`. */
err_t infer_peer_message(void *self, struct wire_msg *m);

/* loads.c, on behalf of a message: the process is idle; its source has no such model, and it is idle again; the size of its file is known;
   its model is served. */
void loads_idle(struct super *s, struct infer *i);
void loads_returned(struct super *s, struct infer *i, err_t reason);
void loads_size(struct super *s, struct infer *i, uint64_t bytes);
void loads_ready(struct super *s, struct infer *i);

#endif
