/* Where the bytes that shape a JSON text stand in a block of 64: bit i for byte i. One file per platform. */
#ifndef VERONNX_TENSOR_JSON_MASK_H
#define VERONNX_TENSOR_JSON_MASK_H

#include <stdint.h>

struct json_masks {
    uint64_t quote;
    uint64_t backslash;
    uint64_t open;  /* [ and { */
    uint64_t close; /* ] and } */
};

#ifdef __SSE2__
#include "tensor/json_mask_sse2.h"
#else
#include "tensor/json_mask_any.h"
#endif

#endif
