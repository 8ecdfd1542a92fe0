/* The certificates of attestation documents: X.509 v3 (RFC 5280), P-384 keys, signed with ecdsa-with-SHA384, DER to the
   last byte. The form is checked here; signatures and what makes a path are chain.h's. */
#ifndef VERONNX_ATTEST_CERT_H
#define VERONNX_ATTEST_CERT_H

#include "attest/es384.h"

#define ATTEST_CERT_MAX 1024

/* The first byte of the extension KeyUsage. */
#define CERT_DIGITAL_SIGNATURE 0x80
#define CERT_KEY_CERT_SIGN     0x04

/* Views are borrowed from the bytes that were read. */
struct cert {
    struct view der;
    struct view issuer; /* encoded, like the next */
    struct view subject;
    uint64_t not_before; /* Unix seconds; both are within */
    uint64_t not_after;
    struct view point; /* of the key, ES384_POINT_LEN bytes; whether it is on the curve is not looked at */
    bool ca;
    uint8_t usage; /* 0: no such extension */
};

/* ERR_DOC_CERTIFICATE, and `why` names the part: anything longer than ATTEST_CERT_MAX, of another version, algorithm or
   curve, not DER, with an extension that stands twice or is critical and unknown, or without a critical
   BasicConstraints. */
err_t cert_read(struct view der, struct cert *ret, struct why *why);

#endif
