/* What the load generator's loop (load.c) and its protocols share. */
#ifndef VERONNX_BENCH_LOAD_H
#define VERONNX_BENCH_LOAD_H

#include "base/buf.h"

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#define LOAD_HEAD_MAX (16 * KIB)

struct load;

struct conn {
    const struct load *load;
    int fd;
    SSL *ssl; /* NULL: without TLS */
    bool busy;
    bool waits;       /* for its time to ask again */
    bool wants_write; /* as the loop was told last */
    bool is_other;    /* the answer has the second status */
    uint64_t start_ns;
    size_t sent; /* of the request */
    union {
        struct {
            size_t got;  /* of the answer */
            size_t size; /* of the whole answer; 0: its head is not complete */
            char head[LOAD_HEAD_MAX + 1];
        } http1;
        struct {
            nghttp2_session *session;
            struct buf out; /* frames that TLS has not taken yet, from `written` on */
            size_t written;
            bool ended;
        } h2;
    };
};

struct load_protocol {
    const unsigned char *alpn; /* of SSL_CTX_set_alpn_protos */
    unsigned alpn_len;
    /* Once, on a connection that is open; ends the program when it cannot. NULL: nothing to do. */
    void (*open)(struct conn *c);
    /* The next request: all of it that the connection takes now. */
    err_t (*begin)(struct conn *c);
    /* Sends what is left and takes what has come; OK when the answer is complete, ERR_WOULD_BLOCK when it is not. */
    err_t (*advance)(struct conn *c);
};

extern const struct load_protocol load_http1, load_grpc;

struct load {
    int epoll;
    const struct load_protocol *protocol;
    struct buf request;
    char status[16]; /* of HTTP/1.1: "HTTP/1.1 200 " */
    char other[16];  /* or "" */
    uint64_t every_ns;
    bool spins;
    unsigned count;
    struct conn *conns;
};

/* What the connection takes now, or has: at least one byte. ERR_WOULD_BLOCK, ERR_CLOSED, ERR_IO. */
err_t load_send(struct conn *c, const void *bytes, size_t len, size_t *ret_sent);
err_t load_receive(struct conn *c, void *ret_bytes, size_t room, size_t *ret_len);

/* Whether the loop shall wait until the connection takes bytes. */
void load_watch(struct conn *c, bool writable);

#endif
