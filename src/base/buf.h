/* Bytes: `struct view` reads what somebody else owns, `struct buf` grows up to the maximum it is born with. */
#ifndef VERONNX_BASE_BUF_H
#define VERONNX_BASE_BUF_H

#include "base/err.h"

#include <string.h>

/* A borrowed range with a read cursor: getters take from the front and shrink it. On an error it is unchanged. */
struct view {
    const uint8_t *data;
    size_t len;
};

static inline struct view view_of(const void *data, size_t len)
{
    return (struct view){data, len};
}

/* ERR_TRUNCATED when fewer bytes are left. */
err_t view_take(struct view *v, size_t n, struct view *ret_part);
err_t view_copy(struct view *v, void *ret_bytes, size_t n);
err_t view_u8(struct view *v, uint8_t *ret);
err_t view_u16le(struct view *v, uint16_t *ret);
err_t view_u32le(struct view *v, uint32_t *ret);
err_t view_u64le(struct view *v, uint64_t *ret);
err_t view_u16be(struct view *v, uint16_t *ret);
err_t view_u32be(struct view *v, uint32_t *ret);
err_t view_u64be(struct view *v, uint64_t *ret);
/* ERR_MALFORMED when anything is left. */
err_t view_end(const struct view *v);
/* Takes what stands before the first `mark`, and drops the mark; without one, takes all. */
struct view view_cut(struct view *v, uint8_t mark);
bool view_equal(struct view a, struct view b);
static inline bool view_is(struct view a, const char *text)
{
    return view_equal(a, view_of(text, strlen(text)));
}

/* A growing byte buffer. Every put is all or nothing: ERR_TOO_LARGE over the maximum, ERR_NOMEM. Owner: one thread. */
struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
};

/* Empty; allocates nothing until the first put. */
#define BUF_WITH(maximum) ((struct buf){.max = (maximum)})
void buf_init(struct buf *b, size_t max);
/* Frees; accepts a zeroed struct. */
void buf_done(struct buf *b);
#define AUTO_BUF AUTO(buf_done)

/* Room for `n` more bytes behind the end; `ret_room` (borrowed until the next call) is where they go, then buf_commit. */
err_t buf_reserve(struct buf *b, size_t n, uint8_t **ret_room);
void buf_commit(struct buf *b, size_t n);

err_t buf_put(struct buf *b, const void *bytes, size_t n);
err_t buf_put_view(struct buf *b, struct view v);
static inline err_t buf_put_text(struct buf *b, const char *text)
{
    return buf_put(b, text, strlen(text));
}
err_t buf_put_u8(struct buf *b, uint8_t n);
err_t buf_put_u16le(struct buf *b, uint16_t n);
err_t buf_put_u32le(struct buf *b, uint32_t n);
err_t buf_put_u64le(struct buf *b, uint64_t n);
err_t buf_put_u32be(struct buf *b, uint32_t n);
err_t buf_put_u64be(struct buf *b, uint64_t n);
/* printf into the buffer, without a closing NUL. */
err_t buf_printf(struct buf *b, const char *format, ...) PRINTF(2, 3);

/* Drops `n` bytes from the front. */
void buf_consume(struct buf *b, size_t n);
/* Empties, keeps the memory. */
void buf_clear(struct buf *b);

static inline struct view buf_view(const struct buf *b)
{
    return (struct view){b->data, b->len};
}

#endif
