/* Tickets: what a front announced and an infer has not reported yet. Fixed size, no allocation. */
#ifndef VERONNX_KEEPER_TICKETS_H
#define VERONNX_KEEPER_TICKETS_H

#include "base/err.h"
#include "wire/msg.h"

#define TICKETS_MAX 1024

struct ticket {
    uint64_t job;
    uint64_t start_us; /* when the front sent it, Unix microseconds */
    uint32_t infer;
    uint32_t next; /* of the same bucket, or of the free list */
    bool settle; /* the settlement is wanted too */
    struct wire_nonce nonce;
};

struct tickets {
    struct ticket rows[TICKETS_MAX];
    uint32_t buckets[TICKETS_MAX];
    uint32_t free;
    uint32_t count;
};

void tickets_init(struct tickets *t);
bool tickets_full(const struct tickets *t);

/* ERR_TOO_LARGE when it is full; ERR_PROTOCOL when the job is there already. */
err_t tickets_add(struct tickets *t, const struct msg_ticket *ticket, uint64_t start_us);

/* Removes the ticket of this job at this infer and hands it out; ERR_NOT_FOUND. */
err_t tickets_take(struct tickets *t, uint32_t infer, uint64_t job, struct ticket *ret);

/* An infer ended: its tickets end too. */
void tickets_drop_infer(struct tickets *t, uint32_t infer);

/* For a table that is full. Drops the tickets of all infers with higher numbers than this one; whether there were any. */
bool tickets_drop_above(struct tickets *t, uint32_t infer);
/* The infer that has the most tickets; 0 when there are none. Slow: compares all with all. */
uint32_t tickets_most(const struct tickets *t);

#endif
