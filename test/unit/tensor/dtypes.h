/* Types by their ONNX names. */
#ifndef VERONNX_TEST_TENSOR_DTYPES_H
#define VERONNX_TEST_TENSOR_DTYPES_H

#include "tensor/dtype.h"

static inline uint8_t dtype_by_name(const char *name)
{
    for (unsigned code = 0; code < 32; code++)
        if (dtype_info(code) != NULL && strcmp(dtype_info(code)->name, name) == 0)
            return (uint8_t)code;
    return DTYPE_NONE;
}

#endif
