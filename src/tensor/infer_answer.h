/* The answer of POST /infer: {"output":[{"name","shape","result","type"}],"model_hash"}; docs/api.md has the rules. */
#ifndef VERONNX_TENSOR_INFER_ANSWER_H
#define VERONNX_TENSOR_INFER_ANSWER_H

#include "base/sha256.h"
#include "tensor/values.h"

/* Appends the answer. The area may be changed by its writer at any time: every length is read once and checked, every
   element is copied before it is looked at. ERR_OUTPUT_UNSUPPORTED (a payload that is not what its descriptor says, a
   string that is not UTF-8), ERR_OUTPUT_TOO_LARGE (over out->max), ERR_NOMEM; `out` then holds a part of an answer. */
err_t infer_answer_write(const struct value_set *outputs, struct view area,
                         const uint8_t model_sha256[static SHA256_LEN], struct buf *out, struct why *why);

#endif
