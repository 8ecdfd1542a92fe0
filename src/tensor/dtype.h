/* Element types: what ONNX calls them, what the Open Inference Protocol calls them, and the 16-bit floats. */
#ifndef VERONNX_TENSOR_DTYPE_H
#define VERONNX_TENSOR_DTYPE_H

#include "base/defs.h"

/* The numbers are those of ONNX's TensorProto.DataType and ONNXTensorElementDataType (equal for these types). */
enum dtype {
    DTYPE_NONE = 0,
    DTYPE_FLOAT = 1,
    DTYPE_UINT8 = 2,
    DTYPE_INT8 = 3,
    DTYPE_UINT16 = 4,
    DTYPE_INT16 = 5,
    DTYPE_INT32 = 6,
    DTYPE_INT64 = 7,
    DTYPE_STRING = 8,
    DTYPE_BOOL = 9,
    DTYPE_FLOAT16 = 10,
    DTYPE_DOUBLE = 11,
    DTYPE_UINT32 = 12,
    DTYPE_UINT64 = 13,
    DTYPE_BFLOAT16 = 16,
};

enum dtype_kind { DTYPE_KIND_INT, DTYPE_KIND_UINT, DTYPE_KIND_FLOAT, DTYPE_KIND_BOOL, DTYPE_KIND_STRING };

struct dtype_info {
    const char *name; /* ONNX: "float", "int64" */
    const char *oip;  /* Open Inference Protocol: "FP32", "INT64" */
    uint8_t size;     /* bytes of an element; 0 = of its own length (string) */
    enum dtype_kind kind;
};

/* NULL for a type that this node does not carry. */
const struct dtype_info *dtype_info(unsigned code);

/* Widening is exact. Narrowing rounds once, to nearest, ties to even; too large becomes infinite, a NaN stays one. */
double float16_to_double(uint16_t bits);
double bfloat16_to_double(uint16_t bits);
uint16_t float16_from_double(double d);
uint16_t bfloat16_from_double(double d);

#endif
