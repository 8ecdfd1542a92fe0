/* The tail of RECEIPTS: receipts one behind the other, each a struct msg_receipt, its statement and its COSE_Sign1. */
#ifndef VERONNX_WIRE_RECEIPTS_H
#define VERONNX_WIRE_RECEIPTS_H

#include "base/buf.h"
#include "wire/msg.h"

struct wire_receipt {
    uint64_t job;
    struct view statement;
    struct view cose;
};

/* Appends one: ERR_TOO_LARGE when the rest of `tail` does not take it. */
err_t wire_receipts_put(struct buf *tail, const struct wire_receipt *r);

/* Takes the first one; its views are borrowed from `tail`. ERR_PROTOCOL when it is cut off or above RECEIPT_MAX. */
err_t wire_receipts_next(struct view *tail, struct wire_receipt *ret);

#endif
