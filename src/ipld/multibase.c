/* Two families of bases: groups of bits (RFC 4648), and one big number (base36, base58btc). */
#include "ipld/multibase.h"

#include <string.h>

#define GROUP_MAX (UINT64_C(1) << 48) /* below it another digit may join: times a byte it still fits 64 bits */

static const struct base {
    char prefix;
    unsigned bits; /* of a digit; 0: the whole text is one number */
    const char *digits;
} bases[] = {
    {'f', 4, "0123456789abcdef"},
    {'b', 5, "abcdefghijklmnopqrstuvwxyz234567"},
    {'u', 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"},
    {'k', 0, "0123456789abcdefghijklmnopqrstuvwxyz"},
    {'z', 0, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"},
};

static err_t base_find(uint8_t prefix, const struct base **ret)
{
    for (size_t i = 0; i < COUNT_OF(bases); i++)
        if ((uint8_t)bases[i].prefix == prefix) {
            *ret = &bases[i];
            return OK;
        }
    return ERR_MALFORMED;
}

static err_t digit_value(const struct base *base, uint8_t c, unsigned *ret)
{
    const char *digit = c != '\0' ? strchr(base->digits, c) : NULL;
    if (digit == NULL)
        return ERR_MALFORMED;
    *ret = (unsigned)(digit - base->digits);
    return OK;
}

static err_t decode_groups(const struct base *base, struct view body, uint8_t *bytes, size_t size, size_t *ret_len)
{
    uint32_t pending = 0;
    unsigned n_pending = 0, value = 0;
    size_t len = 0;
    for (size_t i = 0; i < body.len; i++) {
        TRY(digit_value(base, body.data[i], &value));
        pending = pending << base->bits | value;
        n_pending += base->bits;
        if (n_pending < 8)
            continue;
        if (len == size)
            return ERR_TOO_LARGE;
        n_pending -= 8;
        bytes[len++] = (uint8_t)(pending >> n_pending);
        pending &= (1U << n_pending) - 1;
    }
    if (n_pending >= base->bits || pending != 0)
        return ERR_MALFORMED;
    *ret_len = len;
    return OK;
}

/* bytes = bytes × factor + carry, big-endian in the last `*len` of `size` bytes. */
static err_t multiply_add(uint8_t *bytes, size_t size, size_t *len, uint64_t factor, uint64_t carry)
{
    for (size_t i = 0; i < *len; i++) {
        carry += bytes[size - 1 - i] * factor;
        bytes[size - 1 - i] = (uint8_t)carry;
        carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) {
        if (*len == size)
            return ERR_TOO_LARGE;
        bytes[size - 1 - (*len)++] = (uint8_t)carry;
    }
    return OK;
}

static err_t decode_number(const struct base *base, struct view body, uint8_t *bytes, size_t size, size_t *ret_len)
{
    unsigned radix = (unsigned)strlen(base->digits), value = 0;
    size_t zeros = 0, len = 0;
    uint64_t factor = 1, group = 0; /* of several digits: each pass goes over all bytes */
    while (zeros < body.len && body.data[zeros] == (uint8_t)base->digits[0])
        zeros++;
    for (size_t i = zeros; i < body.len; i++) {
        TRY(digit_value(base, body.data[i], &value));
        group = group * radix + value;
        factor *= radix;
        if (i + 1 < body.len && factor < GROUP_MAX)
            continue;
        TRY(multiply_add(bytes, size, &len, factor, group));
        factor = 1;
        group = 0;
    }
    if (zeros > size - len)
        return ERR_TOO_LARGE;
    memmove(bytes + zeros, bytes + size - len, len);
    memset(bytes, 0, zeros);
    *ret_len = zeros + len;
    return OK;
}

err_t multibase_decode(struct view text, uint8_t *bytes, size_t size, size_t *ret_len)
{
    const struct base *base = NULL;
    uint8_t prefix = 0;
    if (view_u8(&text, &prefix) != OK)
        return ERR_MALFORMED;
    TRY(base_find(prefix, &base));
    if (base->bits > 0)
        return decode_groups(base, text, bytes, size, ret_len);
    return decode_number(base, text, bytes, size, ret_len);
}

static size_t encode_groups(const struct base *base, struct view bytes, char *out)
{
    uint32_t pending = 0;
    unsigned n_pending = 0;
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        pending = pending << 8 | bytes.data[i];
        for (n_pending += 8; n_pending >= base->bits; pending &= (1U << n_pending) - 1) {
            n_pending -= base->bits;
            out[len++] = base->digits[pending >> n_pending];
        }
    }
    if (n_pending > 0)
        out[len++] = base->digits[pending << (base->bits - n_pending)];
    return len;
}

/* digits = digits × 256 + byte, least significant first; values, not characters. */
static size_t encode_byte(char *digits, size_t len, unsigned radix, unsigned carry)
{
    for (size_t i = 0; i < len; i++) {
        carry += (unsigned)digits[i] << 8;
        digits[i] = (char)(carry % radix);
        carry /= radix;
    }
    for (; carry > 0; carry /= radix)
        digits[len++] = (char)(carry % radix);
    return len;
}

static size_t encode_number(const struct base *base, struct view bytes, char *out)
{
    unsigned radix = (unsigned)strlen(base->digits);
    size_t zeros = 0, len = 0;
    while (zeros < bytes.len && bytes.data[zeros] == 0)
        out[zeros++] = base->digits[0];
    char *digits = out + zeros;
    for (size_t i = zeros; i < bytes.len; i++)
        len = encode_byte(digits, len, radix, bytes.data[i]);
    for (size_t i = 0; i < (len + 1) / 2; i++) {
        char low = base->digits[(unsigned)digits[i]];
        digits[i] = base->digits[(unsigned)digits[len - 1 - i]];
        digits[len - 1 - i] = low;
    }
    return zeros + len;
}

err_t multibase_encode(char prefix, struct view bytes, struct buf *out)
{
    const struct base *base = NULL;
    uint8_t *room = NULL;
    TRY(base_find((uint8_t)prefix, &base));
    /* No base of the table needs more than two characters for a byte. */
    TRY(buf_reserve(out, 1 + 2 * bytes.len, &room));
    char *text = (char *)room;
    *text = prefix;
    size_t len = base->bits > 0 ? encode_groups(base, bytes, text + 1) : encode_number(base, bytes, text + 1);
    buf_commit(out, 1 + len);
    return OK;
}
