/* The table of element types and the conversions of the 16-bit floats. */
#include "tensor/dtype.h"

#include <math.h>
#include <string.h>

static const struct dtype_info dtype_rows[] = {
    [DTYPE_FLOAT] = {"float", "FP32", 4, DTYPE_KIND_FLOAT},
    [DTYPE_UINT8] = {"uint8", "UINT8", 1, DTYPE_KIND_UINT},
    [DTYPE_INT8] = {"int8", "INT8", 1, DTYPE_KIND_INT},
    [DTYPE_UINT16] = {"uint16", "UINT16", 2, DTYPE_KIND_UINT},
    [DTYPE_INT16] = {"int16", "INT16", 2, DTYPE_KIND_INT},
    [DTYPE_INT32] = {"int32", "INT32", 4, DTYPE_KIND_INT},
    [DTYPE_INT64] = {"int64", "INT64", 8, DTYPE_KIND_INT},
    [DTYPE_STRING] = {"string", "BYTES", 0, DTYPE_KIND_STRING},
    [DTYPE_BOOL] = {"bool", "BOOL", 1, DTYPE_KIND_BOOL},
    [DTYPE_FLOAT16] = {"float16", "FP16", 2, DTYPE_KIND_FLOAT},
    [DTYPE_DOUBLE] = {"double", "FP64", 8, DTYPE_KIND_FLOAT},
    [DTYPE_UINT32] = {"uint32", "UINT32", 4, DTYPE_KIND_UINT},
    [DTYPE_UINT64] = {"uint64", "UINT64", 8, DTYPE_KIND_UINT},
    [DTYPE_BFLOAT16] = {"bfloat16", "BF16", 2, DTYPE_KIND_FLOAT},
};

const struct dtype_info *dtype_info(unsigned code)
{
    return code < COUNT_OF(dtype_rows) && dtype_rows[code].name != NULL ? &dtype_rows[code] : NULL;
}

/* IEEE 754 binary64 */
#define DOUBLE_MANTISSA 52
#define DOUBLE_BIAS     1023

/* A 16-bit float: 1 sign bit, `exponent_bits`, the rest mantissa. */
static double widen(uint16_t bits, int exponent_bits)
{
    int mantissa_bits = 15 - exponent_bits;
    int bias = (1 << (exponent_bits - 1)) - 1;
    int mantissa = bits & ((1 << mantissa_bits) - 1);
    int exponent = (bits & 0x7fff) >> mantissa_bits;
    double magnitude = 0;
    if (exponent == (1 << exponent_bits) - 1)
        magnitude = mantissa != 0 ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(mantissa, 1 - bias - mantissa_bits);
    else
        magnitude = ldexp(mantissa | 1 << mantissa_bits, exponent - bias - mantissa_bits);
    return bits & 0x8000 ? -magnitude : magnitude;
}

/* Shifts right by 1 to 63 bits, to nearest, ties to even. */
static uint64_t shift_round(uint64_t n, int shift)
{
    uint64_t rest = n & ((1ULL << shift) - 1);
    uint64_t half = 1ULL << (shift - 1);
    uint64_t kept = n >> shift;
    return kept + (rest > half || (rest == half && (kept & 1) != 0));
}

static uint16_t narrow(double d, int exponent_bits)
{
    int mantissa_bits = 15 - exponent_bits;
    int min_exponent = 2 - (1 << (exponent_bits - 1));
    uint64_t infinity = ((1ULL << exponent_bits) - 1) << mantissa_bits;
    uint64_t raw = 0;
    memcpy(&raw, &d, sizeof(raw));
    uint64_t sign = raw >> 63 << 15;
    if (isnan(d))
        return (uint16_t)(sign | infinity | 1ULL << (mantissa_bits - 1));
    /* A subnormal double is far below everything that fits; its wrong implicit bit changes nothing. */
    int exponent = (int)(raw >> DOUBLE_MANTISSA & 0x7ff) - DOUBLE_BIAS;
    uint64_t significand = (raw & ((1ULL << DOUBLE_MANTISSA) - 1)) | 1ULL << DOUBLE_MANTISSA;
    int below = exponent < min_exponent ? min_exponent - exponent : 0;
    /* The implicit bit of a normal result adds one to the exponent field, and so does a carry out of the mantissa. */
    uint64_t rounded = shift_round(significand, MIN(DOUBLE_MANTISSA - mantissa_bits + below, 63));
    if (below == 0)
        rounded += (uint64_t)(exponent - min_exponent) << mantissa_bits;
    return (uint16_t)(sign | MIN(rounded, infinity));
}

double float16_to_double(uint16_t bits)
{
    return widen(bits, 5);
}

double bfloat16_to_double(uint16_t bits)
{
    return widen(bits, 8);
}

uint16_t float16_from_double(double d)
{
    return narrow(d, 5);
}

uint16_t bfloat16_from_double(double d)
{
    return narrow(d, 8);
}
