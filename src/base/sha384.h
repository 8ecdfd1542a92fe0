/* SHA-384 (FIPS 180-4) through OpenSSL, with the algorithm fetched once. */
#ifndef VERONNX_BASE_SHA384_H
#define VERONNX_BASE_SHA384_H

#include "base/buf.h"

#define SHA384_LEN 48

/* Fetches the algorithm; call once at start, before any jail and before threads. */
err_t sha384_setup(void);

/* The digest of `parts`, one behind the other. */
err_t sha384_of(const struct view *parts, size_t n_parts, uint8_t ret_digest[static SHA384_LEN]);

#endif
