/* ES256 (RFC 9053 §2.1): ECDSA over P-256 with SHA-256, signatures as r ‖ s, and P-256 public keys as bytes.

   Of the two values of s that verify, n − s and s, only the lower one is a signature here: signing makes it, verifying
   refuses the other. So nobody can turn a signature into a second one. */
#ifndef VERONNX_RECEIPT_ES256_H
#define VERONNX_RECEIPT_ES256_H

#include "base/sha256.h"

#include <openssl/types.h>

#define ES256_SIGNATURE_LEN 64
#define ES256_POINT_LEN     65 /* 04 ‖ x ‖ y */
#define ES256_SPKI_LEN      91 /* the same as SubjectPublicKeyInfo, DER (RFC 5480 §2.1.1) */

/* A key made ready for one of the two directions, so that using it fetches nothing. One thread. */
struct es256 {
    EVP_PKEY_CTX *ctx;
};

/* Takes a reference to the key, a private one on P-256; ERR_USAGE when it is another. */
err_t es256_signer_init(struct es256 *k, EVP_PKEY *key);
/* ERR_USAGE when the bytes are not a point on the curve. */
err_t es256_verifier_init(struct es256 *k, const uint8_t point[static ES256_POINT_LEN]);
/* Accepts a zeroed struct. */
void es256_done(struct es256 *k);

err_t es256_sign(struct es256 *k, const uint8_t digest[static SHA256_LEN],
                 uint8_t ret_signature[static ES256_SIGNATURE_LEN]);
/* ERR_RECEIPT_SIGNATURE when it is not the signature. */
err_t es256_verify(struct es256 *k, const uint8_t digest[static SHA256_LEN],
                   const uint8_t signature[static ES256_SIGNATURE_LEN]);

/* The public half of a P-256 key; ERR_USAGE when it is on another curve. */
err_t es256_point(const EVP_PKEY *key, uint8_t ret_point[static ES256_POINT_LEN]);
void es256_spki(const uint8_t point[static ES256_POINT_LEN], uint8_t ret_spki[static ES256_SPKI_LEN]);
/* A public key as somebody keeps it: the point, SubjectPublicKeyInfo as DER, or as PEM. Only the form is checked
   here, the point by es256_verifier_init. ERR_USAGE when it is none of them. */
err_t es256_read_public(struct view key, uint8_t ret_point[static ES256_POINT_LEN]);

#endif
