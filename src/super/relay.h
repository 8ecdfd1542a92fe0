/* The log to the machine around an enclave: records wait in a ring while that machine is slow or gone, the oldest are
   lost when it is full, and the node never waits. */
#ifndef VERONNX_SUPER_RELAY_H
#define VERONNX_SUPER_RELAY_H

#include "wire/address.h"
#include "wire/log_stream.h"

#include <uv.h>

#define RELAY_RECORDS 2048

struct relay {
    uv_loop_t *loop;
    const struct address *to;
    uv_timer_t timer; /* until the next attempt */
    uv_poll_t poll;   /* of `fd`, while there is one */
    int fd;
    uint32_t pause_ms;
    struct log_sent ring[RELAY_RECORDS];
    size_t first;
    size_t count;
    size_t sent; /* bytes of the first one: another connection begins it again */
    uint64_t lost;
};

/* Begins to connect; from then on relay_take gets what the journal prints. `r` lives as long as the loop. */
err_t relay_start(struct relay *r, uv_loop_t *loop, const struct address *to);
void relay_take(void *self, const struct log_record *record, uint64_t wall_us);
/* Sends what the other side takes at once: before the process ends. */
void relay_flush(struct relay *r);

#endif
