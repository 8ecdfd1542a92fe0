/* Decimal digits eight at a time, as one number: the first character is the lowest byte. */
#ifndef VERONNX_TENSOR_DIGITS_H
#define VERONNX_TENSOR_DIGITS_H

#include "base/defs.h"

#define DIGITS_AT_ONCE 8

/* Eight characters with '0' taken away. */
static inline uint64_t digits_values(uint64_t text)
{
    return text ^ 0x3030303030303030;
}

/* The highest bit of each byte that is not a digit; behind the first such byte the answer means nothing. */
static inline uint64_t digits_others(uint64_t values)
{
    return ((values + 0x7676767676767676) | values) & 0x8080808080808080;
}

/* The number that eight digits make. Neighbours are joined to pairs, pairs to fours, fours to eight. */
static inline uint32_t digits_join(uint64_t values)
{
    uint64_t x = (values * 10 + (values >> 8)) & 0x00ff00ff00ff00ff;
    x = (x * 100 + (x >> 16)) & 0x0000ffff0000ffff;
    return (uint32_t)(x * 10000 + (x >> 32));
}

/* 10^n for n up to DIGITS_AT_ONCE. */
static inline uint32_t digits_power(size_t n)
{
    static const uint32_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    return power[n];
}

#endif
