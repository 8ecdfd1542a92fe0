/* One text with its length. */
#include "wire/delivery.h"

#include <string.h>

static const char magic[] = "veronnx-config-1\n";
_Static_assert(sizeof(magic) - 1 + sizeof(uint32_t) == DELIVERY_HEAD, "the head");

err_t delivery_encode(struct view text, struct buf *out)
{
    if (text.len > DELIVERY_TEXT_MAX)
        return ERR_TOO_LARGE;
    TRY(buf_put_text(out, magic));
    TRY(buf_put_u32le(out, (uint32_t)text.len));
    return buf_put_view(out, text);
}

err_t delivery_decode(struct view bytes, struct view *ret_text)
{
    struct view head = {0};
    uint32_t len = 0;
    TRY(view_take(&bytes, sizeof(magic) - 1, &head));
    if (!view_is(head, magic))
        return ERR_MALFORMED;
    TRY(view_u32le(&bytes, &len));
    if (len > DELIVERY_TEXT_MAX)
        return ERR_TOO_LARGE;
    if (bytes.len < len)
        return ERR_TRUNCATED;
    if (bytes.len > len)
        return ERR_MALFORMED;
    *ret_text = bytes;
    return OK;
}
