/* Certificates for tests, made by OpenSSL. */
#ifndef VERONNX_TEST_KEEPER_PKI_H
#define VERONNX_TEST_KEEPER_PKI_H

#include "base/buf.h"

#include <openssl/evp.h>

/* Appends a certificate, DER, for the public half of `key`, signed by `signer`. */
void pki_put(struct buf *out, const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer);

#endif
