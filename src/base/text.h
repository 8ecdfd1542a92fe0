/* Bytes as text: hex, base64 (RFC 4648 §4) and base64url without padding (§5), strict both ways; PEM. */
#ifndef VERONNX_BASE_TEXT_H
#define VERONNX_BASE_TEXT_H

#include "base/buf.h"

#define HEX_LEN(n)       (2 * (n))
#define BASE64_LEN(n)    (((n) + 2) / 3 * 4)
#define BASE64URL_LEN(n) (((n)*4 + 2) / 3)

/* Lower-case digits, NUL-terminated: `ret` has room for HEX_LEN(n) + 1. */
void hex_encode(const void *bytes, size_t n, char *ret);
/* Exactly `n` bytes from 2n digits of either case; ERR_MALFORMED otherwise. */
err_t hex_decode(struct view text, void *ret_bytes, size_t n);

/* NUL-terminated: room for BASE64_LEN(n) + 1, BASE64URL_LEN(n) + 1. */
void base64_encode(const void *bytes, size_t n, char *ret);
void base64url_encode(const void *bytes, size_t n, char *ret);
/* Appends the decoded bytes. Refuses white space, wrong padding, and bits behind the end that are not zero. */
err_t base64_decode(struct view text, struct buf *out);
err_t base64url_decode(struct view text, struct buf *out);

/* Appends base64; appends it as a PEM (RFC 7468) with this label, in lines of 64. */
err_t base64_put(struct buf *out, struct view bytes);
err_t pem_put(struct buf *out, const char *label, struct view der);

/* A whole decimal number without sign, blanks or leading zeros; ERR_MALFORMED, or ERR_TOO_LARGE above `max`. */
err_t text_u64(struct view text, uint64_t max, uint64_t *ret);

#endif
