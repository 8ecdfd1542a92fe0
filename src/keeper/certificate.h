/* The self-signed TLS leaf, shaped as nitriding's: P-256, 128-bit random serial, not a CA, for servers only. */
#ifndef VERONNX_KEEPER_CERTIFICATE_H
#define VERONNX_KEEPER_CERTIFICATE_H

#include "base/buf.h"

#include <openssl/evp.h>

/* `names`: host names and IP addresses for subjectAltName, each closed by NUL, at least one. Times in Unix seconds. Appends DER. */
err_t certificate_make(EVP_PKEY *key, struct view names, uint64_t from, uint64_t to, struct buf *out);


/* A certificate request (PKCS #10) for the same key, subject and names. Appends DER. */
err_t certificate_request(EVP_PKEY *key, struct view names, struct buf *out);

#endif
