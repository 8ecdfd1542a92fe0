/* OpenSSL reads what is installed before anybody with a key does. */
#include "front/admin_certificate.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#define CERTIFICATES_MAX 8

struct certificates {
    size_t n;
    X509 *x[CERTIFICATES_MAX];
};

static void certificates_done(struct certificates *c)
{
    for (size_t i = 0; i < c->n; i++)
        X509_free(c->x[i]);
    ERR_clear_error();
}

static void bio_free(BIO **bio)
{
    BIO_free(*bio);
}

static void context_free(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

/* The DER of the next block; ERR_CLOSED when there is none. */
static err_t next_block(BIO *bio, struct buf *ret_der)
{
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    if (PEM_read_bio(bio, &name, &header, &der, &len) != 1)
        return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? ERR_CLOSED : ERR_MALFORMED;
    bool fits = strcmp(name, PEM_STRING_X509) == 0 && header[0] == '\0';
    err_t e = fits ? buf_put(ret_der, der, (size_t)len) : ERR_MALFORMED;
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return e;
}

static err_t read_text(struct view pem, struct buf *ret_ders)
{
    AUTO(bio_free) BIO *bio = pem.len > 0 && pem.len <= INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    err_t e = bio != NULL ? OK : ERR_MALFORMED;
    while (e == OK)
        e = next_block(bio, ret_ders);
    return e == ERR_CLOSED && ret_ders->len > 0 ? OK : e == ERR_CLOSED ? ERR_MALFORMED : e;
}

/* OpenSSL reads BER too. */
static bool is_der(const X509 *x, struct view bytes)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    bool same = len > 0 && view_equal(view_of(der, (size_t)len), bytes);
    OPENSSL_free(der);
    return same;
}

/* Also what OpenSSL would only say later: extensions that it cannot read. */
static err_t parse(struct view ders, struct certificates *ret)
{
    const unsigned char *at = ders.data, *end = ders.data + ders.len;
    while (at < end) {
        const unsigned char *begin = at;
        X509 *x = ret->n < CERTIFICATES_MAX ? d2i_X509(NULL, &at, end - at) : NULL;
        if (x == NULL)
            return ERR_MALFORMED;
        ret->x[ret->n++] = x;
        if (!is_der(x, view_of(begin, (size_t)(at - begin))) || X509_check_purpose(x, -1, 0) != 1)
            return ERR_MALFORMED;
    }
    return OK;
}

/* Keys and hashes that are too weak are refused here. */
static err_t try_tls(const struct certificates *c)
{
    AUTO(context_free) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL)
        return ERR_NOMEM;
    bool ok = SSL_CTX_use_certificate(ctx, c->x[0]) == 1;
    for (size_t i = 1; i < c->n && ok; i++)
        ok = SSL_CTX_add1_chain_cert(ctx, c->x[i]) == 1;
    return ok ? OK : ERR_MALFORMED;
}

static err_t check_issuers(const struct certificates *c, struct why *why)
{
    for (size_t i = 0; i + 1 < c->n; i++) {
        EVP_PKEY *key = X509_get0_pubkey(c->x[i + 1]);
        if (X509_check_issued(c->x[i + 1], c->x[i]) != X509_V_OK || key == NULL || X509_verify(c->x[i], key) != 1)
            return why_set(why, ERR_CERTIFICATE_CHAIN, "certificate %zu was not issued by the one that follows it",
                           i + 1);
    }
    return OK;
}

err_t admin_certificate(struct view pem, struct buf *ret_ders, struct why *why)
{
    AUTO(certificates_done) struct certificates c = {0};
    err_t e = read_text(pem, ret_ders);
    if (e == OK)
        e = parse(buf_view(ret_ders), &c);
    if (e == OK)
        e = try_tls(&c);
    if (e == ERR_TOO_LARGE)
        return why_set(why, e, "the certificates have more than %zu bytes", ret_ders->max);
    if (e == ERR_MALFORMED)
        return why_set(why, ERR_CERTIFICATE_MALFORMED,
                       "the body must be certificates in PEM that TLS takes, at most %d", CERTIFICATES_MAX);
    return e == OK ? check_issuers(&c, why) : e;
}
