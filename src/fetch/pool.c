/* Chunks and bodies. */
#include "fetch/pool.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

/* ── chunks ── */

/* Pages that nobody has used yet cost nothing. */
err_t pool_init(struct pool *p, size_t chunks)
{
    uint32_t *list = mem_alloc(chunks, sizeof(*list));
    if (list == NULL)
        return ERR_NOMEM;
    void *memory = mmap(NULL, chunks * POOL_CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        mem_free(list);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < chunks; i++)
        list[i] = (uint32_t)(chunks - 1 - i);
    *p = (struct pool){.memory = memory, .chunks = chunks, .free = list, .n_free = chunks};
    return OK;
}

void pool_done(struct pool *p)
{
    if (p->memory != NULL)
        (void)munmap(p->memory, p->chunks * POOL_CHUNK);
    mem_free(p->free);
    *p = (struct pool){0};
}

bool pool_fair(const struct pool *p, size_t held, size_t n)
{
    return n <= p->n_free && (held == 0 || held + n <= (p->n_free + held) / 2);
}

/* ── bodies ── */

size_t body_chunks(size_t bytes)
{
    return MAX((bytes + POOL_CHUNK - 1) / POOL_CHUNK, 1U);
}

err_t body_new(struct pool *p, size_t n, struct body **ret)
{
    if (n > p->n_free)
        return ERR_WOULD_BLOCK;
    struct body *b = mem_alloc(1, sizeof(*b));
    if (b == NULL)
        return ERR_NOMEM;
    b->pool = p;
    b->holders = 1;
    err_t e = body_grow(b, n);
    if (e != OK) {
        mem_free(b);
        return e;
    }
    *ret = b;
    return OK;
}

struct body *body_hold(struct body *b)
{
    b->holders++;
    return b;
}

static void keep_chunks(struct body *b, size_t n)
{
    while (b->n_chunks > n)
        b->pool->free[b->pool->n_free++] = b->chunks[--b->n_chunks];
}

void body_release(struct body **body)
{
    struct body *b = TAKE_PTR(*body);
    if (b == NULL || --b->holders > 0)
        return;
    keep_chunks(b, 0);
    mem_free(b);
}

void body_clear(struct body *b)
{
    b->len = 0;
}

err_t body_grow(struct body *b, size_t n)
{
    if (n > BODY_CHUNKS_MAX)
        return ERR_BLOCK_TOO_LARGE;
    if (n > b->n_chunks && n - b->n_chunks > b->pool->n_free)
        return ERR_WOULD_BLOCK;
    while (b->n_chunks < n)
        b->chunks[b->n_chunks++] = b->pool->free[--b->pool->n_free];
    return OK;
}

void body_trim(struct body *b)
{
    keep_chunks(b, b->len > 0 ? body_chunks(b->len) : 0);
}

static uint8_t *chunk_at(const struct body *b, size_t i)
{
    return b->pool->memory + (size_t)b->chunks[i] * POOL_CHUNK;
}

/* Parts that cover `from` to `to`. */
static unsigned cover(const struct body *b, size_t from, size_t to, struct iovec *ret)
{
    unsigned n = 0;
    while (from < to) {
        size_t at = from % POOL_CHUNK, len = MIN(POOL_CHUNK - at, to - from);
        ret[n++] = (struct iovec){chunk_at(b, from / POOL_CHUNK) + at, len};
        from += len;
    }
    return n;
}

unsigned body_parts(const struct body *b, size_t skip, struct iovec *ret)
{
    return cover(b, skip, b->len, ret);
}

err_t body_room(struct body *b, size_t n, struct iovec *ret, unsigned *ret_n)
{
    if (n > STORE_BLOCK_MAX - b->len)
        return ERR_BLOCK_TOO_LARGE;
    TRY(body_grow(b, MAX(body_chunks(b->len + n), b->n_chunks)));
    *ret_n = cover(b, b->len, b->len + n, ret);
    b->len += n;
    return OK;
}

err_t body_append(struct body *b, struct view bytes)
{
    struct iovec parts[BODY_CHUNKS_MAX];
    unsigned n = 0;
    TRY(body_room(b, bytes.len, parts, &n));
    for (unsigned i = 0; i < n; i++) {
        struct view part = {0};
        err_t e = view_take(&bytes, parts[i].iov_len, &part);
        assert(e == OK);
        memcpy(parts[i].iov_base, part.data, part.len);
    }
    return OK;
}

err_t body_check(const struct body *b, struct sha256 *hash, const uint8_t digest[static SHA256_LEN])
{
    struct iovec parts[BODY_CHUNKS_MAX];
    uint8_t found[SHA256_LEN];
    unsigned n = body_parts(b, 0, parts);
    TRY(sha256_reset(hash));
    for (unsigned i = 0; i < n; i++)
        TRY(sha256_update(hash, parts[i].iov_base, parts[i].iov_len));
    TRY(sha256_final(hash, found));
    return memcmp(found, digest, SHA256_LEN) == 0 ? OK : ERR_BLOCK_MISMATCH;
}
