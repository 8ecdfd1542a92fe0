/* ES384 (RFC 9053 §2.1): ECDSA over P-384 with SHA-384, signatures as r ‖ s, and P-384 public keys as bytes.

   Both values of s that verify are taken: half of what AWS signs has the higher one. So a signature can be turned into
   a second one, and neither it nor what contains it may tell one document from another. */
#ifndef VERONNX_ATTEST_ES384_H
#define VERONNX_ATTEST_ES384_H

#include "base/sha384.h"

#include <openssl/types.h>

#define ES384_SIGNATURE_LEN 96
#define ES384_POINT_LEN     97  /* 04 ‖ x ‖ y */
#define ES384_SPKI_LEN      120 /* the same as SubjectPublicKeyInfo, DER (RFC 5480 §2.1.1) */

/* ERR_INTERNAL when the key is not a private one on P-384. */
err_t es384_sign(EVP_PKEY *key, const uint8_t digest[static SHA384_LEN],
                 uint8_t ret_signature[static ES384_SIGNATURE_LEN]);
/* ERR_DOC_SIGNATURE when it is not a signature of this; ERR_DOC_CERTIFICATE when the key is not a point on the curve.
 */
err_t es384_verify(const uint8_t point[static ES384_POINT_LEN], const uint8_t digest[static SHA384_LEN],
                   const uint8_t signature[static ES384_SIGNATURE_LEN]);

/* The point of a SubjectPublicKeyInfo of exactly this form, borrowed; ERR_MALFORMED. */
err_t es384_spki_point(struct view spki, struct view *ret_point);

#endif
