/* Certificates that somebody else issued for the TLS key: a strict walk over foreign DER (RFC 5280 §4.1) as far as
   names and keys. Signatures, times and what extensions say are the business of whoever connects; here only the key
   counts. */
#ifndef VERONNX_KEEPER_FOREIGN_H
#define VERONNX_KEEPER_FOREIGN_H

#include "base/buf.h"

#define FOREIGN_MAX 8 /* certificates of a chain */

/* Views are borrowed from the bytes that were read; all are whole elements. */
struct foreign {
    struct view der;
    struct view issuer;
    struct view subject;
    struct view spki; /* SubjectPublicKeyInfo */
};

/* Takes one certificate from the front of `chain`: X.509 v3 without unique identifiers, and the same algorithm in both
   places. ERR_CERTIFICATE_MALFORMED. */
err_t foreign_read(struct view *chain, struct foreign *ret);

/* Whether these certificates, one behind the other, are a chain whose first one is for the key `spki`
   (ERR_CERTIFICATE_KEY) and each next one has the name of the one before's issuer (ERR_CERTIFICATE_CHAIN); the length
   of the first. */
err_t foreign_check(struct view chain, struct view spki, size_t *ret_leaf_len);

#endif
