/* What is known of a source of blocks by how it has answered. Pure: time comes in as milliseconds of the monotonic
   clock. */
#ifndef VERONNX_FETCH_HEALTH_H
#define VERONNX_FETCH_HEALTH_H

#include "base/defs.h"

#define HEALTH_REQUESTS   48   /* at a time to one source, when all goes well */
#define HEALTH_PAUSE_FROM 3    /* failures in a row, from which on it is left alone for a while */
#define HEALTH_DEAD_FROM  5    /* failures in a row, from which on nobody waits for its word */
#define HEALTH_PAUSE_MS   1000 /* the first pause; doubled each time up to */
#define HEALTH_PAUSE_MAX  60000
#define HEALTH_LAST_MS    600000 /* since its last lie: then a source has its turn again */

struct health {
    unsigned active;   /* requests under way */
    bool proven;       /* has answered since the start or the last pause; until then one request is enough */
    unsigned most;     /* requests at a time: half of what it was whenever the source says that it is too much */
    unsigned answers;  /* since `most` changed */
    unsigned failures; /* in a row */
    uint64_t paused_at_ms;
    uint64_t paused_until_ms;
    bool lying; /* has sent a block that was not the one that was asked for: what it sends is checked from then on */
    uint64_t last_until_ms; /* and until then it is tried last */
};
#define HEALTH_NEW ((struct health){.most = HEALTH_REQUESTS})

/* May it be sent another request now? */
bool health_free(const struct health *h, uint64_t now_ms);
/* It answered as it should: with a block, or that it has none. */
void health_answered(struct health *h);
/* A request that began at `began_ms` failed. `wait_ms`: it asked to be left alone for so long (0: it did not). Returns
   the length of the pause that begins, 0 for none: what failed together counts once. */
uint64_t health_failed(struct health *h, uint64_t began_ms, uint64_t now_ms, uint64_t wait_ms);
/* The same of one that was slow, and another source was there before it: it is left alone, but never dead for that, for
   it may have what nobody else has. */
uint64_t health_outrun(struct health *h, uint64_t began_ms, uint64_t now_ms);
/* It has lied. */
void health_lied(struct health *h, uint64_t now_ms);
/* Is it tried after the others? */
bool health_last(const struct health *h, uint64_t now_ms);
/* Nothing has come from it lately. */
bool health_dead(const struct health *h);

#endif
