/* From a parsed /infer request to the tensors that a model declares. docs/api.md has the rules. */
#ifndef VERONNX_TENSOR_INFER_INPUTS_H
#define VERONNX_TENSOR_INFER_INPUTS_H

#include "tensor/infer_request.h"
#include "tensor/values.h"

/* Private: where an input comes from in the request. */
struct infer_source {
    const char *list; /* "numbers" */
    size_t index;     /* in that list */
    struct yyjson_val *values;
    struct pair_list pairs; /* what the first of them stands for */
};

/* What the request gives, in the model's order. Refers to the request. */
struct infer_inputs {
    struct value_set set;         /* names, types, shapes, places: complete after measuring */
    struct infer_source *sources; /* set.descs.count of them */
};

/* Checks names, types, shapes and counts against the signature and lays the inputs out; converts nothing yet.
   ERR_INPUT_MISSING, _UNKNOWN, _DUPLICATE, ERR_DTYPE_MISMATCH, ERR_DTYPE_UNSUPPORTED, ERR_SHAPE_MISMATCH,
   ERR_FIELD_MISSING, _TYPE, _VALUE, _DUPLICATE, ERR_TOO_LARGE (max_total), ERR_NOMEM. */
err_t infer_inputs_measure(const struct infer_request *r, const struct signature *s, size_t max_total,
                           struct infer_inputs *ret, struct why *why);
/* Converts into `area`, set.total bytes; what lies between the payloads is left alone. ERR_FIELD_MISSING, _TYPE,
   _VALUE, _DUPLICATE, ERR_VALUE_RANGE. */
err_t infer_inputs_fill(const struct infer_inputs *in, uint8_t *area, struct why *why);
/* Accepts a zeroed struct. */
void infer_inputs_done(struct infer_inputs *in);

#endif
