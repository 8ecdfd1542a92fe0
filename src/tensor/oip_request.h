/* POST /v2/models/{m}/infer: a request of the Open Inference Protocol over REST with the binary tensor extension, from
   its body to its parts. docs/api.md has the rules. */
#ifndef VERONNX_TENSOR_OIP_REQUEST_H
#define VERONNX_TENSOR_OIP_REQUEST_H

#include "tensor/infer_request.h"
#include "tensor/oip_inputs.h"

#define OIP_ID_MAX      1024 /* bytes of `id` */
#define OIP_CLASSES_MAX 65536
#define OIP_TIMEOUT_MAX UINT64_C(86400000000) /* microseconds: a day */

/* A requested output. */
struct oip_output {
    struct view name; /* in the request's own memory */
    bool binary;
    uint32_t classes; /* 0: the tensor itself; else the so many largest elements, as text */
};

struct oip_request {
    bool raw;            /* the body is one tensor: the model has one input */
    bool binary_output;  /* of outputs that are not named */
    uint64_t timeout_us; /* from its arrival; 0: none */
    uint64_t priority;   /* 1 to infer_limits.priorities; 0: the default */
    struct view id;      /* .data NULL: none; in the request's own memory, like names of outputs */
    size_t n_outputs;    /* 0: all of the model's */
    struct oip_output *outputs;
    size_t memory; /* bytes allocated for the parsed JSON, until oip_request_drop */
    /* private */
    struct yyjson_doc *doc;
    struct oip_input *inputs;
    size_t n_inputs;
    int64_t *dims;      /* of all inputs */
    uint16_t *order;    /* of the inputs in the set */
    struct view binary; /* what follows the JSON; .data NULL: it is still to come */
    struct buf texts;
};

/* What the field Inference-Header-Content-Length says: `len` is how many bytes of a body of `body` bytes are JSON. An
   absent field is all of it. ERR_FIELD_VALUE unless it is a number up to `body`. */
err_t oip_json_len(struct view field, size_t body, size_t *ret_len, struct why *why);

/* The first `json_len` bytes of the body, which are overwritten, are JSON, the rest binary tensors; with `raw` all of
   it is one tensor. When `later` is not 0, the tensors are so many bytes that are still to come: inputs then have a
   length but no data, they are not filled, and what they hold is to be checked when it is there. Refers to the body
   until oip_request_drop. ERR_BAD_JSON, ERR_JSON_TOO_DEEP, ERR_TOO_LARGE (json_memory), ERR_FIELD_MISSING, _TYPE,
   _VALUE, _DUPLICATE, ERR_SHAPE_MISMATCH, ERR_NOMEM. */
err_t oip_request_parse(struct buf *body, size_t json_len, bool raw, size_t later, const struct infer_limits *limits,
                        struct oip_request *ret, struct why *why);

/* oip_inputs_measure, and that the outputs which are wanted exist and can be carried: ERR_OUTPUT_UNKNOWN,
   ERR_OUTPUT_UNSUPPORTED. */
err_t oip_request_measure(struct oip_request *r, const struct signature *s, size_t max_total, struct value_set *ret,
                          struct why *why);
/* All inputs of the measured set into `area`. */
err_t oip_request_fill(const struct oip_request *r, const struct value_set *set, uint8_t *area, struct why *why);

/* Frees what refers to the body. */
void oip_request_drop(struct oip_request *r);
/* Frees all. Both accept a zeroed struct. */
void oip_request_done(struct oip_request *r);

#endif
