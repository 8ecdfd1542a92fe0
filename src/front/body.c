/* Bodies grow by doubling, each step reserved from the budget before it is allocated. */
#include "front/body.h"

#include <assert.h>
#include <string.h>

#define FIRST_STEP (16 * KIB)

/* Makes room for `want` more bytes. */
static err_t grow(struct body *b, struct buf *out, size_t want)
{
    if (want > out->max - out->len)
        return ERR_BODY_TOO_LARGE;
    if (out->len + want <= out->cap)
        return OK;
    size_t cap = MIN(out->max, MAX(out->cap, FIRST_STEP));
    while (cap < out->len + want)
        cap = cap > out->max / 2 ? out->max : cap * 2;
    uint8_t *room = NULL;
    TRY(lease_resize(&b->lease, cap));
    TRY(buf_reserve(out, cap - out->len, &room));
    assert(out->cap == cap);
    return OK;
}

/* Looks whether there is room, but keeps none: an announcement costs its client nothing. */
err_t body_begin(struct body *b, struct buf *out, size_t max, struct budget *budget, const struct body_frame *frame)
{
    if (frame->sized && frame->length > max)
        return ERR_BODY_TOO_LARGE;
    if (frame->coding != CODING_NONE)
        TRY(inflate_new(frame->coding, &b->codec));
    if (b->lent)
        return OK;
    bool exact = frame->sized && frame->coding == CODING_NONE;
    size_t at_first = frame->prefix > 0 ? frame->prefix : (size_t)frame->length;
    buf_init(out, exact ? (size_t)frame->length : max);
    TRY(lease_take(&b->lease, budget, exact ? at_first : 0));
    return lease_resize(&b->lease, 0);
}

static err_t put_compressed(struct body *b, struct buf *out, struct view in)
{
    uint8_t beyond = 0;
    for (;;) {
        bool full = out->len == out->max; /* a checksum may still come, but not one more byte of content */
        if (!full)
            TRY(grow(b, out, 1));
        uint8_t *at = full ? &beyond : out->data + out->len;
        size_t room = full ? 1 : out->cap - out->len;
        size_t n = 0;
        TRY(inflate_step(b->codec, &in, at, room, &n));
        if (full && n > 0)
            return ERR_BODY_TOO_LARGE;
        if (n == 0)
            return OK;
        buf_commit(out, n);
    }
}

/* More than the pieces take is more than was announced. */
static err_t put_scattered(struct body *b, struct view part)
{
    while (part.len > 0) {
        if (b->n_pieces == 0)
            return ERR_BODY_TOO_LARGE;
        struct http_piece *p = b->pieces;
        size_t n = MIN(part.len, p->len);
        if (n > 0)
            memcpy(p->at, part.data, n);
        part = view_of(part.data + n, part.len - n);
        *p = (struct http_piece){p->at + n, p->len - n};
        if (p->len > 0)
            continue;
        b->pieces++;
        b->n_pieces--;
    }
    return OK;
}

err_t body_put(struct body *b, struct buf *out, struct view part)
{
    if (b->pieces != NULL)
        return put_scattered(b, part);
    if (b->codec != NULL)
        return put_compressed(b, out, part);
    TRY(grow(b, out, part.len));
    return buf_put_view(out, part);
}

err_t body_end(struct body *b)
{
    return b->codec != NULL ? inflate_end(b->codec) : OK;
}

void body_done(struct body *b, struct buf *out)
{
    inflate_free(b->codec);
    if (!b->lent)
        buf_done(out);
    lease_done(&b->lease);
    *b = (struct body){0};
    *out = (struct buf){0};
}
