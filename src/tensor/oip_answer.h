/* The answer of POST /v2/models/{m}/infer; docs/api.md has the rules. */
#ifndef VERONNX_TENSOR_OIP_ANSWER_H
#define VERONNX_TENSOR_OIP_ANSWER_H

#include "tensor/oip_request.h"

/* Appends the JSON, then the binary tensors; `ret_json_len` is 0 when there are none. The area may be changed by its
   writer at any time: every length is read once and checked, every byte is copied before it is looked at.
   ERR_OUTPUT_UNSUPPORTED (a payload that is not what its descriptor says, text in JSON that is not UTF-8, an output
   that is absent or not a tensor), ERR_OUTPUT_TOO_LARGE (over out->max), ERR_NOMEM; `out` then holds a part of an
   answer. */
err_t oip_answer_write(const struct oip_request *r, struct view model_name, const struct value_set *outputs,
                       struct view area, struct buf *out, size_t *ret_json_len, struct why *why);

/* The `k` largest of `count` elements of a type of numbers, the largest first, as elements of BYTES "value:index";
   fewer when there are not so many. NaN is smaller than all numbers; of equal ones the first comes first. `elements`
   may be changed meanwhile. ERR_NOMEM, ERR_TOO_LARGE (out->max). */
err_t oip_classify(enum dtype dtype, const uint8_t *elements, size_t count, uint32_t k, struct buf *out);

#endif
