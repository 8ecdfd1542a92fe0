/* A chain of certificates that somebody wants installed, as PEM. */
#ifndef VERONNX_FRONT_ADMIN_CERTIFICATE_H
#define VERONNX_FRONT_ADMIN_CERTIFICATE_H

#include "base/buf.h"

/* Appends the certificates, DER, one behind the other. Checked for the sake of who installs them, so that front does
   not fail on them: the text holds certificates alone, OpenSSL's TLS takes them (ERR_CERTIFICATE_MALFORMED), and each
   was issued by the next one (ERR_CERTIFICATE_CHAIN). Whose key it is, the keeper judges. */
err_t admin_certificate(struct view pem, struct buf *ret_ders, struct why *why);

#endif
