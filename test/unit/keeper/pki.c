/* As an authority would, with as little in them as there may be. */
#include "pki.h"
#include "unit.h"

#include <openssl/x509v3.h>

static void put_name(X509_NAME *name, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0), 1);
}

void pki_put(struct buf *out, const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer)
{
    X509 *x = X509_new();
    unsigned char *der = NULL;
    X509V3_CTX ctx;
    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 7), 1);
    put_name(X509_get_subject_name(x), subject);
    put_name(X509_get_issuer_name(x), issuer);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), 1700000000));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), 1800000000));
    assert_int_equal(X509_set_pubkey(x, key), 1);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, "critical,CA:TRUE");
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
    assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
    int n = i2d_X509(x, &der);
    assert_true(n > 0);
    assert_ok(buf_put(out, der, (size_t)n));
    OPENSSL_free(der);
    X509_free(x);
}
