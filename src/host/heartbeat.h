/* The enclave's signed sign of life, brought to who writes it into OpenGradient's contracts (docs/operations.md,
   "Heartbeats"): asked for at the administration, through a forwarded port of this host, and posted with the contract's
   address. Nothing of it is secret and nothing is believed: who receives it checks the signature. */
#ifndef VERONNX_HOST_HEARTBEAT_H
#define VERONNX_HOST_HEARTBEAT_H

#include "base/err.h"

#include <stdint.h>

#define HEARTBEAT_ANSWER_MAX 1024
#define HEARTBEAT_TRIES      3
#define HEARTBEAT_AGAIN_MS   10000 /* between tries, or less when heartbeats are closer */
#define HEARTBEAT_TIME_MS    30000 /* for each request */

struct heartbeat_options {
    const char *from; /* URL; borrowed, as all here */
    const char *to;   /* URL; NULL: no heartbeats */
    const char *contract;
    uint32_t every_s;
};

struct heartbeat;

/* NULL in `ret` where there is nowhere to post to. The first one is due after `every_s`: a node is registered by hand
   once it runs, and that counts as one. Before the jail and before any thread. */
err_t heartbeat_new(const struct heartbeat_options *o, struct heartbeat **ret);
void heartbeat_free(struct heartbeat **heartbeat);
/* Once a second, with the clock: all that it does, and it never waits. A heartbeat takes some seconds so. `b` may be
 * NULL. */
void heartbeat_tick(struct heartbeat *b, uint64_t now_ms);

/* The text that is posted: `answer`, a JSON object of the administration, with the contract's address. ERR_PROTOCOL
   where it does not look like one or the text does not fit into `max` bytes with its closing zero. */
err_t heartbeat_compose(const char *answer, const char *contract, char *ret_text, size_t max);

#endif
