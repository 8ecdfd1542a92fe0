/* SHA-256 (FIPS 180-4) through OpenSSL, with the algorithm fetched once. */
#ifndef VERONNX_BASE_SHA256_H
#define VERONNX_BASE_SHA256_H

#include "base/buf.h"

#define SHA256_LEN 32

/* Fetches the algorithm, without any of OpenSSL's configuration files; call once at start, before any jail and before threads. */
err_t sha256_setup(void);

/* A running hash; one thread. */
struct sha256 {
    void *ctx;
};
err_t sha256_init(struct sha256 *h);
void sha256_done(struct sha256 *h);
/* Back to the empty message; may follow init or final. */
err_t sha256_reset(struct sha256 *h);
err_t sha256_update(struct sha256 *h, const void *bytes, size_t n);
err_t sha256_final(struct sha256 *h, uint8_t ret_digest[static SHA256_LEN]);

/* One message. */
err_t sha256_of(const void *bytes, size_t n, uint8_t ret_digest[static SHA256_LEN]);

#endif
