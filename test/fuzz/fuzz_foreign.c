/* Certificates that are installed. What is taken has the names and the key that OpenSSL finds, if it takes it too. */
#include "keeper/foreign.h"

#include <assert.h>
#include <openssl/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare_name(const X509_NAME *name, struct view ours)
{
    unsigned char *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    assert(len > 0 && view_equal(ours, view_of(der, (size_t)len)));
    OPENSSL_free(der);
}

/* As keys, because OpenSSL also reads what is not DER inside. */
static void compare_key(const EVP_PKEY *key, struct view ours)
{
    const unsigned char *at = ours.data;
    EVP_PKEY *same = d2i_PUBKEY(NULL, &at, (long)ours.len);
    assert(same == NULL || key == NULL || EVP_PKEY_eq(same, key) == 1);
    EVP_PKEY_free(same);
}

static void compare(X509 *x, const struct foreign *c)
{
    assert(X509_get_version(x) == X509_VERSION_3);
    compare_name(X509_get_issuer_name(x), c->issuer);
    compare_name(X509_get_subject_name(x), c->subject);
    compare_key(X509_get0_pubkey(x), c->spki);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t no_key[1];
    struct view rest = view_of(data, size);
    struct foreign c = {0};
    size_t leaf = 0;
    err_t e = foreign_check(rest, view_of(no_key, sizeof(no_key)), &leaf);
    assert(e == ERR_CERTIFICATE_MALFORMED || e == ERR_CERTIFICATE_KEY);
    while (foreign_read(&rest, &c) == OK) {
        const unsigned char *at = c.der.data;
        X509 *x = d2i_X509(NULL, &at, (long)c.der.len);
        if (x != NULL)
            compare(x, &c);
        X509_free(x);
        e = foreign_check(view_of(c.der.data, c.der.len + rest.len), c.spki, &leaf);
        assert(e != ERR_CERTIFICATE_KEY && (e != OK || leaf == c.der.len));
    }
    return 0;
}
