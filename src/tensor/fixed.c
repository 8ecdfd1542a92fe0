/* Decimal numbers of 28 digits to elements. */
#include "tensor/fixed.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#define DIGITS_MAX     28
#define POW10_DOUBLE   22     /* the last power of ten that a double holds exactly */
#define POW10_UINT64   19     /* the last one that 64 bits hold */
#define QUICK_DIGITS   18     /* always fit 63 bits */
#define EXPONENT_BOUND 100000 /* beyond it every element is zero, infinite or out of range, whatever the digits */

static const double pow10_double[POW10_DOUBLE + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

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
    bool negative = signbit(d) != 0;
    if (isnan(d))
        return (struct fixed){.class = FIXED_NAN, .negative = negative};
    if (isinf(d))
        return (struct fixed){.class = FIXED_INFINITE, .negative = negative};
    /* d.(27 digits)e±ddd: printf rounds exactly, half to even. The point is skipped, whatever it looks like. */
    char text[64];
    (void)snprintf(text, sizeof(text), "%.*e", DIGITS_MAX - 1, fabs(d));
    struct rounder r = {0};
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            rounder_push(&r, (unsigned)(*at - '0'));
    return rounder_finish(&r, (int32_t)strtol(at + 1, NULL, 10) - (DIGITS_MAX - 1), negative);
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

/* n (1 to 8) characters as a number, all at once; false when one is not a digit. Neighbours are joined to pairs, pairs
   to fours, fours to eight. */
static bool read_eight(const uint8_t *text, size_t n, uint64_t *ret)
{
    uint64_t x = (load(text, n) ^ 0x3030303030303030) << 8 * (8 - n);
    if (((x + 0x7676767676767676) | x) & 0x8080808080808080)
        return false;
    x = (x * 10 + (x >> 8)) & 0x00ff00ff00ff00ff;
    x = (x * 100 + (x >> 16)) & 0x0000ffff0000ffff;
    *ret = (x * 10000 + (x >> 32)) & 0xffffffff;
    return true;
}

/* An integer of at most QUICK_DIGITS digits, perhaps after a minus: nearly everything that comes. */
static bool quick_text(struct view text, struct fixed *ret)
{
    static const uint32_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    size_t sign = text.len > 0 && text.data[0] == '-';
    uint64_t n = 0;
    if (text.len == sign || text.len - sign > QUICK_DIGITS)
        return false;
    for (size_t at = sign; at < text.len; at += 8) {
        uint64_t part = 0;
        size_t count = MIN(text.len - at, 8);
        if (!read_eight(text.data + at, count, &part))
            return false;
        n = n * power[count] + part;
    }
    *ret = (struct fixed){.digits = n, .negative = sign != 0};
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

/* n ÷ 10^shift, n > 0, shift up to POW10_UINT64. Both are shifted up until their highest bit is set, so the quotient
   has 63 or 64 bits; whether a rest remains goes into its lowest one. That is ten bits or more below the 53 that a
   double keeps, so the conversion rounds as it would with all the bits of the exact quotient. */
static double divide(uint64_t n, unsigned shift)
{
    uint64_t power = (uint64_t)pow10_int(shift);
    int n_zeros = __builtin_clzll(n);
    int power_zeros = __builtin_clzll(power);
    unsigned __int128 dividend = (unsigned __int128)(n << n_zeros) << 63;
    uint64_t quotient = (uint64_t)(dividend / (power << power_zeros));
    bool rest = dividend % (power << power_zeros) != 0;
    return ldexp((double)(quotient | rest), power_zeros - n_zeros - 63);
}

/* When both operands are exact doubles the machine's one rounding is the one that is wanted. */
static double magnitude(unsigned __int128 digits, int32_t exponent)
{
    bool small = digits >> 53 == 0;
    if (small && exponent <= 0 && exponent >= -POW10_DOUBLE)
        return (double)(uint64_t)digits / pow10_double[-exponent];
    if (small && exponent > 0 && exponent <= POW10_DOUBLE)
        return (double)(uint64_t)digits * pow10_double[exponent];
    if (digits >> 64 == 0 && exponent <= 0 && exponent >= -POW10_UINT64)
        return divide((uint64_t)digits, (unsigned)-exponent);
    return read_double(digits, exponent);
}

static double to_double(const struct fixed *f, unsigned decimals)
{
    double d = 0;
    if (f->class == FIXED_NAN)
        d = (double)NAN;
    else if (f->class == FIXED_INFINITE)
        d = (double)INFINITY;
    else
        d = magnitude(f->digits, f->exponent - (int32_t)decimals);
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
static bool to_integer(const struct fixed *f, unsigned decimals, uint64_t *ret, bool *ret_exact)
{
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
    if (f->class != FIXED_FINITE || !to_integer(f, decimals, &n, &exact) || n > integer_limit(info, f->negative))
        return ERR_VALUE_RANGE;
    if (info->kind == DTYPE_KIND_BOOL && !exact)
        return ERR_VALUE_RANGE;
    n = htole64(f->negative ? -n : n);
    memcpy(ret, &n, info->size);
    return OK;
}

err_t fixed_store(const struct fixed *f, unsigned decimals, enum dtype dtype, void *ret_element)
{
    const struct dtype_info *info = dtype_info(dtype);
    if (info == NULL || info->kind == DTYPE_KIND_STRING)
        return ERR_DTYPE_MISMATCH;
    if (info->kind != DTYPE_KIND_FLOAT)
        return store_integer(f, decimals, info, ret_element);
    store_float(to_double(f, decimals), dtype, ret_element);
    return OK;
}
