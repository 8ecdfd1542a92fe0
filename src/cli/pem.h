/* Certificates and public keys as text (RFC 7468). */
#ifndef VERONNX_CLI_PEM_H
#define VERONNX_CLI_PEM_H

#include "base/buf.h"

/* Appends the DER of the first certificate. ERR_MALFORMED when the text does not begin with one, but for blanks and
   remarks. */
err_t pem_certificate(struct view pem, struct buf *ret_der);
/* The same for a public key: SubjectPublicKeyInfo. */
err_t pem_public_key(struct view pem, struct buf *ret_der);

#endif
