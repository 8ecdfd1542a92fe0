/* The strict reading of an ONNX file before ONNX Runtime sees it. It refuses what protobuf would merge, truncate or
   skip, every reference to a file, and what is over a limit. It gives the error its code and its place; the barrier is
   the jail. */
#ifndef VERONNX_INFER_SCAN_SCAN_H
#define VERONNX_INFER_SCAN_SCAN_H

#include "base/buf.h"

struct scan_limits {
    uint64_t nodes;      /* in all graphs and functions together */
    uint64_t tensors;    /* the same: initializers and attributes */
    uint64_t messages;   /* protobuf messages of any kind */
    uint64_t strings;    /* names and strings in lists */
    uint64_t attributes; /* of one node */
    uint64_t rank;       /* of tensors and of declared shapes */
    uint64_t subgraphs;  /* graphs inside each other, the outermost counted */
    size_t name_len;     /* bytes of an identifier */
    size_t text_len;     /* bytes of a text for people */
};

extern const struct scan_limits SCAN_LIMITS_DEFAULT;

/* `domains`: whose operators and functions may be used beside "", "ai.onnx" (the same) and "ai.onnx.ml". What a model
   imports and does not use is not judged. */
struct scan_policy {
    struct scan_limits limits;
    const struct view *domains;
    size_t domain_count;
};

#define SCAN_OPSETS_MAX 32

struct scan_opset {
    struct view domain; /* borrowed from the file; "ai.onnx" is given as "" */
    int64_t version;
};

struct scan_opsets {
    size_t count;
    struct scan_opset items[SCAN_OPSETS_MAX]; /* each domain once */
};

struct scan_info {
    int64_t ir_version;
    uint64_t nodes;
    uint64_t tensors;
    uint64_t functions;
    uint64_t tensor_bytes; /* data of all tensors; sparse ones as dense, strings 32 bytes each */
    bool random;           /* an operator is present whose results are not a function of its inputs */
    struct scan_opsets opsets;
};

/* Reads the whole file once, in time linear in its size (names: n log n), and skips the bytes of raw tensor data.
   Memory: 80 KiB, and 16 bytes for each graph input, output and initializer, at most 16 MiB. Any thread.
   ERR_MODEL_NOT_ONNX, _TOO_LARGE (2 GiB, where protobuf ends), _MALFORMED, _EXTERNAL_DATA, _DOMAIN_REFUSED, _REFUSED,
   _OPSET_UNSUPPORTED, _LIMIT, or ERR_NOMEM; `why` (may be NULL) says where by field names and indices. */
err_t scan_model(struct view file, const struct scan_policy *policy, struct scan_info *ret_info, struct why *why);

#endif
