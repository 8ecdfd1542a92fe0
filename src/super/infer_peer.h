/* What infer processes say to the supervisor. */
#ifndef VERONNX_SUPER_INFER_PEER_H
#define VERONNX_SUPER_INFER_PEER_H

#include "super/state.h"

/* child_owner's on_message for a `struct infer`. */
err_t infer_peer_message(void *self, struct wire_msg *m);

/* loads.c, on behalf of a message: the process is idle; the size of its file is known; it wants more memory; its model is served. */
void loads_idle(struct super *s, struct infer *i);
void loads_size(struct super *s, struct infer *i, uint64_t bytes);
void loads_more(struct super *s, struct infer *i);
void loads_ready(struct super *s, struct infer *i);

#endif
