/* So many of something a second, at most. */
#ifndef VERONNX_KEEPER_RATE_H
#define VERONNX_KEEPER_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    uint64_t second_ms; /* monotonic: when the present second began, with the first of it */
    unsigned count;     /* within it; raised by whoever does it */
};

/* Whether another one may be done now. */
static inline bool rate_allows(struct rate *r, unsigned most, uint64_t now_ms)
{
    if (now_ms - r->second_ms >= 1000)
        *r = (struct rate){.second_ms = now_ms};
    return r->count < most;
}

#endif
