/* The signature section of an enclave image: CBOR, an array of one map {"signing_certificate", "signature"}, each an
   array of integers, one a byte: the certificate as PEM, and an untagged COSE_Sign1 (RFC 9052 §4.2) over a map of PCR0.
 */
#ifndef VERONNX_EIF_SIGNATURE_H
#define VERONNX_EIF_SIGNATURE_H

#include "attest/pcr.h"

#define EIF_SIGNATURE_MAX 32768

struct eif_signature {
    const char *algorithm; /* ES256, ES384 or ES512 */
    uint64_t not_before;   /* of the certificate, Unix seconds; nitro-cli refuses to run what is outside */
    uint64_t not_after;
    uint8_t pcr8[PCR_LEN]; /* the certificate, measured */
};

/* ERR_EIF_SIGNATURE, with the reason in `why`, when it is not a signature of PCR0 by the certificate's key. Who issued
   the certificate is not looked at: PCR8 is what a verifier pins. ERR_NOMEM. */
err_t eif_signature_check(struct view section, const uint8_t pcr0[static PCR_LEN], struct eif_signature *ret,
                          struct why *why);

#endif
