/* Varints, tags and lengths. */
#include "base/protobuf.h"

#define PROTO_VARINT_MAX_LEN 10
#define PROTO_NUMBER_MAX     ((1U << 29) - 1)

err_t proto_varint(struct view *v, uint64_t *ret)
{
    size_t room = MIN(v->len, PROTO_VARINT_MAX_LEN);
    uint64_t n = 0;

    for (size_t i = 0; i < room; i++) {
        uint8_t byte = v->data[i];

        n |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte >= 0x80)
            continue;
        /* A last byte of zero pads; the tenth byte holds one bit. */
        if (i > 0 && (byte == 0 || (i == PROTO_VARINT_MAX_LEN - 1 && byte > 1)))
            return ERR_MALFORMED;
        struct view taken = {0};

        *ret = n;
        return view_take(v, i + 1, &taken);
    }
    return room == PROTO_VARINT_MAX_LEN ? ERR_MALFORMED : ERR_TRUNCATED;
}

err_t proto_tag(struct view *v, struct proto_tag *ret)
{
    struct view rest = *v;
    uint64_t n = 0;

    TRY(proto_varint(&rest, &n));
    if (n >> 3 == 0 || n >> 3 > PROTO_NUMBER_MAX)
        return ERR_MALFORMED;
    *v = rest;
    *ret = (struct proto_tag){.number = (uint32_t)(n >> 3), .wire = n & 7};
    return OK;
}

err_t proto_bytes(struct view *v, struct view *ret)
{
    struct view rest = *v;
    uint64_t len = 0;

    TRY(proto_varint(&rest, &len));
    TRY(view_take(&rest, len, ret));
    *v = rest;
    return OK;
}
