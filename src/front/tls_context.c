/* Setting up OpenSSL, and using all of it once. */
#include "front/tls_context.h"

#include "base/mem.h"
#include "front/pool.h"
#include "front/provider.h"
#include "front/tls.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define ALPN_PROTOCOLS "\x02h2\x08http/1.1"

/* The groups in the order of preference; the first list is for an OpenSSL that has ML-KEM (3.5). */
static const char *const group_lists[] = {"X25519MLKEM768:X25519:P-256:P-384", "X25519:P-256:P-384"};
static const char *const groups[] = {"X25519MLKEM768", "X25519", "P-256", "P-384"};
/* OpenSSL's own choice, which we leave as it is. */
static const char *const suites[] = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                                     "TLS_AES_128_GCM_SHA256"};

/* ── once per process ── */

/* Blocks for one record, which OpenSSL takes for each read and each write and gives back at once
   (SSL_MODE_RELEASE_BUFFERS). The heap would cut each from a larger block and join it again. */
#define RECORD_MIN   (16 * KIB)
#define RECORD_MAX   (17 * KIB)
#define RECORD_KEEP  4
#define RECORD_SLACK 64 /* what the heap adds */
static struct pool records = {.size = RECORD_MAX, .keep = RECORD_KEEP};

/* OpenSSL does not survive every failed allocation (3.0.22 frees a session of its cache twice), so the process ends
   instead; the supervisor starts another one. */
static void *not_null(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static void *ssl_alloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return not_null(n > RECORD_MIN && n <= RECORD_MAX ? pool_take(&records) : mem_resize(NULL, n));
}

static void *ssl_resize(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    if (n > 0)
        return not_null(mem_resize(p, n));
    mem_free(p);
    return NULL;
}

static void ssl_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    size_t size = p != NULL ? mem_size(p) : 0;
    if (size >= RECORD_MAX && size < RECORD_MAX + RECORD_SLACK)
        pool_give(&records, p);
    else
        mem_free(p);
}

err_t tls_setup(void)
{
    if (!CRYPTO_set_mem_functions(ssl_alloc, ssl_resize, ssl_free))
        return ERR_SELF_TEST;
    if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_NO_ATEXIT, NULL))
        return ERR_SELF_TEST;
    return provider_setup();
}

/* ── the server's context ── */

/* OpenSSL's own macros for this cast `const` away in a way that clang refuses. */
static bool set_list(SSL_CTX *ctx, int command, const char *list)
{
    return SSL_CTX_ctrl(ctx, command, 0, (void *)(uintptr_t)list) == 1;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len, const unsigned char *offered,
                           unsigned len, void *self)
{
    static const uint8_t ours[] = ALPN_PROTOCOLS;
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)self;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof(ours) - 1, offered, len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_groups(SSL_CTX *ctx)
{
    for (size_t i = 0; i < COUNT_OF(group_lists); i++)
        if (set_list(ctx, SSL_CTRL_SET_GROUPS_LIST, group_lists[i]))
            return true;
    return false;
}

static err_t configure(SSL_CTX *ctx)
{
    static const uint8_t session_context[] = "veronnx";
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) || !set_groups(ctx) ||
        !set_list(ctx, SSL_CTRL_SET_SIGALGS_LIST, "ECDSA+SHA256"))
        return ERR_SELF_TEST;
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                    SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
    (void)SSL_CTX_sess_set_cache_size(ctx, SESSION_COUNT);
    (void)SSL_CTX_set_timeout(ctx, SESSION_SECONDS);
    if (!SSL_CTX_set_num_tickets(ctx, 1) || !SSL_CTX_set_max_early_data(ctx, 0) ||
        !SSL_CTX_set_session_id_context(ctx, session_context, sizeof(session_context) - 1))
        return ERR_SELF_TEST;
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return OK;
}

static void x509_free(X509 **x)
{
    X509_free(*x);
}

static err_t read_certificate(struct view *chain, X509 **ret)
{
    const unsigned char *der = chain->data;
    *ret = d2i_X509(NULL, &der, (long)chain->len);
    if (*ret == NULL)
        return ERR_SELF_TEST;
    *chain = view_of(der, (size_t)(chain->data + chain->len - der));
    return OK;
}

static err_t add_issuers(SSL_CTX *ctx, struct view chain)
{
    while (chain.len > 0) {
        AUTO(x509_free) X509 *x = NULL;
        TRY(read_certificate(&chain, &x));
        if (SSL_CTX_add1_chain_cert(ctx, x) != 1)
            return ERR_SELF_TEST;
    }
    return OK;
}

