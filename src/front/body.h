/* Receiving a request body: its limit, its memory, and its decompression. */
#ifndef VERONNX_FRONT_BODY_H
#define VERONNX_FRONT_BODY_H

#include "front/budget.h"
#include "front/http.h"
#include "front/inflate.h"

/* What stands behind the buffer that the handler sees. */
struct body {
    struct lease lease;    /* of what the buffer has allocated */
    struct inflate *codec; /* NULL without a Content-Encoding */
    bool lent;             /* the buffer's memory is the handler's: it neither grows nor is freed */
    size_t n_pieces;       /* where what comes goes instead of the buffer */
    struct http_piece *pieces;
};

/* How a body is announced. */
struct body_frame {
    enum coding coding;
    bool sized;      /* `length` bytes will come; else an unknown number */
    uint64_t length; /* as it travels, i.e. compressed */
    size_t prefix;   /* what comes into the buffer at first; 0 = all */
};

/* Prepares `out` for a body of at most `max` bytes, whose memory is reserved as it comes. ERR_BODY_TOO_LARGE;
   ERR_OVERLOADED when the budget has no room now for what is announced; ERR_NOMEM. */
err_t body_begin(struct body *b, struct buf *out, size_t max, struct budget *budget, const struct body_frame *frame);

/* Appends what was received. ERR_BODY_TOO_LARGE, ERR_OVERLOADED, ERR_NOMEM, ERR_BAD_ENCODING. */
err_t body_put(struct body *b, struct buf *out, struct view part);

/* All has been received; ERR_BAD_ENCODING when the compressed data is incomplete. */
err_t body_end(struct body *b);

/* Frees everything, the buffer's memory unless it is lent. */
void body_done(struct body *b, struct buf *out);

#endif
