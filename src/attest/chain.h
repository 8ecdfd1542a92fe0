/* The certificates of one document, root first, leaf last. */
#ifndef VERONNX_ATTEST_CHAIN_H
#define VERONNX_ATTEST_CHAIN_H

#include "attest/cert.h"

#define CHAIN_MAX 9 /* AWS has five: root, regional, zonal, instance, leaf */

struct chain {
    size_t n;
    struct cert cert[CHAIN_MAX];
};

/* ERR_DOC_CERTIFICATE, or ERR_DOC_CHAIN for fewer than two or more than CHAIN_MAX. */
err_t chain_read(const struct view *ders, size_t n, struct chain *ret, struct why *why);

/* Whether the leaf hangs on the first certificate, which is trusted without a question: each is the issuer of the next
   and has signed it, all but the leaf are authorities, path lengths hold (ERR_DOC_CHAIN), and all are valid at
   `seconds` of Unix time (ERR_DOC_CERT_TIME). ERR_NOMEM. Revocation is not looked at: AWS says not to, lives are short.
 */
err_t chain_verify(const struct chain *c, uint64_t seconds, struct why *why);

#endif
