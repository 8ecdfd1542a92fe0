/* The protobuf wire format, read strictly: protobuf.dev/programming-guides/encoding. */
#ifndef VERONNX_BASE_PROTOBUF_H
#define VERONNX_BASE_PROTOBUF_H

#include "base/buf.h"

enum proto_wire {
    PROTO_VARINT = 0,
    PROTO_FIXED64 = 1,
    PROTO_BYTES = 2,
    PROTO_FIXED32 = 5, /* 3 and 4 are groups, which ONNX never had */
};

struct proto_tag {
    uint32_t number; /* 1 to 2^29 - 1 */
    unsigned wire;   /* 0 to 7 */
};

/* Up to 64 bits in the minimal form only; negative numbers are 10 bytes. ERR_TRUNCATED or ERR_MALFORMED. */
err_t proto_varint(struct view *v, uint64_t *ret);
/* ERR_MALFORMED also for field number 0 and above 2^29 - 1. */
err_t proto_tag(struct view *v, struct proto_tag *ret);
/* A length and that many bytes. */
err_t proto_bytes(struct view *v, struct view *ret);

#endif
