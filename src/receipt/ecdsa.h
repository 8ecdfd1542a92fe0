/* The two forms of an ECDSA signature: r ‖ s as COSE has it (RFC 9053 §2.1), and OpenSSL's own, DER (RFC 3279 §2.2.3).
 */
#ifndef VERONNX_RECEIPT_ECDSA_H
#define VERONNX_RECEIPT_ECDSA_H

#include "base/buf.h"

#define ECDSA_PART_MAX 66                             /* bytes of r and of s: P-521's */
#define ECDSA_DER_MAX  (3 + 2 * (3 + ECDSA_PART_MAX)) /* two INTEGERs, each with a zero in front, in a SEQUENCE */

/* r and s of `part` bytes each. ERR_NOMEM. */
err_t ecdsa_to_der(const uint8_t *signature, size_t part, uint8_t ret_der[static ECDSA_DER_MAX], size_t *ret_len);
/* Of a key whose order has `part` bytes, 61 at most: lengths of one byte. ERR_TRUNCATED, ERR_MALFORMED for all that is not such a DER. */
err_t ecdsa_from_der(struct view der, size_t part, uint8_t *ret_signature);

#endif
