/* The bytes of one connection, plain or through TLS, without ever waiting. */
#ifndef VERONNX_FRONT_STREAM_H
#define VERONNX_FRONT_STREAM_H

#include "base/buf.h"

#include <openssl/ssl.h>

#define STREAM_ROOM (64 * KIB) /* what one read may bring */

struct tls;
struct stream;

/* Everything returns ERR_WOULD_BLOCK when the socket must become readable, or with `wants_write` writable, first;
   ERR_CLOSED at the orderly end; and any other error when the connection is of no more use. */
struct stream_ops {
    /* The handshake, until it is OK. */
    err_t (*open)(struct stream *s);
    /* Some bytes (at least one), at most `room`, which is STREAM_ROOM or more. Between two settings of `may_read` the
       socket is read once; what that brought must be read, until `more` is false or ERR_WOULD_BLOCK, before another
       stream is read. */
    err_t (*read)(struct stream *s, uint8_t *ret_bytes, size_t room, size_t *ret_n);
    /* After ERR_WOULD_BLOCK the same bytes (and perhaps more) are offered again. */
    err_t (*write)(struct stream *s, struct view bytes, size_t *ret_n);
    /* Tells the peer that nothing more will be written. */
    void (*finish)(struct stream *s);
    /* Frees everything but the descriptor. */
    void (*done)(struct stream *s);
};

struct stream {
    const struct stream_ops *ops;
    int fd; /* borrowed */
    bool may_read;
    bool more; /* after a read: there may be something without asking the socket */
    bool wants_write;
    bool h2; /* after the handshake: the client wants HTTP/2 */
    struct tls *tls;
    SSL *ssl;
    struct view sealed; /* received and not yet decrypted; in the memory of `tls` */
};

/* Plain bytes over a non-blocking descriptor. */
void stream_plain(struct stream *s, int fd);

/* recv and send for the operations: restarted, without SIGPIPE, `may_read` and `wants_write` kept. */
err_t stream_recv(struct stream *s, void *ret_bytes, size_t room, size_t *ret_n);
err_t stream_send(struct stream *s, const void *bytes, size_t n, size_t *ret_n);

#endif
