/* Encoding and decoding the frames of the block protocol. */
#include "wire/block.h"

#include <endian.h>
#include <string.h>

#define LENGTH_SIZE sizeof(uint32_t)

/* What a frame of each type may hold: who sends it, and the bounds of its length field. */
static const struct {
    enum block_sender from;
    uint32_t min;
    uint32_t max;
} block_rows[] = {
    [BLOCK_WANT] = {BLOCK_FROM_INFER, 1 + 1 + 1, 1 + 1 + BLOCK_CID_MAX},
    [BLOCK_CANCEL] = {BLOCK_FROM_INFER, 1 + 1, 1 + BLOCK_CID_MAX},
    [BLOCK_BLOCK] = {BLOCK_FROM_FETCH, 1 + 4 + 1 + 1, 1 + 4 + 1 + BLOCK_CID_MAX + BLOCK_DATA_MAX},
    [BLOCK_NOT_FOUND] = {BLOCK_FROM_FETCH, 1 + 1, 1 + BLOCK_CID_MAX},
    [BLOCK_SOURCE_DEAD] = {BLOCK_FROM_FETCH, 1, 1},
    [BLOCK_REFUSED] = {BLOCK_FROM_INFER, 1 + 4 + 1, 1 + 4 + BLOCK_CID_MAX},
};
_Static_assert(LENGTH_SIZE + 1 + 4 + 1 + BLOCK_CID_MAX <= BLOCK_HEAD_MAX, "the longest head");

static err_t take_body(struct view body, struct block_frame *f)
{
    uint8_t cid_len = 0;
    switch (f->type) {
    case BLOCK_WANT:
        TRY(view_u8(&body, &f->flags));
        if ((f->flags & ~BLOCK_FLAG_WHOLE_DAG) != 0)
            return ERR_PROTOCOL;
        f->cid = body;
        return OK;
    case BLOCK_CANCEL:
    case BLOCK_NOT_FOUND:
        f->cid = body;
        return OK;
    case BLOCK_BLOCK:
        TRY(view_u32le(&body, &f->source));
        TRY(view_u8(&body, &cid_len));
        if (cid_len == 0 || cid_len > BLOCK_CID_MAX)
            return ERR_PROTOCOL;
        TRY(view_take(&body, cid_len, &f->cid));
        f->bytes = body;
        return body.len <= BLOCK_DATA_MAX ? OK : ERR_PROTOCOL;
    case BLOCK_REFUSED:
        TRY(view_u32le(&body, &f->source));
        f->cid = body;
        return OK;
    case BLOCK_SOURCE_DEAD:
        return OK;
    default:
        return ERR_PROTOCOL;
    }
}

err_t block_decode(struct view *in, enum block_sender from, struct block_frame *ret)
{
    struct view rest = *in, body = {0};
    uint32_t len = 0;
    uint8_t type = 0;
    TRY(view_u32le(&rest, &len));
    struct view peek = rest;
    TRY(view_u8(&peek, &type));
    if (type < BLOCK_WANT || type >= COUNT_OF(block_rows) || block_rows[type].from != from)
        return ERR_PROTOCOL;
    if (len < block_rows[type].min || len > block_rows[type].max)
        return ERR_PROTOCOL;
    TRY(view_take(&rest, len, &body));
    TRY(view_u8(&body, &type));
    struct block_frame f = {.type = type};
    if (take_body(body, &f) != OK)
        return ERR_PROTOCOL;
    *ret = f;
    *in = rest;
    return OK;
}

size_t block_missing(struct view in)
{
    uint32_t len = 0;
    if (view_u32le(&in, &len) != OK)
        return LENGTH_SIZE + 1 - in.len;
    if (in.len == 0)
        return 1;
    return len > in.len ? len - in.len : 0;
}

err_t block_encode_head(struct buf *out, const struct block_frame *f)
{
    uint8_t head[BLOCK_HEAD_MAX], *p = head + LENGTH_SIZE;
    if (f->cid.len > BLOCK_CID_MAX || f->bytes.len > BLOCK_DATA_MAX)
        return ERR_TOO_LARGE;
    *p++ = (uint8_t)f->type;
    if (f->type == BLOCK_WANT)
        *p++ = f->flags;
    if (f->type == BLOCK_BLOCK || f->type == BLOCK_REFUSED) {
        uint32_t source = htole32(f->source);
        p = mempcpy(p, &source, sizeof(source));
    }
    if (f->type == BLOCK_BLOCK)
        *p++ = (uint8_t)f->cid.len;
    if (f->cid.len > 0)
        p = mempcpy(p, f->cid.data, f->cid.len);
    size_t head_len = (size_t)(p - head);
    uint32_t len = htole32((uint32_t)(head_len - LENGTH_SIZE + f->bytes.len));
    memcpy(head, &len, sizeof(len));
    return buf_put(out, head, head_len);
}

size_t block_want_len(size_t cid_len)
{
    return LENGTH_SIZE + 1 + 1 + cid_len;
}
