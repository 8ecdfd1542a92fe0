/* A request of the OpenGradient network: from the body of POST /infer to its parts. docs/api.md has the three forms. */
#ifndef VERONNX_TENSOR_INFER_REQUEST_H
#define VERONNX_TENSOR_INFER_REQUEST_H

#include "tensor/pairs.h"

#define INFER_BODY_PAD     PAIRS_PAD /* bytes of room that the body's buffer must have left below its maximum */
#define INFER_MODEL_ID_MAX 512
#define INFER_NONCE_MIN    16
#define INFER_NONCE_MAX    64

struct infer_limits {
    unsigned json_depth;
    /* Bytes for the parsed JSON. 4 × body + 64 KiB is enough for {value, decimals}, 9 × body + 64 KiB for anything. */
    size_t json_memory;
    /* In a shorter body no lists of pairs are looked for: it takes less time to read them. */
    size_t pairs_from;
    unsigned priorities; /* levels that a request of the Open Inference Protocol can ask for; 0: it is not heard */
};
#define INFER_PAIRS_FROM (1 * KIB)

enum infer_form {
    INFER_FORM_TEXT,   /* model_inputs is a JSON document inside a string */
    INFER_FORM_OBJECT, /* model_inputs is an object */
    INFER_FORM_LISTS,  /* num_inputs, string_inputs */
};

struct yyjson_doc;
struct yyjson_val;

/* Unless `detached`, refers to the body's bytes, which must then stay where they are, unchanged, until
   infer_request_done. */
struct infer_request {
    enum infer_form form;
    bool detached; /* the body can go */
    size_t model_id_len;                  /* 1 to INFER_MODEL_ID_MAX */
    size_t nonce_len;                     /* 0 = none */
    size_t memory;                        /* bytes allocated for the parsed JSON, until infer_request_done */
    uint8_t model_id[INFER_MODEL_ID_MAX]; /* UTF-8, as the request gave it */
    uint8_t nonce[INFER_NONCE_MAX];
    /* private */
    struct pairs pairs;
    struct yyjson_doc *doc;
    struct yyjson_val *numbers; /* arrays, or NULL */
    struct yyjson_val *strings;
};

/* Overwrites the body. Its depth is checked before it is parsed. ERR_BAD_JSON, ERR_JSON_TOO_DEEP,
   ERR_TOO_LARGE (json_memory), ERR_FIELD_MISSING, _TYPE, _VALUE, _DUPLICATE, ERR_MODEL_ID_INVALID, ERR_NONCE_INVALID,
   ERR_NOMEM. */
err_t infer_request_parse(struct buf *body, const struct infer_limits *limits, struct infer_request *ret,
                          struct why *why);
/* Accepts a zeroed struct. */
void infer_request_done(struct infer_request *r);

#endif
