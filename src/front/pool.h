/* Blocks of one size that are kept for the next user instead of being freed. */
#ifndef VERONNX_FRONT_POOL_H
#define VERONNX_FRONT_POOL_H

#include "base/defs.h"

struct pool {
    size_t size;
    unsigned keep; /* at most so many are kept */
    unsigned kept;
    void *first;
};

/* Blocks of `size` (at least a pointer) bytes. Allocates nothing. */
void pool_init(struct pool *p, size_t size, unsigned keep);
/* Frees the kept blocks. */
void pool_done(struct pool *p);
/* NULL when there is no memory. What a block holds is undefined. */
void *pool_take(struct pool *p) MUST_CHECK;
/* Accepts NULL. */
void pool_give(struct pool *p, void *block);

#endif
