/* Bytes as text with a prefix that names the base (github.com/multiformats/multibase): f b k z u, strict, lower
   case. */
#ifndef VERONNX_IPLD_MULTIBASE_H
#define VERONNX_IPLD_MULTIBASE_H

#include "base/buf.h"

/* Prefix and body. ERR_MALFORMED: unknown prefix, a character outside the alphabet, padding, spare bits that are not
   zero. ERR_TOO_LARGE: more than the `size` bytes that `bytes` has room for (on an error it holds nothing of use).
   Quadratic in the length for k and z: cap the text first. */
err_t multibase_decode(struct view text, uint8_t *bytes, size_t size, size_t *ret_len);

/* Appends prefix and body. ERR_MALFORMED for a prefix that is not one of f b k z u. */
err_t multibase_encode(char prefix, struct view bytes, struct buf *out);

#endif
