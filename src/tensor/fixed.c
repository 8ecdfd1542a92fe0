/* Decimal numbers of 28 digits to elements. */
#include "tensor/fixed.h"

#include "tensor/digits.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#define DIGITS_MAX     28
#define POW10_DOUBLE   22     /* the last power of ten that a double holds exactly */
#define POW5_UINT64    27     /* the last power of five that 64 bits hold */
#define QUICK_DIGITS   18     /* always fit 63 bits */
#define EXPONENT_BOUND 100000 /* beyond it every element is zero, infinite or out of range, whatever the digits */

static const double pow10_double[POW10_DOUBLE + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const uint64_t pow5[POW5_UINT64 + 1] = {
    1,
    5,
    25,
    125,
    625,
    3125,
    15625,
    78125,
    390625,
    1953125,
    9765625,
    48828125,
    244140625,
    1220703125,
    6103515625,
    30517578125,
    152587890625,
    762939453125,
    3814697265625,
    19073486328125,
    95367431640625,
    476837158203125,
    2384185791015625,
    11920928955078125,
    59604644775390625,
    298023223876953125,
    1490116119384765625,
    7450580596923828125,
};

static unsigned __int128 pow10_int(unsigned exponent)
{
    unsigned __int128 power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

struct fixed fixed_from_uint(uint64_t n)
{
    return (struct fixed){.digits = n};
}

struct fixed fixed_from_int(int64_t n)
{
    uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    return (struct fixed){.digits = magnitude, .negative = n < 0};
}

/* Decimal digits, coming in one by one from the front. */
struct rounder {
    unsigned __int128 kept; /* the first DIGITS_MAX significant ones */
    int32_t dropped;        /* how many came after them */
    unsigned next;          /* the first of those */
    bool rest;              /* whether one behind it was not zero */
};

static void rounder_push(struct rounder *r, unsigned digit)
{
    static const unsigned __int128 full = (unsigned __int128)1000000000 * 1000000000 * 1000000000; /* 28 digits */
    if (r->kept < full) {
        r->kept = r->kept * 10 + digit;
        return;
    }
    if (r->dropped == 0)
        r->next = digit;
    else
        r->rest |= digit != 0;
    r->dropped++;
}

/* The digits rounded half to even, times 10^exponent. */
static struct fixed rounder_finish(const struct rounder *r, int32_t exponent, bool negative)
{
    bool up = r->next > 5 || (r->next == 5 && (r->rest || (r->kept & 1) != 0));
    struct fixed f = {.digits = r->kept + up, .exponent = exponent + r->dropped, .negative = negative};
    if (f.digits == pow10_int(DIGITS_MAX)) {
        f.digits /= 10;
        f.exponent++;
    }
    return f;
}

struct fixed fixed_from_double(double d)
{
    enum fixed_class class = isnan(d) ? FIXED_NAN : isinf(d) ? FIXED_INFINITE : FIXED_BINARY;
    return (struct fixed){.class = class, .binary = d, .negative = signbit(d) != 0};
}

/* The 28 digits of a double. */
static struct fixed expand(double d)
{
    /* d.(27 digits)e±ddd: printf rounds exactly, half to even. The point is skipped, whatever it looks like. */
    char text[64];
    (void)snprintf(text, sizeof(text), "%.*e", DIGITS_MAX - 1, fabs(d));
    struct rounder r = {0};
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            rounder_push(&r, (unsigned)(*at - '0'));
    return rounder_finish(&r, (int32_t)strtol(at + 1, NULL, 10) - (DIGITS_MAX - 1), signbit(d) != 0);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* n (1 to 8) bytes, the first in the lowest place, by loads that overlap: a loop would cost more than the bytes. */
static uint64_t load(const uint8_t *bytes, size_t n)
{
    uint32_t first = 0;
    uint32_t last = 0;
    if (n < 4)
        return bytes[0] | (uint64_t)bytes[n / 2] << 8 * (n / 2) | (uint64_t)bytes[n - 1] << 8 * (n - 1);
    memcpy(&first, bytes, 4);
    memcpy(&last, bytes + n - 4, 4);
    return le32toh(first) | (uint64_t)le32toh(last) << 8 * (n - 4);
}

/* n (1 to 8) characters as a number, all at once; false when one is not a digit. */
static bool read_eight(const uint8_t *text, size_t n, uint64_t *ret)
{
    uint64_t values = digits_values(load(text, n)) << 8 * (DIGITS_AT_ONCE - n);
    *ret = digits_join(values);
    return digits_others(values) == 0;
}

/* An integer of at most QUICK_DIGITS digits. */
static bool quick_digits(struct view text, uint64_t *ret)
{
    uint64_t n = 0;
    if (text.len == 0 || text.len > QUICK_DIGITS)
        return false;
    for (size_t at = 0; at < text.len; at += DIGITS_AT_ONCE) {
        uint64_t part = 0;
        size_t count = MIN(text.len - at, DIGITS_AT_ONCE);
        if (!read_eight(text.data + at, count, &part))
            return false;
        n = n * digits_power(count) + part;
    }
    *ret = n;
    return true;
}

/* Digits, perhaps after a minus, perhaps with a point among them: nearly everything that comes. */
static bool quick_text(struct view text, struct fixed *ret)
{
    uint8_t digits[QUICK_DIGITS];
    uint64_t n = 0;
    size_t sign = text.len > 0 && text.data[0] == '-';
    text = view_of(text.data + sign, text.len - sign);
    *ret = (struct fixed){.negative = sign != 0};
    if (!quick_digits(text, &n)) {
        const uint8_t *point = text.len > 1 && text.len <= QUICK_DIGITS + 1 ? memchr(text.data, '.', text.len) : NULL;
        if (point == NULL)
            return false;
        size_t before = (size_t)(point - text.data);
        memcpy(digits, text.data, before);
        memcpy(digits + before, point + 1, text.len - before - 1);
        if (!quick_digits(view_of(digits, text.len - 1), &n))
            return false;
        ret->exponent = -(int32_t)(text.len - before - 1);
    }
    ret->digits = n;
    return true;
}

static struct view trim(struct view text)
{
    while (text.len > 0 && is_space(text.data[0]))
        text = view_of(text.data + 1, text.len - 1);
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* The next character as Decimal sees it, which drops every underscore; -1 at the end. */
static int peek(struct view *text)
{
    while (text->len > 0 && text->data[0] == '_')
        *text = view_of(text->data + 1, text->len - 1);
    return text->len > 0 ? text->data[0] : -1;
}

/* Takes the next character if it is `c` or the upper-case form of the letter `c`. */
static bool take(struct view *text, char c)
{
    int next = peek(text);
    bool same = next == c || (c >= 'a' && c <= 'z' && next == c - 'a' + 'A');
    if (same)
        *text = view_of(text->data + 1, text->len - 1);
    return same;
}

static bool take_word(struct view *text, const char *word)
{
    while (*word != '\0' && take(text, *word))
        word++;
    return *word == '\0';
}

/* Takes a digit, or returns -1. */
static int take_digit(struct view *text)
{
    int next = peek(text);
    if (next < '0' || next > '9')
        return -1;
    *text = view_of(text->data + 1, text->len - 1);
    return next - '0';
}

static bool take_sign(struct view *text)
{
    bool negative = take(text, '-');
    if (!negative)
        (void)take(text, '+');
    return negative;
}

static err_t take_exponent(struct view *text, int32_t *ret)
{
    bool negative = take_sign(text);
    int digit = take_digit(text);
    int32_t n = 0;
    if (digit < 0)
        return ERR_MALFORMED;
    for (; digit >= 0; digit = take_digit(text))
        n = MIN(n * 10 + digit, EXPONENT_BOUND);
    *ret = negative ? -n : n;
    return OK;
}

static err_t take_finite(struct view *text, bool negative, struct fixed *ret)
{
    struct rounder r = {0};
    int32_t before = 0; /* digits in front of the point */
    int32_t behind = 0;
    int32_t exponent = 0;
    for (int digit = 0; (digit = take_digit(text)) >= 0; before++)
        rounder_push(&r, (unsigned)digit);
    if (take(text, '.'))
        for (int digit = 0; (digit = take_digit(text)) >= 0; behind++)
            rounder_push(&r, (unsigned)digit);
    if (before + behind == 0)
        return ERR_MALFORMED;
    if (take(text, 'e'))
        TRY(take_exponent(text, &exponent));
    *ret = rounder_finish(&r, exponent - behind, negative);
    return OK;
}

static err_t take_number(struct view *text, struct fixed *ret)
{
    bool negative = take_sign(text);
    if (take(text, 'i')) {
        *ret = (struct fixed){.class = FIXED_INFINITE, .negative = negative};
        bool word = take_word(text, "nf") && (peek(text) < 0 || take_word(text, "inity"));
        return word ? OK : ERR_MALFORMED;
    }
    if (take(text, 'n')) {
        *ret = (struct fixed){.class = FIXED_NAN, .negative = negative};
        bool word = take_word(text, "an");
        while (take_digit(text) >= 0)
            continue; /* a NaN may carry a number, which floats drop */
        return word ? OK : ERR_MALFORMED;
    }
    return take_finite(text, negative, ret);
}

err_t fixed_from_text(struct view text, struct fixed *ret)
{
    struct fixed number = {0};
    if (quick_text(text, ret))
        return OK;
    if (text.len > FIXED_MAX_TEXT)
        return ERR_TOO_LARGE;
    text = trim(text);
    TRY(take_number(&text, &number));
    if (peek(&text) >= 0)
        return ERR_MALFORMED;
    *ret = number;
    return OK;
}

err_t fixed_decimals_from_text(struct view text, unsigned *ret)
{
    bool digit = false;
    unsigned n = 0;
    text = trim(text);
    bool negative = text.len > 0 && text.data[0] == '-';
    if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+'))
        text = view_of(text.data + 1, text.len - 1);
    for (size_t i = 0; i < text.len; i++) {
        bool joint = text.data[i] == '_' && digit;
        digit = is_digit(text.data[i]);
        if (!digit && !joint)
            return ERR_MALFORMED;
        if (digit)
            n = MIN(n * 10 + (unsigned)(text.data[i] - '0'), FIXED_MAX_DECIMALS + 1);
    }
    if (!digit)
        return ERR_MALFORMED;
    if (n > FIXED_MAX_DECIMALS || (negative && n > 0))
        return ERR_TOO_LARGE;
    *ret = n;
    return OK;
}

/* yyjson reads decimal text into the nearest double. */
static __attribute__((noinline)) double read_double(unsigned __int128 digits, int32_t exponent)
{
    char text[64];
    char reversed[DIGITS_MAX + 1];
    size_t count = 0;
    do {
        reversed[count++] = (char)('0' + (int)(digits % 10));
        digits /= 10;
    } while (digits > 0);
    for (size_t i = 0; i < count; i++)
        text[i] = reversed[count - 1 - i];
    (void)snprintf(text + count, sizeof(text) - count, "e%d", exponent);
    yyjson_val number = {0};
    (void)yyjson_read_number(text, &number, YYJSON_READ_ALLOW_INF_AND_NAN, NULL, NULL);
    return yyjson_get_num(&number);
}

/* n ÷ 10^shift, n > 0, shift up to POW5_UINT64: by 5^shift, the rest is a matter of the exponent. Both are shifted up
   until their highest bit is set, so the quotient has 63 or 64 bits; whether a rest remains goes into its lowest one.
   That is ten bits or more below the 53 that a double keeps, so the conversion rounds as it would with all the bits of
   the exact quotient. */
static double divide(uint64_t n, unsigned shift)
{
    int n_zeros = __builtin_clzll(n);
    int power_zeros = __builtin_clzll(pow5[shift]);
    uint64_t power = pow5[shift] << power_zeros;
    unsigned __int128 dividend = (unsigned __int128)(n << n_zeros) << 63;
    uint64_t quotient = (uint64_t)(dividend / power);
    bool rest = (unsigned __int128)quotient * power != dividend;
    return ldexp((double)(quotient | rest), power_zeros - n_zeros - 63 - (int)shift);
}

/* When both operands are exact doubles the machine's one rounding is the one that is wanted. */
static double magnitude(unsigned __int128 digits, int32_t exponent)
{
    bool small = digits >> 53 == 0;
    if (digits == 0)
        return 0;
    if (small && exponent <= 0 && exponent >= -POW10_DOUBLE)
        return (double)(uint64_t)digits / pow10_double[-exponent];
    if (small && exponent > 0 && exponent <= POW10_DOUBLE)
        return (double)(uint64_t)digits * pow10_double[exponent];
    if (digits >> 64 == 0 && exponent <= 0 && exponent >= -POW5_UINT64)
        return divide((uint64_t)digits, (unsigned)-exponent);
    return read_double(digits, exponent);
}

static double to_double(const struct fixed *f, unsigned decimals)
{
    double d = 0;
    switch (f->class) {
    case FIXED_FINITE:
        d = magnitude(f->digits, f->exponent - (int32_t)decimals);
        break;
    case FIXED_BINARY:
        return f->binary;
    case FIXED_INFINITE:
        d = (double)INFINITY;
        break;
    case FIXED_NAN:
        d = (double)NAN;
        break;
    }
    return f->negative ? -d : d;
}

static void store_float(double d, enum dtype dtype, void *ret)
{
    float narrow = (float)d;
    uint16_t half = 0;
    switch ((int)dtype) {
    case DTYPE_DOUBLE:
        memcpy(ret, &d, sizeof(d));
        return;
    case DTYPE_FLOAT:
        memcpy(ret, &narrow, sizeof(narrow));
        return;
    case DTYPE_FLOAT16:
        half = float16_from_double(d);
        break;
    default:
        half = bfloat16_from_double(d);
        break;
    }
    memcpy(ret, &half, sizeof(half));
}

/* Cuts towards zero. False when there are more than 64 bits. */
static bool double_to_integer(double d, uint64_t *ret, bool *ret_exact)
{
    bool fits = d < 0x1p64;
    *ret = fits ? (uint64_t)d : 0;
    *ret_exact = fits && (double)*ret == d;
    return fits;
}

static bool to_integer(const struct fixed *f, unsigned decimals, uint64_t *ret, bool *ret_exact)
{
    if (f->class == FIXED_BINARY)
        return double_to_integer(fabs(f->binary), ret, ret_exact);
    unsigned __int128 n = f->digits;
    int32_t exponent = f->exponent - (int32_t)decimals;
    *ret_exact = true;
    if (exponent < 0) {
        unsigned __int128 power = pow10_int((unsigned)MIN(-exponent, DIGITS_MAX));
        *ret_exact = n % power == 0;
        n /= power;
    }
    for (; exponent > 0 && n > 0 && n >> 64 == 0; exponent--)
        n *= 10;
    *ret = (uint64_t)n;
    return n >> 64 == 0;
}

/* The largest magnitude that fits. */
static uint64_t integer_limit(const struct dtype_info *info, bool negative)
{
    uint64_t all = UINT64_MAX >> (64 - 8 * info->size);
    if (info->kind == DTYPE_KIND_INT)
        return all / 2 + negative;
    if (negative)
        return 0;
    return info->kind == DTYPE_KIND_BOOL ? 1 : all;
}

static err_t store_integer(const struct fixed *f, unsigned decimals, const struct dtype_info *info, void *ret)
{
    uint64_t n = 0;
    bool exact = false;
    bool finite = f->class == FIXED_FINITE || f->class == FIXED_BINARY;
    if (!finite || !to_integer(f, decimals, &n, &exact) || n > integer_limit(info, f->negative))
        return ERR_VALUE_RANGE;
    if (info->kind == DTYPE_KIND_BOOL && !exact)
        return ERR_VALUE_RANGE;
    n = htole64(f->negative ? -n : n);
    memcpy(ret, &n, info->size);
    return OK;
}

/* A double divided by 1 is that double: its 28 digits, of which 17 name it, would lead back to it, and they are too
   many to be rounded over an integer. */
err_t fixed_store(const struct fixed *f, unsigned decimals, enum dtype dtype, void *ret_element)
{
    const struct dtype_info *info = dtype_info(dtype);
    if (info == NULL || info->kind == DTYPE_KIND_STRING)
        return ERR_DTYPE_MISMATCH;
    if (f->class == FIXED_BINARY && decimals > 0) {
        struct fixed digits = expand(f->binary);
        return fixed_store(&digits, decimals, dtype, ret_element);
    }
    if (info->kind != DTYPE_KIND_FLOAT)
        return store_integer(f, decimals, info, ret_element);
    store_float(to_double(f, decimals), dtype, ret_element);
    return OK;
}

/* What magnitude() does in most cases, without asking for the sign. */
static double pair_to_double(int64_t value, unsigned decimals)
{
    static const int64_t exact = INT64_C(1) << 53;
    if (value > -exact && value < exact && decimals <= POW10_DOUBLE)
        return (double)value / pow10_double[decimals];
    struct fixed f = fixed_from_int(value);
    return to_double(&f, decimals);
}

static err_t store_pair(struct fixed_pair p, enum dtype dtype, const struct dtype_info *info, void *ret)
{
    if (info->kind == DTYPE_KIND_FLOAT) {
        store_float(pair_to_double(fixed_pair_value(p), fixed_pair_decimals(p)), dtype, ret);
        return OK;
    }
    struct fixed f = fixed_from_int(fixed_pair_value(p));
    return store_integer(&f, fixed_pair_decimals(p), info, ret);
}

err_t fixed_store_pairs(const struct fixed_pair *pairs, size_t count, enum dtype dtype, void *ret_elements,
                        size_t *ret_done)
{
    const struct dtype_info *info = dtype_info(dtype);
    uint8_t *element = ret_elements;
    for (*ret_done = 0; *ret_done < count; ++*ret_done, element += info->size)
        TRY(store_pair(pairs[*ret_done], dtype, info, element));
    return OK;
}
