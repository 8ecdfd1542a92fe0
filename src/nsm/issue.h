/* Making the certificates of a simulated module: names, lives, key usage and encoding of each level like AWS's. */
#ifndef VERONNX_NSM_ISSUE_H
#define VERONNX_NSM_ISSUE_H

#include "base/err.h"

#include <openssl/types.h>

enum level { LEVEL_ROOT, LEVEL_REGIONAL, LEVEL_ZONAL, LEVEL_INSTANCE, LEVEL_LEAF, LEVELS_ };

/* A certificate and its private key. */
struct issued {
    X509 *cert;
    EVP_PKEY *key;
};
void issued_done(struct issued *h);

/* Seconds that a certificate of this level lives, and how many of them before the moment of its making. */
uint64_t issue_life_s(enum level level);
uint64_t issue_before_s(enum level level);

/* A new certificate for `key`. `name` is the first part of its common name (not for the root). `issuer` NULL: signed
   with its own key. `serial` of 16 bytes, the first one at least 1 and below 0x80. `now_s`: Unix seconds. */
err_t issue_certificate(enum level level, EVP_PKEY *key, const char *name, const struct issued *issuer,
                        const uint8_t serial[static 16], uint64_t now_s, X509 **ret);

/* A P-384 key. */
err_t issue_key(EVP_PKEY **ret);

#endif
