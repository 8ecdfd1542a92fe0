/* Hex, base64 and decimal numbers: what is decoded, encoded again, is what came in. The first byte picks the form. */
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct view text, const char *again)
{
    if (!view_is(text, again))
        abort();
}

static void try_hex(struct view text)
{
    uint8_t bytes[256];
    char again[HEX_LEN(sizeof(bytes)) + 1];
    size_t n = MIN(text.len / 2, sizeof(bytes));
    if (hex_decode(text, bytes, n) != OK)
        return;
    hex_encode(bytes, n, again);
    if (strncasecmp(again, (const char *)text.data, text.len) != 0)
        abort();
}

static void try_base64(struct view text, err_t (*decode)(struct view, struct buf *),
                       void (*encode)(const void *, size_t, char *))
{
    AUTO_BUF struct buf bytes = BUF_WITH(4 * KIB);
    if (decode(text, &bytes) != OK)
        return;
    AUTO_MEM char *again = mem_alloc(1, BASE64_LEN(bytes.len) + 1);
    if (again == NULL)
        return;
    encode(bytes.data, bytes.len, again);
    same(text, again);
}

static void try_number(struct view text)
{
    uint64_t n = 0;
    AUTO_BUF struct buf again = BUF_WITH(64);
    if (text_u64(text, UINT64_MAX, &n) != OK)
        return;
    if (buf_printf(&again, "%llu", (unsigned long long)n) != OK || !view_equal(text, buf_view(&again)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct view text = view_of(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
        try_hex(text);
        break;
    case 1:
        try_base64(text, base64_decode, base64_encode);
        break;
    case 2:
        try_base64(text, base64url_decode, base64url_encode);
        break;
    default:
        try_number(text);
        break;
    }
    return 0;
}
