/* Descriptors: what a value is (name, type, shape) without its content, and a model's signature. One byte encoding is
   used in messages, is what receipts hash, and travels beside a receipt; docs/receipts.md ("Tensor digest") is its
   specification. */
#ifndef VERONNX_TENSOR_DESC_H
#define VERONNX_TENSOR_DESC_H

#include "base/buf.h"
#include "tensor/dtype.h"

#define DESC_MAX_BYTES (64 * KIB) /* of one encoded list, and of one encoded signature */
#define DESC_MAX_COUNT 1024       /* values in a list */
#define DESC_MAX_RANK  32
#define RANK_UNKNOWN   0xff /* signatures: the model declares no shape */
#define DIM_ANY        (-1) /* signatures: the model leaves this dimension open */

/* Tags of the encoding; below them a byte is a dtype code. */
#define TAG_SEQUENCE 0x80
#define TAG_MAP      0x81
#define TAG_OPTIONAL 0x82

enum value_kind { VALUE_TENSOR, VALUE_SEQUENCE, VALUE_MAP, VALUE_MAP_SEQUENCE };

/* Sequences are of tensors of one dtype, or of maps. */
struct value_type {
    enum value_kind kind;
    bool optional; /* in a signature: declared optional; in a list: the value is absent */
    uint8_t key;   /* maps: DTYPE_INT64 or DTYPE_STRING; else 0 */
    uint8_t dtype; /* of the elements; maps: of the values: INT64, FLOAT, DOUBLE or STRING */
};

struct value_desc {
    struct view name; /* UTF-8, not empty */
    struct value_type type;
    bool may_miss;       /* signature, inputs: an initializer stands in for it when the request does not give it */
    uint8_t rank;        /* 0 for everything but tensors */
    const int64_t *dims; /* `rank` of them; NULL when there are none */
};

/* Product of the dimensions; all must be ≥ 0 (ERR_MALFORMED). ERR_TOO_LARGE when it does not fit 63 bits. */
err_t desc_elements(const struct value_desc *d, uint64_t *ret);

/* A list as it came over the wire or as it will go there. Owns its memory; `items` and `encoded` point into it. */
struct desc_list {
    struct value_desc *items;
    size_t count;
    struct view encoded;
};

/* Encodes, copying all that `items` point to. ERR_MALFORMED, ERR_TOO_LARGE: what desc_list_parse would refuse. */
err_t desc_list_make(const struct value_desc *items, size_t count, struct desc_list *ret);
/* Strict: takes all of `encoded` or fails with ERR_TRUNCATED, ERR_MALFORMED or ERR_TOO_LARGE. */
err_t desc_list_parse(struct view encoded, struct desc_list *ret);
/* Accepts a zeroed struct. */
void desc_list_done(struct desc_list *l);

/* What a model declares. Owns its memory. Names of inputs are distinct, names of outputs are distinct. */
struct signature {
    struct value_desc *inputs;
    struct value_desc *outputs;
    size_t input_count;
    size_t output_count;
    struct view encoded;
};

err_t signature_make(const struct value_desc *inputs, size_t input_count, const struct value_desc *outputs,
                     size_t output_count, struct signature *ret);
err_t signature_parse(struct view encoded, struct signature *ret);
void signature_done(struct signature *s);

/* OK when `d`, as it is, may stand for `declared`: name, type, rank, dimensions. ERR_DTYPE_MISMATCH,
   ERR_SHAPE_MISMATCH, ERR_INPUT_UNKNOWN (another name). */
err_t desc_fits(const struct value_desc *d, const struct value_desc *declared);
/* Inputs in the model's order, none missing that must be there, each fitting; else also ERR_INPUT_MISSING. */
err_t signature_takes(const struct signature *s, const struct desc_list *inputs);

#endif
