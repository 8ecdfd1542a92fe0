/* How TLS is configured, and the handshakes with itself that prove it. */
#ifndef VERONNX_FRONT_TLS_CONTEXT_H
#define VERONNX_FRONT_TLS_CONTEXT_H

#include "front/sign.h"

#include <openssl/ssl.h>

#define SESSION_SECONDS 300
#define SESSION_COUNT   1024

/* The server's context: TLS 1.3 only, no tickets but a session cache in memory, no early data, ALPN h2 and http/1.1.
   ERR_SELF_TEST when the first certificate is not one for a P-256 key. Both results are the caller's. */
err_t tls_context(struct signer *signer, struct view chain, EVP_PKEY **ret_key, SSL_CTX **ret_ctx);

/* A handshake for each group and each cipher suite that `ctx` offers, and a resumed one, with records both ways;
   ERR_SELF_TEST when one fails. */
err_t tls_context_try(SSL_CTX *ctx);

#endif
