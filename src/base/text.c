/* Hex, base64 and decimal numbers. */
#include "base/text.h"

#include <endian.h>

static const char base64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_encode(const void *bytes, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        *ret++ = digits[p[i] >> 4];
        *ret++ = digits[p[i] & 15];
    }
    *ret = '\0';
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

err_t hex_decode(struct view text, void *ret_bytes, size_t n)
{
    uint8_t *out = ret_bytes;
    if (text.len != HEX_LEN(n))
        return ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++)
        if (hex_digit(text.data[i]) < 0)
            return ERR_MALFORMED;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((unsigned)hex_digit(text.data[2 * i]) << 4 | (unsigned)hex_digit(text.data[2 * i + 1]));
    return OK;
}

/* Six bytes from one load, as long as there are eight. */
static char *base64_run(const char *alphabet, const uint8_t *p, size_t n, char *ret)
{
    for (; n >= 8; n -= 6, p += 6) {
        uint64_t bits = 0;
        memcpy(&bits, p, sizeof(bits));
        bits = be64toh(bits);
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++)
            *ret++ = alphabet[bits >> (58 - 6 * i) & 63];
    }
    for (; n >= 3; n -= 3, p += 3) {
        uint32_t bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *ret++ = alphabet[bits >> 18];
        *ret++ = alphabet[bits >> 12 & 63];
        *ret++ = alphabet[bits >> 6 & 63];
        *ret++ = alphabet[bits & 63];
    }
    if (n > 0) {
        uint32_t bits = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);
        *ret++ = alphabet[bits >> 18];
        *ret++ = alphabet[bits >> 12 & 63];
        if (n == 2)
            *ret++ = alphabet[bits >> 6 & 63];
    }
    return ret;
}

void base64_encode(const void *bytes, size_t n, char *ret)
{
    ret = base64_run(base64_std, bytes, n, ret);
    for (size_t rest = n % 3; rest != 0 && rest < 3; rest++)
        *ret++ = '=';
    *ret = '\0';
}

void base64url_encode(const void *bytes, size_t n, char *ret)
{
    *base64_run(base64_url, bytes, n, ret) = '\0';
}

static int base64_value(uint8_t c, char plus, char slash)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (uint8_t)plus)
        return 62;
    return c == (uint8_t)slash ? 63 : -1;
}

/* `text` without padding. Writes behind the end of `out` and commits only when all of it was good. */
static err_t base64_body(struct view text, char plus, char slash, struct buf *out)
{
    uint8_t *room = NULL;
    uint32_t bits = 0;
    size_t n = 0;
    if (text.len % 4 == 1)
        return ERR_MALFORMED;
    TRY(buf_reserve(out, text.len / 4 * 3 + 2, &room));
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.data[i], plus, slash);
        if (value < 0)
            return ERR_MALFORMED;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0)
            room[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    uint32_t spare = text.len % 4 == 2 ? 15 : text.len % 4 == 3 ? 3 : 0;
    if ((bits & spare) != 0)
        return ERR_MALFORMED;
    buf_commit(out, n);
    return OK;
}

err_t base64_decode(struct view text, struct buf *out)
{
    if (text.len % 4 != 0)
        return ERR_MALFORMED;
    for (int i = 0; i < 2 && text.len > 0 && text.data[text.len - 1] == '='; i++)
        text.len--;
    return base64_body(text, '+', '/', out);
}

err_t base64url_decode(struct view text, struct buf *out)
{
    return base64_body(text, '-', '_', out);
}

err_t base64_put(struct buf *out, struct view bytes)
{
    uint8_t *room = NULL;
    TRY(buf_reserve(out, BASE64_LEN(bytes.len) + 1, &room));
    base64_encode(bytes.data, bytes.len, (char *)room);
    buf_commit(out, BASE64_LEN(bytes.len));
    return OK;
}

#define PEM_LINE 48 /* bytes that make 64 characters */

err_t pem_put(struct buf *out, const char *label, struct view der)
{
    TRY(buf_printf(out, "-----BEGIN %s-----\n", label));
    while (der.len > 0) {
        struct view line = {0};
        TRY(view_take(&der, MIN(der.len, PEM_LINE), &line));
        TRY(base64_put(out, line));
        TRY(buf_put_u8(out, '\n'));
    }
    return buf_printf(out, "-----END %s-----\n", label);
}

err_t text_u64(struct view text, uint64_t max, uint64_t *ret)
{
    uint64_t n = 0;
    if (text.len == 0 || (text.len > 1 && text.data[0] == '0'))
        return ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9)
            return ERR_MALFORMED;
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return ERR_TOO_LARGE;
    }
    if (n > max)
        return ERR_TOO_LARGE;
    *ret = n;
    return OK;
}
