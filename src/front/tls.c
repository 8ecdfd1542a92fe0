/* OpenSSL's TLS over our own reads and writes: one recv brings what there is, one send takes a whole record. */
#include "front/tls.h"

#include "base/log.h"
#include "base/mem.h"
#include "front/provider.h"
#include "front/tls_context.h"

#include <limits.h>
#include <openssl/err.h>
#include <string.h>

#define START_WAIT_MS 5000

struct tls {
    SSL_CTX *ctx;
    EVP_PKEY *key;
    BIO_METHOD *method;
    struct signer signer;
    uint8_t sealed[STREAM_ROOM]; /* what the stream that is being read has received */
};

/* ── the BIO below OpenSSL ── */

static int bio_read(BIO *bio, char *ret_bytes, int room)
{
    struct stream *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (s->sealed.len == 0) {
        size_t n = 0;
        err_t e = stream_recv(s, s->tls->sealed, sizeof(s->tls->sealed), &n);
        if (e == ERR_WOULD_BLOCK)
            BIO_set_retry_read(bio);
        if (e != OK)
            return e == ERR_CLOSED ? 0 : -1;
        s->sealed = view_of(s->tls->sealed, n);
    }
    size_t n = MIN(s->sealed.len, (size_t)room);
    return view_copy(&s->sealed, ret_bytes, n) == OK ? (int)n : -1;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    size_t n = 0;
    BIO_clear_retry_flags(bio);
    err_t e = stream_send(BIO_get_data(bio), bytes, (size_t)len, &n);
    if (e == ERR_WOULD_BLOCK)
        BIO_set_retry_write(bio);
    return e == OK ? (int)n : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (m == NULL)
        return NULL;
    if (BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) && BIO_meth_set_ctrl(m, bio_ctrl))
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* ── operations ── */

/* What an operation that did not succeed means. */
static err_t outcome(struct stream *s, int rc)
{
    switch (SSL_get_error(s->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return ERR_WOULD_BLOCK;
    case SSL_ERROR_ZERO_RETURN:
        return ERR_CLOSED;
    default:
        return ERR_IO;
    }
}

/* OpenSSL judges an operation by what stands in the queue of errors afterwards. */
static void begin(struct stream *s)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
    s->wants_write = false;
}

static err_t tls_open(struct stream *s)
{
    begin(s);
    int rc = SSL_accept(s->ssl);
    if (rc == 1) {
        const unsigned char *protocol = NULL;
        unsigned len = 0;
        SSL_get0_alpn_selected(s->ssl, &protocol, &len);
        s->h2 = view_is(view_of(protocol, len), "h2");
        return OK;
    }
    err_t e = outcome(s, rc);
    if (e == ERR_IO && ERR_peek_error() != 0)
        log_event(LOG_TLS_FAILED, ERR_GET_REASON(ERR_peek_error()));
    return e;
}

static err_t tls_read(struct stream *s, uint8_t *ret_bytes, size_t room, size_t *ret_n)
{
    begin(s);
    int rc = SSL_read_ex(s->ssl, ret_bytes, room, ret_n);
    s->more = s->sealed.len > 0 || SSL_has_pending(s->ssl);
    if (rc == 1)
        return OK;
    /* a client that asks for new keys (RFC 8446 §4.6.3) but does not take our answer is not worth waiting for */
    return s->wants_write ? ERR_IO : outcome(s, rc);
}

static err_t tls_write(struct stream *s, struct view bytes, size_t *ret_n)
{
    begin(s);
    int rc = SSL_write_ex(s->ssl, bytes.data, bytes.len, ret_n);
    return rc == 1 ? OK : outcome(s, rc);
}

static void tls_finish(struct stream *s)
{
    begin(s);
    (void)SSL_shutdown(s->ssl);
}

static void tls_done(struct stream *s)
{
    /* without this OpenSSL would forget the session of a connection that was merely cut */
    SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(s->ssl);
    stream_plain(s, s->fd);
}

err_t tls_stream(struct tls *t, struct stream *ret, int fd)
{
    static const struct stream_ops ops = {tls_open, tls_read, tls_write, tls_finish, tls_done};
    SSL *ssl = SSL_new(t->ctx);
    BIO *bio = BIO_new(t->method);
    if (ssl == NULL || bio == NULL) {
        SSL_free(ssl);
        BIO_free(bio);
        return ERR_NOMEM;
    }
    BIO_set_data(bio, ret);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    *ret = (struct stream){.ops = &ops, .fd = fd, .tls = t, .ssl = ssl};
    return OK;
}

/* ── the context ── */

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->ctx);
    EVP_PKEY_free(t->key);
    BIO_meth_free(t->method);
    signer_done(&t->signer);
    mem_free(t);
}

static void tls_free_at(struct tls **t)
{
    tls_free(*t);
}

static void context_free(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

static void key_free(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

/* What a connection has of the old ones stays until it ends. */
err_t tls_renew(struct tls *t, struct view chain)
{
    AUTO(context_free) SSL_CTX *ctx = NULL;
    AUTO(key_free) EVP_PKEY *key = NULL;
    t->signer.wait_ms = START_WAIT_MS; /* the machine may be busy starting */
    TRY(tls_context(&t->signer, chain, &key, &ctx));
    TRY(tls_context_try(ctx));
    t->signer.wait_ms = SIGN_WAIT_MS;
    SSL_CTX_free(t->ctx);
    EVP_PKEY_free(t->key);
    t->ctx = TAKE_PTR(ctx);
    t->key = TAKE_PTR(key);
    return OK;
}

err_t tls_new(struct wire_end *sign, struct view chain, struct tls **ret)
{
    AUTO(tls_free_at) struct tls *t = mem_alloc(1, sizeof(*t));
    if (t == NULL)
        return ERR_NOMEM;
    TRY(signer_init(&t->signer, sign));
    t->method = bio_method();
    if (t->method == NULL)
        return ERR_NOMEM;
    TRY(tls_renew(t, chain));
    *ret = TAKE_PTR(t);
    return OK;
}
