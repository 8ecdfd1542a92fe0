/* The keyset: the public keys of one boot, a deterministic CBOR map that the attestation document carries and PCR17
   measures (docs/receipts.md, "Keyset"). */
#ifndef VERONNX_RECEIPT_KEYSET_H
#define VERONNX_RECEIPT_KEYSET_H

#include "receipt/cbor.h"
#include "receipt/es256.h"

#define KEYSET_VERSION 1

struct keyset {
    uint8_t tls_spki[SHA256_LEN];           /* SHA-256 of the TLS key's SubjectPublicKeyInfo */
    uint8_t receipt_point[ES256_POINT_LEN]; /* begins with 04; whether it is on the curve is not looked at */
    bool has_rsa;
    uint8_t rsa_spki[SHA256_LEN]; /* SHA-256 of the RSA key's SubjectPublicKeyInfo */
    uint64_t not_after;           /* Unix seconds */
};

#define KEYSET_MAX ((size_t)(1 + 2 + 2 * (3 + SHA256_LEN) + (3 + ES256_POINT_LEN) + (1 + 9)))

/* ERR_MALFORMED when the point does not begin with 04. */
err_t keyset_encode(const struct keyset *k, uint8_t ret_bytes[static KEYSET_MAX], size_t *ret_len);
/* ERR_MALFORMED for every other form. */
err_t keyset_decode(struct view bytes, struct keyset *ret);

#endif
