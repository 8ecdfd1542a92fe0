/* All memory for blocks, taken once: chunks of one size, and blocks put together from them. What has no chunk waits, so
   the process never holds more. One thread. */
#ifndef VERONNX_FETCH_POOL_H
#define VERONNX_FETCH_POOL_H

#include "base/fd.h"
#include "store/store.h"

#include <sys/uio.h>

#define POOL_CHUNK      (32 * KIB)
#define BODY_CHUNKS_MAX (STORE_BLOCK_MAX / POOL_CHUNK)

struct pool {
    uint8_t *memory;
    size_t chunks;
    uint32_t *free; /* their numbers; the last freed is taken first, while the processor still has it in a cache */
    size_t n_free;
};
/* ERR_NOMEM. */
err_t pool_init(struct pool *p, size_t chunks);
/* Accepts a zeroed struct. */
void pool_done(struct pool *p);

/* May somebody who holds `held` chunks take `n` more? Nobody gets more than half of what the others leave, so there is
   always something for whoever comes next. One who has nothing gets `n` when there are as many. */
bool pool_fair(const struct pool *p, size_t held, size_t n);

/* A block in chunks. Several may hold it. */
struct body {
    struct pool *pool;
    unsigned holders;
    size_t len;
    size_t n_chunks;
    uint32_t chunks[BODY_CHUNKS_MAX];
};
/* Empty, with `n` chunks and one holder. ERR_WOULD_BLOCK when the pool has not so many; ERR_NOMEM. */
err_t body_new(struct pool *p, size_t n, struct body **ret);
/* One holder less; the last one frees it. Clears; accepts a pointer to NULL. */
void body_release(struct body **b);
struct body *body_hold(struct body *b);
/* Back to empty; the chunks stay. */
void body_clear(struct body *b);
/* More chunks, up to `n` in all. ERR_WOULD_BLOCK, ERR_BLOCK_TOO_LARGE. */
err_t body_grow(struct body *b, size_t n);
/* Gives back the chunks that hold nothing. */
void body_trim(struct body *b);
/* All of `bytes` or nothing; grows when it must: the same errors. */
err_t body_append(struct body *b, struct view bytes);
/* The room behind what it holds, for `n` bytes that the caller will put there; it counts as full then. The same
   errors. `ret` has BODY_CHUNKS_MAX places, like that of body_parts. */
err_t body_room(struct body *b, size_t n, struct iovec *ret, unsigned *ret_n);
/* What it holds behind the first `skip` bytes. Returns the number of parts. */
unsigned body_parts(const struct body *b, size_t skip, struct iovec *ret);

/* Is this its SHA-256? ERR_BLOCK_MISMATCH when not. `hash` was initialised. */
err_t body_check(const struct body *b, struct sha256 *hash, const uint8_t digest[static SHA256_LEN]);

/* Chunks for `bytes`; at least one. */
size_t body_chunks(size_t bytes);

#endif
