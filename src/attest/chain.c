/* Order and roles here, the path by OpenSSL. */
#include "attest/chain.h"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

err_t chain_read(const struct view *ders, size_t n, struct chain *ret, struct why *why)
{
    struct chain c = {.n = n};
    if (n < 2 || n > CHAIN_MAX)
        return why_set(why, ERR_DOC_CHAIN, "%zu certificates, wanted 2 to %d", n, CHAIN_MAX);
    for (size_t i = 0; i < n; i++)
        TRY(cert_read(ders[i], &c.cert[i], why));
    *ret = c;
    return OK;
}

/* ── order and roles ── */

static err_t check_authority(const struct cert *c, const struct cert *next, size_t number, struct why *why)
{
    if (!c->ca || (c->usage & CERT_KEY_CERT_SIGN) == 0)
        return why_set(why, ERR_DOC_CHAIN, "certificate %zu, root first: not an authority", number);
    if (!view_equal(c->subject, next->issuer))
        return why_set(why, ERR_DOC_CHAIN, "certificate %zu, root first: not the issuer of the next", number);
    return OK;
}

static err_t check_leaf(const struct cert *c, struct why *why)
{
    if (c->ca || (c->usage & CERT_DIGITAL_SIGNATURE) == 0)
        return why_set(why, ERR_DOC_CHAIN, "the last certificate: not one that signs documents");
    return OK;
}

/* ── the path ── */

/* What OpenSSL is given; one cleanup for all. */
struct path {
    X509_STORE *anchors;
    X509_STORE_CTX *ctx;
    STACK_OF(X509) * between;
    X509 *cert[CHAIN_MAX]; /* in the chain's order */
};

static void path_done(struct path *p)
{
    X509_STORE_CTX_free(p->ctx);
    X509_STORE_free(p->anchors);
    sk_X509_free(p->between);
    for (size_t i = 0; i < CHAIN_MAX; i++)
        X509_free(p->cert[i]);
}

/* A null certificate is one that OpenSSL does not take although its form is right: a point that is not on the curve
   shows later. */
static err_t path_open(struct path *p, const struct chain *c)
{
    p->anchors = X509_STORE_new();
    p->ctx = X509_STORE_CTX_new();
    p->between = sk_X509_new_null();
    if (p->anchors == NULL || p->ctx == NULL || p->between == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->n; i++) {
        const unsigned char *at = c->cert[i].der.data;
        p->cert[i] = d2i_X509(NULL, &at, (long)c->cert[i].der.len);
        if (p->cert[i] == NULL)
            return ERR_DOC_CHAIN;
        if (i > 0 && i + 1 < c->n && sk_X509_push(p->between, p->cert[i]) <= 0)
            return ERR_NOMEM;
    }
    if (X509_STORE_add_cert(p->anchors, p->cert[0]) != 1 ||
        X509_STORE_CTX_init(p->ctx, p->anchors, p->cert[c->n - 1], p->between) != 1)
        return ERR_NOMEM;
    return OK;
}

/* The path that OpenSSL found is the whole chain, in its order. */
static bool path_is(struct path *p, const struct chain *c)
{
    const STACK_OF(X509) *found = X509_STORE_CTX_get0_chain(p->ctx);
    if (found == NULL || sk_X509_num(found) != (int)c->n)
        return false;
    for (size_t i = 0; i < c->n; i++)
        if (X509_cmp(sk_X509_value(found, (int)(c->n - 1 - i)), p->cert[i]) != 0)
            return false;
    return true;
}

static err_t path_failed(struct path *p, const struct chain *c, struct why *why)
{
    int error = X509_STORE_CTX_get_error(p->ctx);
    int number = (int)c->n - X509_STORE_CTX_get_error_depth(p->ctx);
    if (error == X509_V_ERR_CERT_NOT_YET_VALID || error == X509_V_ERR_CERT_HAS_EXPIRED)
        return why_set(why, ERR_DOC_CERT_TIME, "certificate %d, root first: not valid at that time", number);
    if (error == X509_V_ERR_OUT_OF_MEM)
        return ERR_NOMEM;
    return why_set(why, ERR_DOC_CHAIN, "certificate %d, root first: %s", number, X509_verify_cert_error_string(error));
}

static err_t check_path(const struct chain *c, uint64_t seconds, struct why *why)
{
    AUTO(path_done) struct path p = {0};
    err_t e = path_open(&p, c);
    if (e != OK)
        return why_set(why, e, "the certificates cannot be read");
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(p.ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)seconds);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_MAX);
    if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE) != 1)
        return ERR_INTERNAL;
    if (X509_verify_cert(p.ctx) != 1)
        return path_failed(&p, c, why);
    return path_is(&p, c) ? OK : why_set(why, ERR_DOC_CHAIN, "the certificates are not one path in this order");
}

err_t chain_verify(const struct chain *c, uint64_t seconds, struct why *why)
{
    for (size_t i = 0; i + 1 < c->n; i++)
        TRY(check_authority(&c->cert[i], &c->cert[i + 1], i + 1, why));
    TRY(check_leaf(&c->cert[c->n - 1], why));
    return check_path(c, seconds, why);
}
