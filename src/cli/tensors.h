/* Tensors as a person gives them on the command line: NAME=JSON, NAME=@file.json, NAME=@file.npy, NAME=@file.pb. */
#ifndef VERONNX_CLI_TENSORS_H
#define VERONNX_CLI_TENSORS_H

#include "base/buf.h"
#include "tensor/values.h"

#define TENSORS_MAX      256
#define TENSOR_FILE_MAX  (1 * GIB)

/* Elements are kept as text (numbers, strings) or, from a file with types, as bytes of a dtype. */
struct tensor_arg {
    char *name;
    uint8_t rank;
    int64_t dims[DESC_MAX_RANK];
    uint64_t count;
    enum dtype dtype;      /* DTYPE_NONE: the elements are text */
    bool strings;          /* text elements are strings, not numbers */
    struct buf payload;    /* with a dtype: as in tensor/values.h */
    struct view *elements; /* text: `count` of them, in `document` */
    struct yyjson_doc *document;
};

struct tensor_args {
    struct tensor_arg items[TENSORS_MAX];
    size_t count;
};

void tensor_args_done(struct tensor_args *a);

/* One argument of the command line; ERR_USAGE with a sentence, and `a` is as it was, here and in the next. */
err_t tensor_args_add(struct tensor_args *a, const char *argument, struct why *why);
/* The text of a JSON value, nested arrays of numbers, strings or booleans, under a name. */
err_t tensor_args_add_json(struct tensor_args *a, struct view name, struct view json, struct why *why);
/* NULL when there is none of this name. */
const struct tensor_arg *tensor_args_find(const struct tensor_args *a, struct view name);

/* The payload that this tensor has as `dtype`: numbers are rounded to it as the node rounds them. */
err_t tensor_arg_payload(const struct tensor_arg *t, enum dtype dtype, struct buf *out, struct why *why);

/* Appends the elements as JSON: {"value":"…","decimals":0} or strings. */
err_t tensor_arg_request(const struct tensor_arg *t, struct buf *out);
bool tensor_arg_is_string(const struct tensor_arg *t);

/* tensor_files.c: readers for NumPy's format 1.0 to 3.0 (little-endian, C order) and for ONNX TensorProto. */
err_t tensor_from_npy(struct view file, struct tensor_arg *t, struct why *why);
err_t tensor_from_pb(struct view file, struct tensor_arg *t, struct why *why);

#endif
