/* Tags, lengths, and the few types whose content has rules of its own. */
#include "attest/der.h"

/* Tag and length; what follows is left in `v`. */
static err_t get_head(struct view *v, enum der_tag tag, size_t *ret_len)
{
    uint8_t first = 0;
    uint8_t octet = 0;
    TRY(view_u8(v, &first));
    if (first != tag)
        return ERR_MALFORMED;
    TRY(view_u8(v, &octet));
    size_t len = octet;
    if (octet >= 0x80) {
        struct view octets = {0};
        if (octet != 0x81 && octet != 0x82) /* nothing here is longer than 65535 bytes */
            return ERR_MALFORMED;
        TRY(view_take(v, octet & 0x7F, &octets));
        len = octets.data[0];
        if (octets.len == 2)
            len = len << 8 | octets.data[1];
        if (len < (octets.len == 2 ? 0x100U : 0x80U))
            return ERR_MALFORMED;
    }
    *ret_len = len;
    return OK;
}

bool der_at(const struct view *v, enum der_tag tag)
{
    return v->len > 0 && v->data[0] == tag;
}

err_t der_get(struct view *v, enum der_tag tag, struct view *ret_content)
{
    struct view rest = *v;
    size_t len = 0;
    TRY(get_head(&rest, tag, &len));
    TRY(view_take(&rest, len, ret_content));
    *v = rest;
    return OK;
}

err_t der_get_whole(struct view *v, enum der_tag tag, struct view *ret_element)
{
    struct view start = *v;
    struct view content = {0};
    TRY(der_get(v, tag, &content));
    *ret_element = view_of(start.data, start.len - v->len);
    return OK;
}

err_t der_get_boolean(struct view *v, bool *ret)
{
    struct view content = {0};
    TRY(der_get(v, DER_BOOLEAN, &content));
    if (content.len != 1 || (content.data[0] != 0x00 && content.data[0] != 0xFF))
        return ERR_MALFORMED;
    *ret = content.data[0] != 0;
    return OK;
}

/* Not negative, no more bytes than it needs. */
static err_t get_unsigned(struct view *v, struct view *ret_content)
{
    struct view n = {0};
    TRY(der_get(v, DER_INTEGER, &n));
    if (n.len == 0 || n.data[0] >= 0x80 || (n.len > 1 && n.data[0] == 0 && n.data[1] < 0x80))
        return ERR_MALFORMED;
    *ret_content = n;
    return OK;
}

err_t der_get_positive(struct view *v, struct view *ret_content)
{
    struct view n = {0};
    TRY(get_unsigned(v, &n));
    if (n.len == 1 && n.data[0] == 0)
        return ERR_MALFORMED;
    *ret_content = n;
    return OK;
}

err_t der_get_small(struct view *v, uint8_t *ret)
{
    struct view n = {0};
    TRY(get_unsigned(v, &n));
    return n.len == 1 ? view_u8(&n, ret) : ERR_MALFORMED;
}

err_t der_get_bits(struct view *v, struct view *ret_bytes, unsigned *ret_unused)
{
    struct view bits = {0};
    uint8_t unused = 0;
    TRY(der_get(v, DER_BIT_STRING, &bits));
    TRY(view_u8(&bits, &unused));
    if (unused > 7 || (unused > 0 && (bits.len == 0 || (bits.data[bits.len - 1] & ((1U << unused) - 1)) != 0)))
        return ERR_MALFORMED;
    *ret_bytes = bits;
    *ret_unused = unused;
    return OK;
}

/* ── times ── */

/* `n` decimal digits that make a number from `min` to `max`. */
static err_t get_digits(struct view *v, size_t n, unsigned min, unsigned max, unsigned *ret)
{
    struct view digits = {0};
    unsigned value = 0;
    TRY(view_take(v, n, &digits));
    for (size_t i = 0; i < n; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return ERR_MALFORMED;
        value = value * 10 + (digits.data[i] - '0');
    }
    if (value < min || value > max)
        return ERR_MALFORMED;
    *ret = value;
    return OK;
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from the first of January 1970 to that of this year. */
static unsigned days_before(unsigned year)
{
    unsigned past = year - 1;
    return 365 * (year - 1970) + (past / 4 - past / 100 + past / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/* Month to "Z". */
static err_t get_rest(struct view text, unsigned year, uint64_t *ret_seconds)
{
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
    TRY(get_digits(&text, 2, 1, 12, &month));
    TRY(get_digits(&text, 2, 1, days_in(year, month), &day));
    TRY(get_digits(&text, 2, 0, 23, &hour));
    TRY(get_digits(&text, 2, 0, 59, &minute));
    TRY(get_digits(&text, 2, 0, 59, &second));
    if (!view_is(text, "Z"))
        return ERR_MALFORMED;
    uint64_t days = days_before(year) + day - 1;
    for (unsigned m = 1; m < month; m++)
        days += days_in(year, m);
    *ret_seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    return OK;
}

err_t der_get_time(struct view *v, uint64_t *ret_seconds)
{
    bool utc = der_at(v, DER_UTC_TIME);
    struct view text = {0};
    unsigned year = 0;
    TRY(der_get(v, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, &text));
    TRY(get_digits(&text, utc ? 2 : 4, utc ? 0 : 2050, utc ? 99 : 9999, &year));
    if (utc)
        year += year < 50 ? 2000 : 1900;
    return year >= 1970 ? get_rest(text, year, ret_seconds) : ERR_MALFORMED;
}
