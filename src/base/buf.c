/* Bounded reading and bounded growth. */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

err_t view_take(struct view *v, size_t n, struct view *ret_part)
{
    if (n > v->len)
        return ERR_TRUNCATED;
    *ret_part = (struct view){v->data, n};
    if (n > 0)
        v->data += n;
    v->len -= n;
    return OK;
}

err_t view_copy(struct view *v, void *ret_bytes, size_t n)
{
    struct view part = {0};
    TRY(view_take(v, n, &part));
    if (n > 0)
        memcpy(ret_bytes, part.data, n);
    return OK;
}

err_t view_u8(struct view *v, uint8_t *ret)
{
    return view_copy(v, ret, sizeof(*ret));
}

#define VIEW_GETTER(name, type, convert)                                                                               \
    err_t name(struct view *v, type *ret)                                                                              \
    {                                                                                                                  \
        type raw = 0;                                                                                                  \
        TRY(view_copy(v, &raw, sizeof(raw)));                                                                          \
        *ret = convert(raw);                                                                                           \
        return OK;                                                                                                     \
    }
VIEW_GETTER(view_u16le, uint16_t, le16toh)
VIEW_GETTER(view_u32le, uint32_t, le32toh)
VIEW_GETTER(view_u64le, uint64_t, le64toh)
VIEW_GETTER(view_u16be, uint16_t, be16toh)
VIEW_GETTER(view_u32be, uint32_t, be32toh)
VIEW_GETTER(view_u64be, uint64_t, be64toh)

err_t view_end(const struct view *v)
{
    return v->len == 0 ? OK : ERR_MALFORMED;
}

struct view view_cut(struct view *v, uint8_t mark)
{
    const struct view whole = *v;
    const uint8_t *at = whole.len > 0 ? memchr(whole.data, mark, whole.len) : NULL;
    if (at == NULL) {
        *v = (struct view){0};
        return whole;
    }
    size_t n = (size_t)(at - whole.data);
    *v = view_of(at + 1, whole.len - n - 1);
    return view_of(whole.data, n);
}

bool view_equal(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){.max = b->max};
}

static err_t buf_grow(struct buf *b, size_t need)
{
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < need)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    cap = MIN(cap, b->max);
    uint8_t *data = mem_resize(b->data, cap);
    if (data == NULL)
        return ERR_NOMEM;
    b->data = data;
    b->cap = cap;
    return OK;
}

err_t buf_reserve(struct buf *b, size_t n, uint8_t **ret_room)
{
    if (n > b->max - b->len)
        return ERR_TOO_LARGE;
    if (b->len + n > b->cap || b->data == NULL)
        TRY(buf_grow(b, b->len + n));
    *ret_room = b->data + b->len;
    return OK;
}

void buf_commit(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->len);
    b->len += n;
}

err_t buf_put(struct buf *b, const void *bytes, size_t n)
{
    uint8_t *room = NULL;
    TRY(buf_reserve(b, n, &room));
    if (n > 0)
        memcpy(room, bytes, n);
    buf_commit(b, n);
    return OK;
}

err_t buf_put_view(struct buf *b, struct view v)
{
    return buf_put(b, v.data, v.len);
}

err_t buf_put_u8(struct buf *b, uint8_t n)
{
    return buf_put(b, &n, sizeof(n));
}

#define BUF_PUTTER(name, type, convert)                                                                                \
    err_t name(struct buf *b, type n)                                                                                  \
    {                                                                                                                  \
        type raw = convert(n);                                                                                         \
        return buf_put(b, &raw, sizeof(raw));                                                                          \
    }
BUF_PUTTER(buf_put_u16le, uint16_t, htole16)
BUF_PUTTER(buf_put_u32le, uint32_t, htole32)
BUF_PUTTER(buf_put_u64le, uint64_t, htole64)
BUF_PUTTER(buf_put_u32be, uint32_t, htobe32)
BUF_PUTTER(buf_put_u64be, uint64_t, htobe64)

err_t buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return ERR_INTERNAL;
    uint8_t *room = NULL;
    TRY(buf_reserve(b, (size_t)n + 1, &room));
    va_start(args, format);
    (void)vsnprintf((char *)room, (size_t)n + 1, format, args);
    va_end(args);
    buf_commit(b, (size_t)n);
    return OK;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    if (b->len > 0)
        memmove(b->data, b->data + n, b->len);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}
