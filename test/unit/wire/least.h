/* A configuration with every number as small as may be, and nothing else. */
#ifndef VERONNX_TEST_WIRE_LEAST_H
#define VERONNX_TEST_WIRE_LEAST_H

#include "wire/options.h"

#include <string.h>

static inline void put_number(struct conf *c, const struct option *o, size_t size, uint64_t n)
{
    uint32_t narrow = (uint32_t)n;
    if (size == sizeof(n))
        memcpy((uint8_t *)c + o->offset, &n, sizeof(n));
    else
        memcpy((uint8_t *)c + o->offset, &narrow, sizeof(narrow));
}

static inline void conf_least(struct conf *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < options_count; i++) {
        uint64_t min = 0, max = 0;
        size_t size = option_number(&options[i], &min, &max);
        if (size > 0)
            put_number(ret, &options[i], size, min);
    }
}

#endif
