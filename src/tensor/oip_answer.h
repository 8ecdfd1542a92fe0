/* The answer of POST /v2/models/{m}/infer; docs/api.md has the rules. */
#ifndef VERONNX_TENSOR_OIP_ANSWER_H
#define VERONNX_TENSOR_OIP_ANSWER_H

#include "tensor/oip_request.h"

#define OIP_CLASSES_ROOM (16 * MIB) /* bytes of all classes of an answer: to print them takes some tenths of a second */

/* Appends the JSON, then the binary tensors; `ret_json_len` is 0 when there are none. The area may be changed by its
   writer at any time: every length is read once and checked, every byte is copied before it is looked at.
   ERR_OUTPUT_UNSUPPORTED (a payload that is not what its descriptor says, text in JSON that is not UTF-8, an output
   that is absent or not a tensor), ERR_OUTPUT_TOO_LARGE (over out->max, or as oip_parts_make), ERR_NOMEM; `out` then
   holds a part of an answer. */
err_t oip_answer_write(const struct oip_request *r, struct view model_name, const struct value_set *outputs,
                       struct view area, struct buf *out, size_t *ret_json_len, struct why *why);

/* An output as it will be told. */
struct oip_part {
    struct value_desc desc;
    struct view payload; /* in the area, or in the text */
    bool binary;
    bool classified;
    int64_t dims[2]; /* of classes */
};

/* Zeroed before oip_parts_make. */
struct oip_parts {
    struct oip_part *items;
    size_t count;
    struct buf text; /* the classes of all of them */
};

/* The outputs that are wanted, classified where that is wanted. Refers to the outputs and to the area. What the classes
   take is taken from `out->max`, so that they and the answer which is to be written to `out` have its room together.
   ERR_OUTPUT_UNSUPPORTED, ERR_OUTPUT_TOO_LARGE (OIP_CLASSES_ROOM, out->max), ERR_NOMEM. */
err_t oip_parts_make(const struct oip_request *r, const struct value_set *outputs, struct view area, struct buf *out,
                     struct oip_parts *ret, struct why *why);
void oip_parts_done(struct oip_parts *p);
/* Appends a tensor's bytes: a copy of them that is what its descriptor says, else ERR_MALFORMED. */
err_t oip_part_put(const struct oip_part *p, struct buf *out);
/* The error of an answer that went wrong at output `at`, with a text for it. */
err_t oip_answer_explain(err_t e, size_t at, size_t max, struct why *why);

/* The `k` largest of `count` elements of a type of numbers, the largest first, as elements of BYTES "value:index";
   fewer when there are not so many. NaN is smaller than all numbers; of equal ones the first comes first. `elements`
   may be changed meanwhile. ERR_NOMEM, ERR_TOO_LARGE (out->max). */
err_t oip_classify(enum dtype dtype, const uint8_t *elements, size_t count, uint32_t k, struct buf *out);

#endif
