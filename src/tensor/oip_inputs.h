/* Tensors as a request of the Open Inference Protocol gives them, and how they become what a model declares. */
#ifndef VERONNX_TENSOR_OIP_INPUTS_H
#define VERONNX_TENSOR_OIP_INPUTS_H

#include "tensor/values.h"

struct yyjson_val;

/* One input. Everything is borrowed from the request. */
struct oip_input {
    struct view name;
    uint8_t dtype;
    uint8_t rank; /* at most DESC_MAX_RANK */
    bool bare;    /* `bytes` is one element of BYTES without its length */
    const int64_t *dims;
    struct yyjson_val *data; /* an array, nested or flat; NULL: */
    struct view
        bytes; /* little-endian, row-major; BYTES: u32le length and bytes for each element. .data NULL: still to come */
};

/* The data type of that name in the protocol ("FP32"); DTYPE_NONE when it has none. */
enum dtype oip_dtype(struct view name);

/* Checks names, types, shapes and lengths against the signature and lays the tensors out in the model's order; converts
   nothing yet. `ret_order[i]`, for which there is room for as many as the signature has inputs, is the input at place i
   of the set. ERR_INPUT_MISSING, _UNKNOWN, _DUPLICATE, ERR_DTYPE_MISMATCH, ERR_DTYPE_UNSUPPORTED, ERR_SHAPE_MISMATCH,
   ERR_FIELD_TYPE, ERR_TOO_LARGE (max_total), ERR_NOMEM. */
err_t oip_inputs_measure(const struct oip_input *inputs, size_t count, const struct signature *s, size_t max_total,
                         struct value_set *ret, uint16_t *ret_order, struct why *why);
/* Whether its bytes are still to come: it is then measured, but neither checked nor filled. */
static inline bool oip_input_later(const struct oip_input *in)
{
    return in->data == NULL && in->bytes.data == NULL && in->bytes.len > 0;
}

/* Writes input `index` of the request to its place of `len` bytes. ERR_SHAPE_MISMATCH, ERR_FIELD_TYPE, ERR_VALUE_RANGE.
 */
err_t oip_input_fill(const struct oip_input *in, size_t index, uint8_t *payload, size_t len, struct why *why);

#endif
