/* Unsigned LEB128, minimal. */
#include "base/varint.h"

err_t varint_get(struct view *v, uint64_t *ret)
{
    uint64_t n = 0;
    struct view rest = *v;
    for (unsigned i = 0; i < VARINT_MAX_LEN; i++) {
        uint8_t byte = 0;
        TRY(view_u8(&rest, &byte));
        n |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte >= 0x80)
            continue;
        if (byte == 0 && i > 0)
            return ERR_MALFORMED;
        *v = rest;
        *ret = n;
        return OK;
    }
    return ERR_MALFORMED;
}

err_t varint_put(struct buf *b, uint64_t n)
{
    uint8_t bytes[10];
    size_t len = 0;
    for (; n >= 0x80; n >>= 7)
        bytes[len++] = (uint8_t)(n | 0x80);
    bytes[len++] = (uint8_t)n;
    return buf_put(b, bytes, len);
}
