/* Protobuf fields, one at a time. */
#include "ipld/pb.h"

#include "base/varint.h"

/* Ten bytes at most; the tenth holds bit 63 alone. */
static err_t take_varint(struct view *v, uint64_t *ret)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = 0;
        TRY(view_u8(v, &byte));
        if (shift == 63 && byte > 1)
            return ERR_MALFORMED;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte >= 0x80)
            continue;
        if (byte == 0 && shift > 0)
            return ERR_MALFORMED;
        *ret = n;
        return OK;
    }
    return ERR_MALFORMED;
}

static err_t take_value(struct view *v, struct pb_field *f)
{
    uint32_t fixed = 0;
    switch (f->tag & 7) {
    case PB_VARINT(0):
        return take_varint(v, &f->number);
    case PB_BYTES(0):
        TRY(take_varint(v, &f->number));
        return view_take(v, f->number, &f->bytes);
    case PB_FIXED32(0):
        TRY(view_u32le(v, &fixed));
        f->number = fixed;
        return OK;
    default:
        return ERR_MALFORMED;
    }
}

err_t pb_take(struct view *v, struct pb_field *ret)
{
    struct view rest = *v;
    struct pb_field f = {0};
    if (take_varint(&rest, &f.tag) != OK || take_value(&rest, &f) != OK)
        return ERR_MALFORMED;
    *v = rest;
    *ret = f;
    return OK;
}

err_t pb_put_varint(struct buf *b, uint64_t tag, uint64_t number)
{
    TRY(varint_put(b, tag));
    return varint_put(b, number);
}

err_t pb_put_bytes(struct buf *b, uint64_t tag, struct view bytes)
{
    TRY(varint_put(b, tag));
    TRY(varint_put(b, bytes.len));
    return buf_put_view(b, bytes);
}
