/* The part of protobuf that dag-pb and UnixFS use (protobuf.dev/programming-guides/encoding), strict: minimal
   varints. */
#ifndef VERONNX_IPLD_PB_H
#define VERONNX_IPLD_PB_H

#include "base/buf.h"

/* Field number and wire type as they stand on the wire, for a switch over fields. */
#define PB_VARINT(field)  ((field) << 3 | 0)
#define PB_BYTES(field)   ((field) << 3 | 2)
#define PB_FIXED32(field) ((field) << 3 | 5)

struct pb_field {
    uint64_t tag;
    uint64_t number;   /* PB_VARINT, PB_FIXED32 */
    struct view bytes; /* PB_BYTES: borrowed from the input */
};

/* Takes one field. ERR_MALFORMED: another wire type, a varint that is not minimal or over 64 bits, a length past the
   end. */
err_t pb_take(struct view *v, struct pb_field *ret);

err_t pb_put_varint(struct buf *b, uint64_t tag, uint64_t number);
err_t pb_put_bytes(struct buf *b, uint64_t tag, struct view bytes);

#endif
