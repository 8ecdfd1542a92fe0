/* A second reader of ONNX files that takes everything that protobuf takes: padded varints, fields that stand twice,
   unknown ones, groups. It knows only the ways to tensors, and says whether any of them refers to a file. What it
   finds, the scan must not have let through. */
#ifndef VERONNX_TEST_SCAN_LENIENT_H
#define VERONNX_TEST_SCAN_LENIENT_H

#include "base/buf.h"

enum lenient_message {
    LENIENT_NONE,
    LENIENT_MODEL,
    LENIENT_GRAPH,
    LENIENT_NODE,
    LENIENT_ATTRIBUTE,
    LENIENT_SPARSE,
    LENIENT_FUNCTION,
    LENIENT_TENSOR,
};

/* The field of `outer` with this number holds an `inner`. */
static const struct lenient_way {
    enum lenient_message outer;
    unsigned number;
    enum lenient_message inner;
} lenient_ways[] = {
    {LENIENT_MODEL, 7, LENIENT_GRAPH},         {LENIENT_MODEL, 25, LENIENT_FUNCTION},
    {LENIENT_GRAPH, 1, LENIENT_NODE},          {LENIENT_GRAPH, 5, LENIENT_TENSOR},
    {LENIENT_GRAPH, 15, LENIENT_SPARSE},       {LENIENT_FUNCTION, 7, LENIENT_NODE},
    {LENIENT_FUNCTION, 11, LENIENT_ATTRIBUTE}, {LENIENT_NODE, 5, LENIENT_ATTRIBUTE},
    {LENIENT_ATTRIBUTE, 5, LENIENT_TENSOR},    {LENIENT_ATTRIBUTE, 6, LENIENT_GRAPH},
    {LENIENT_ATTRIBUTE, 10, LENIENT_TENSOR},   {LENIENT_ATTRIBUTE, 11, LENIENT_GRAPH},
    {LENIENT_ATTRIBUTE, 22, LENIENT_SPARSE},   {LENIENT_ATTRIBUTE, 23, LENIENT_SPARSE},
    {LENIENT_SPARSE, 1, LENIENT_TENSOR},       {LENIENT_SPARSE, 2, LENIENT_TENSOR},
};

static inline bool lenient_varint(struct view *v, uint64_t *ret)
{
    uint64_t n = 0;
    uint8_t byte = 0x80;

    for (unsigned i = 0; byte >= 0x80; i++) {
        if (i == 10 || view_u8(v, &byte) != OK)
            return false;
        n |= (uint64_t)(byte & 0x7f) << (7 * i);
    }
    *ret = n;
    return true;
}

static inline enum lenient_message lenient_inner(enum lenient_message outer, uint64_t number)
{
    for (size_t i = 0; i < COUNT_OF(lenient_ways); i++)
        if (lenient_ways[i].outer == outer && lenient_ways[i].number == number)
            return lenient_ways[i].inner;
    return LENIENT_NONE;
}

/* True as soon as a tensor has a location that is not the default after truncation to 32 bits, or an entry that names
   one. A message that is broken ends there. */
static inline bool lenient_finds_file(enum lenient_message message, struct view v)
{
    uint64_t tag = 0, n = 0;
    struct view part = {0};

    while (v.len > 0 && lenient_varint(&v, &tag)) {
        uint64_t number = (uint32_t)tag >> 3;

        switch (tag & 7) {
        case 0:
            if (!lenient_varint(&v, &n))
                return false;
            if (message == LENIENT_TENSOR && number == 14 && (uint32_t)n != 0)
                return true;
            break;
        case 1:
        case 5:
            if (view_take(&v, (tag & 7) == 1 ? 8 : 4, &part) != OK)
                return false;
            break;
        case 2:
            if (!lenient_varint(&v, &n) || view_take(&v, n, &part) != OK)
                return false;
            if (message == LENIENT_TENSOR && number == 13)
                return true;
            if (lenient_inner(message, number) != LENIENT_NONE &&
                lenient_finds_file(lenient_inner(message, number), part))
                return true;
            break;
        default: /* the ends of groups: what is in them reads like fields of this message */
            break;
        }
    }
    return false;
}

#endif
