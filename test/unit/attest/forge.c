/* Certificates by OpenSSL, payloads by the writer under test or by the test itself. */
#include "forge.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define LIFE     .version = X509_VERSION_3, .from = FORGE_NOW - 3600, .to = FORGE_NOW + 3600
#define P384     .curve = "P-384", .digest = "SHA384"
#define SIGNS_CA "critical,digitalSignature,keyCertSign,cRLSign"

const struct forge_level forge_good[FORGE_LEVELS] = {
    {.name = "root",
     P384,
     .constraints = "critical,CA:TRUE",
     .usage = SIGNS_CA,
     .extra = "subjectKeyIdentifier=hash",
     LIFE},
    {.name = "authority", P384, .constraints = "critical,CA:TRUE,pathlen:0", .usage = "critical,keyCertSign", LIFE},
    {.name = "leaf", P384, .constraints = "critical,CA:FALSE", .usage = "digitalSignature,nonRepudiation", LIFE},
};

static void set_name(X509_NAME *name, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0), 1);
}

static void add_extension(X509 *c, const char *name, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, c, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, name, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(c, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void add_extra(X509 *c, const struct forge_level *l)
{
    char name[64];
    const char *value = strchr(l->extra, '=') + 1;
    (void)snprintf(name, sizeof(name), "%.*s", (int)(value - 1 - l->extra), l->extra);
    add_extension(c, name, value);
    if (l->extra_twice)
        add_extension(c, name, value);
}

static X509 *make(const struct forge_level *l, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer)
{
    X509 *c = X509_new();
    assert_non_null(c);
    assert_int_equal(X509_set_version(c, l->version), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), 4711), 1);
    set_name(X509_get_subject_name(c), l->name);
    set_name(X509_get_issuer_name(c), issuer);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(c), (time_t)l->from));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(c), (time_t)l->to));
    assert_int_equal(X509_set_pubkey(c, key), 1);
    if (l->constraints != NULL)
        add_extension(c, "basicConstraints", l->constraints);
    if (l->usage != NULL)
        add_extension(c, "keyUsage", l->usage);
    if (l->extra != NULL)
        add_extra(c, l);
    assert_true(X509_sign(c, signer, EVP_get_digestbyname(l->digest)) > 0);
    return c;
}

void forge_chain(struct forge *f, const struct forge_level levels[static FORGE_LEVELS])
{
    *f = (struct forge){0};
    for (size_t i = 0; i < FORGE_LEVELS; i++) {
        const struct forge_level *above = &levels[i > 0 ? i - 1 : 0];
        const char *issuer = levels[i].issuer != NULL ? levels[i].issuer : above->name;
        uint8_t *room = NULL;
        f->key[i] = EVP_EC_gen(levels[i].curve);
        assert_non_null(f->key[i]);
        X509 *c = make(&levels[i], issuer, f->key[i], f->key[i > 0 ? i - 1 : 0]);
        int len = i2d_X509(c, NULL);
        assert_true(len > 0);
        buf_init(&f->der[i], 4 * KIB);
        assert_ok(buf_reserve(&f->der[i], (size_t)len, &room));
        assert_int_equal(i2d_X509(c, &room), len);
        buf_commit(&f->der[i], (size_t)len);
        X509_free(c);
    }
}

void forge_done(struct forge *f)
{
    for (size_t i = 0; i < FORGE_LEVELS; i++) {
        EVP_PKEY_free(f->key[i]);
        buf_done(&f->der[i]);
    }
}

struct document forge_document(const struct forge *f)
{
    static uint8_t values[16][PCR_LEN];
    struct document d = {
        .module_id = text_view("i-0123456789abcdef0-enc0123456789abcdef"),
        .timestamp_ms = FORGE_NOW * 1000,
        .n_certs = FORGE_LEVELS,
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        memset(values[i], (int)i + 1, PCR_LEN);
        d.pcr[i] = view_of(values[i], PCR_LEN);
    }
    for (size_t i = 0; i < FORGE_LEVELS; i++)
        d.certs[i] = buf_view(&f->der[i]);
    return d;
}

void forge_sign_payload(const struct forge *f, struct view payload, struct buf *ret)
{
    uint8_t room[2 * DOCUMENT_MAX];
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    struct view written = {0};
    assert_ok(document_put_signed(payload, f->key[FORGE_LEVELS - 1], &w));
    assert_ok(cbor_written(&w, &written));
    assert_ok(buf_put_view(ret, written));
}

void forge_sign(const struct forge *f, const struct document *d, enum document_map map, struct buf *ret)
{
    uint8_t room[DOCUMENT_MAX];
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    struct view payload = {0};
    document_put_payload(d, map, &w);
    assert_ok(cbor_written(&w, &payload));
    forge_sign_payload(f, payload, ret);
}
