/* TLS 1.3 for the public listener. The private key is the keeper's (provider.h). */
#ifndef VERONNX_FRONT_TLS_H
#define VERONNX_FRONT_TLS_H

#include "front/sign.h"
#include "front/stream.h"

struct tls;

/* Once per process, before anything else of OpenSSL is called: our allocator (the process aborts when OpenSSL gets no
   memory), no configuration file, the provider. */
err_t tls_setup(void);

/* What all connections share: the certificates (DER, one behind the other, the first a P-256 leaf) and the channel to
   the keeper, whose descriptor is taken. Every cipher suite and group is tried in a handshake with itself, so that the
   keeper's key is known to fit the certificate (ERR_SELF_TEST) and nothing is left to be loaded once the jail stands.
 */
err_t tls_new(struct wire_end *sign, struct view chain, struct tls **ret);
/* Other certificates of the same key for the connections that are opened from now on, tried in the same way. */
err_t tls_renew(struct tls *t, struct view chain);
/* After all its streams. Accepts NULL. */
void tls_free(struct tls *t);

/* The server's side of a connection over a non-blocking descriptor. */
err_t tls_stream(struct tls *t, struct stream *ret, int fd);

#endif
