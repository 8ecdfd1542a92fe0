/* Messages of gRPC: their frames, and protobuf-c inside a bound. */
#ifndef VERONNX_FRONT_GRPC_MESSAGE_H
#define VERONNX_FRONT_GRPC_MESSAGE_H

#include "base/buf.h"

#include <protobuf-c/protobuf-c.h>

#define GRPC_PREFIX 5 /* in front of each message: compressed or not, u32be length */

/* The first message of `in`, which is advanced; ERR_TRUNCATED when it is not all there, ERR_MALFORMED when the flag is
   neither 0 nor 1. */
err_t grpc_frame_take(struct view *in, bool *ret_compressed, struct view *ret_message);

/* What protobuf-c may still allocate. */
struct grpc_memory {
    size_t left;
    bool full;   /* it wanted more */
    bool failed; /* there was no memory */
};

/* Freed with grpc_free. ERR_MALFORMED, ERR_TOO_LARGE (m->left), ERR_NOMEM. */
err_t grpc_unpack(const ProtobufCMessageDescriptor *type, struct view message, struct grpc_memory *m,
                  ProtobufCMessage **ret);
/* Accepts NULL. */
void grpc_free(ProtobufCMessage **message, struct grpc_memory *m);

/* Appends a message, and one with its frame around it. ERR_TOO_LARGE, ERR_NOMEM. */
err_t grpc_put(const ProtobufCMessage *message, struct buf *out);
err_t grpc_put_framed(const ProtobufCMessage *message, struct buf *out);
/* Writes the prefix of a message of `len` bytes. */
void grpc_prefix(uint8_t ret[static GRPC_PREFIX], size_t len);

/* Texts are borrowed both ways. */
static inline struct view grpc_view(ProtobufCBinaryData text)
{
    return view_of(text.data, text.len);
}
ProtobufCBinaryData grpc_text(struct view text);
ProtobufCBinaryData grpc_literal(const char *text);

#endif
