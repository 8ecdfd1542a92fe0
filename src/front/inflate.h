/* Decompressing a request body piece by piece: `gzip` (RFC 1952, one member) and `deflate` (RFC 1950, zlib's form). */
#ifndef VERONNX_FRONT_INFLATE_H
#define VERONNX_FRONT_INFLATE_H

#include "base/buf.h"

enum coding { CODING_NONE, CODING_GZIP, CODING_DEFLATE };

/* The coding that a Content-Encoding names (identity, gzip, x-gzip, deflate; case does not matter). ERR_MEDIA_TYPE for
   any other one and for a list. */
err_t coding_parse(struct view text, enum coding *ret);

struct inflate;

/* A decompressor for a coding other than CODING_NONE. */
err_t inflate_new(enum coding coding, struct inflate **ret);
/* Accepts NULL. */
void inflate_free(struct inflate *z);

/* Takes what it can from the front of `in` and writes at most `room` bytes (1 or more); 0 when there is nothing more to
   come without more input. ERR_BAD_ENCODING for damaged data, a preset dictionary, or bytes behind the end, once what
   stands before was written. */
err_t inflate_step(struct inflate *z, struct view *in, uint8_t *ret_bytes, size_t room, size_t *ret_n);

/* ERR_BAD_ENCODING unless the stream and its checksum are complete. */
err_t inflate_end(const struct inflate *z);

#endif
