/* Fixed-point numbers of the OpenGradient network, {value, decimals} = value ÷ 10^decimals, as elements of a tensor.
   The original computes Decimal(value) / Decimal(10^decimals) in Python: the exact quotient, rounded to 28 significant
   digits, half to even. The divisor is a power of ten, so these are the digits of `value`, rounded to 28, with the
   point moved: a value of at most 28 digits is not rounded at all. Floats then take the nearest double, and from there
   the nearest of the declared width; integers are cut towards zero. */
#ifndef VERONNX_TENSOR_FIXED_H
#define VERONNX_TENSOR_FIXED_H

#include "base/buf.h"
#include "tensor/dtype.h"

#define FIXED_MAX_DECIMALS 1000
#define FIXED_MAX_TEXT     1200 /* bytes */

enum fixed_class { FIXED_FINITE, FIXED_BINARY, FIXED_INFINITE, FIXED_NAN };

/* ±digits × 10^exponent, digits < 10^28; or a finite double whose digits nobody has asked for yet. */
struct fixed {
    unsigned __int128 digits;
    double binary;
    int32_t exponent;
    bool negative;
    enum fixed_class class;
};

struct fixed fixed_from_int(int64_t n);
struct fixed fixed_from_uint(uint64_t n);
/* The exact binary value, rounded to 28 digits. */
struct fixed fixed_from_double(double d);
/* The syntax of Python's Decimal, in ASCII: white space around, sign, digits with a point, exponent, underscores,
   "inf", "infinity", "nan" in any case. ERR_MALFORMED; ERR_TOO_LARGE over FIXED_MAX_TEXT. */
err_t fixed_from_text(struct view text, struct fixed *ret);

/* The number of decimals as Python's int() reads it, in ASCII: white space around, sign, digits with single underscores
   between them. ERR_MALFORMED; ERR_TOO_LARGE when not from 0 to FIXED_MAX_DECIMALS. */
err_t fixed_decimals_from_text(struct view text, unsigned *ret);

/* Writes f ÷ 10^decimals (0 to FIXED_MAX_DECIMALS) as one little-endian element. ERR_VALUE_RANGE when it does not fit
   an integer type, or is not exactly 0 or 1 for a bool; NaN and infinities fit floats only, and a float too large
   becomes infinite, as in the original. ERR_DTYPE_MISMATCH for strings. */
err_t fixed_store(const struct fixed *f, unsigned decimals, enum dtype dtype, void *ret_element);

/* A small {value, decimals} in eight bytes, as nearly all are: at most FIXED_PAIR_DIGITS digits, not minus zero. */
#define FIXED_PAIR_DIGITS   17
#define FIXED_PAIR_BITS     6 /* of the decimals */
#define FIXED_PAIR_DECIMALS ((1 << FIXED_PAIR_BITS) - 1)

struct fixed_pair {
    int64_t packed; /* value × 2^FIXED_PAIR_BITS + decimals */
};

static inline struct fixed_pair fixed_pair_of(int64_t value, unsigned decimals)
{
    return (struct fixed_pair){value * (FIXED_PAIR_DECIMALS + 1) + (int64_t)decimals};
}

static inline int64_t fixed_pair_value(struct fixed_pair p)
{
    return p.packed >> FIXED_PAIR_BITS;
}

static inline unsigned fixed_pair_decimals(struct fixed_pair p)
{
    return (unsigned)(p.packed & FIXED_PAIR_DECIMALS);
}

/* fixed_store of each pair, one element behind the other; not for strings. `ret_done`: how many were stored, also
   before an error. */
err_t fixed_store_pairs(const struct fixed_pair *pairs, size_t count, enum dtype dtype, void *ret_elements,
                        size_t *ret_done);

#endif