err_t tls_context(struct signer *signer, struct view chain, EVP_PKEY **ret_key, SSL_CTX **ret_ctx)
{
    uint8_t point[POINT_LEN];
    size_t len = 0;
    AUTO(x509_free) X509 *x = NULL;
    TRY(read_certificate(&chain, &x));
    if (!EVP_PKEY_get_octet_string_param(X509_get0_pubkey(x), OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) ||
        len != POINT_LEN)
        return ERR_SELF_TEST;
    TRY(provider_key(signer, point, ret_key));
    *ret_ctx = SSL_CTX_new(TLS_server_method());
    if (*ret_ctx == NULL)
        return ERR_NOMEM;
    TRY(configure(*ret_ctx));
    if (SSL_CTX_use_cert_and_key(*ret_ctx, x, *ret_key, NULL, 1) != 1)
        return ERR_SELF_TEST;
    return add_issuers(*ret_ctx, chain);
}

/* ── handshakes with itself ── */

struct pair {
    SSL_CTX *ctx; /* the client's */
    SSL *server;
    SSL *client;
    SSL_SESSION *session;
};

/* Without the mark of an orderly end OpenSSL forgets the session. */
static void side_close(SSL **side)
{
    if (*side != NULL)
        SSL_set_shutdown(*side, SSL_SENT_SHUTDOWN);
    SSL_free(*side);
    *side = NULL;
}

static void pair_close(struct pair *p)
{
    side_close(&p->server);
    side_close(&p->client);
}

static void pair_done(struct pair *p)
{
    pair_close(p);
    SSL_SESSION_free(p->session);
    SSL_CTX_free(p->ctx);
}

static err_t pair_open(struct pair *p, SSL_CTX *server)
{
    BIO *ends[2] = {NULL, NULL};
    p->server = SSL_new(server);
    p->client = SSL_new(p->ctx);
    if (p->server == NULL || p->client == NULL || !BIO_new_bio_pair(&ends[0], 0, &ends[1], 0))
        return ERR_NOMEM;
    SSL_set_bio(p->server, ends[0], ends[0]);
    SSL_set_bio(p->client, ends[1], ends[1]);
    SSL_set_accept_state(p->server);
    SSL_set_connect_state(p->client);
    return p->session == NULL || SSL_set_session(p->client, p->session) ? OK : ERR_SELF_TEST;
}

/* A record each way; the client also takes the session that the server sends after the handshake. */
static bool pair_talk(struct pair *p)
{
    char bytes[4];
    return SSL_write(p->client, "ping", 4) == 4 && SSL_read(p->server, bytes, 4) == 4 &&
           SSL_write(p->server, "pong", 4) == 4 && SSL_read(p->client, bytes, 4) == 4;
}

static err_t pair_handshake(struct pair *p)
{
    int client = 0;
    int server = 0;
    for (int flight = 0; flight < 4 && (client != 1 || server != 1); flight++) {
        client = SSL_do_handshake(p->client);
        server = SSL_do_handshake(p->server);
    }
    return client == 1 && server == 1 && pair_talk(p) ? OK : ERR_SELF_TEST;
}

static err_t try_one(struct pair *p, SSL_CTX *server, const char *group, const char *suite)
{
    if (!SSL_CTX_set_ciphersuites(p->ctx, suite) || !set_list(p->ctx, SSL_CTRL_SET_GROUPS_LIST, group))
        return ERR_SELF_TEST;
    TRY(pair_open(p, server));
    return pair_handshake(p);
}

err_t tls_context_try(SSL_CTX *ctx)
{
    AUTO(pair_done) struct pair p = {.ctx = SSL_CTX_new(TLS_client_method())};
    if (p.ctx == NULL)
        return ERR_NOMEM;
    size_t first = set_list(p.ctx, SSL_CTRL_SET_GROUPS_LIST, groups[0]) ? 0 : 1;
    for (size_t i = first; i < COUNT_OF(groups); i++) {
        pair_close(&p);
        TRY(try_one(&p, ctx, groups[i], suites[i % COUNT_OF(suites)]));
    }
    p.session = SSL_get1_session(p.client);
    pair_close(&p);
    TRY(pair_open(&p, ctx));
    TRY(pair_handshake(&p));
    return SSL_session_reused(p.client) ? OK : ERR_SELF_TEST;
}
