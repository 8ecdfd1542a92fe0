/* ModelInfer: from a message to the parts of a request of the Open Inference Protocol, and from outputs to a message.
 */
#ifndef VERONNX_FRONT_GRPC_INFER_H
#define VERONNX_FRONT_GRPC_INFER_H

#include "front/grpc_message.h"
#include "tensor/oip_request.h"

/* What is read of a message. `request` refers to the message and to `message` until oip_request_drop. */
struct grpc_infer {
    struct oip_request request;
    ProtobufCMessage *message; /* Inference__ModelInferRequest without its raw tensors */
    struct grpc_memory memory;
    struct buf head;  /* what of the message is not raw tensors, when there are some */
    struct view *raw; /* raw_input_contents: in the message */
    size_t n_raw;
    struct buf texts; /* BYTES that were given element by element */
    struct view name; /* of the model; in `message` */
};

/* How many bytes of a message are not raw tensors, as far as it is well-formed: what protobuf-c will see. */
size_t grpc_infer_head(struct view message);
/* At most limits->json_memory bytes are allocated; `ret_memory` is how many stay until grpc_infer_drop. ERR_MALFORMED,
   ERR_TRUNCATED, ERR_TOO_LARGE, ERR_FIELD_VALUE, _TYPE, _DUPLICATE, ERR_SHAPE_MISMATCH, ERR_DTYPE_UNSUPPORTED,
   ERR_NOMEM. */
err_t grpc_infer_parse(struct view message, const struct infer_limits *limits, struct grpc_infer *ret,
                       size_t *ret_memory, struct why *why);
/* Frees what refers to the message; frees the rest. Both accept a zeroed struct. */
void grpc_infer_drop(struct grpc_infer *g);
void grpc_infer_done(struct grpc_infer *g);

/* Appends a framed ModelInferResponse; the errors of oip_answer_write. */
err_t grpc_infer_write(const struct grpc_infer *g, struct view model_name, const struct value_set *outputs,
                       struct view area, struct buf *out, struct why *why);

#endif
