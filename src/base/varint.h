/* Unsigned LEB128, at most 9 bytes (63 bits), minimal form only: github.com/multiformats/unsigned-varint. */
#ifndef VERONNX_BASE_VARINT_H
#define VERONNX_BASE_VARINT_H

#include "base/buf.h"

#define VARINT_MAX_LEN 9

/* ERR_TRUNCATED, or ERR_MALFORMED for a padded form or more than 63 bits. */
err_t varint_get(struct view *v, uint64_t *ret);
err_t varint_put(struct buf *b, uint64_t n);

#endif
