/* Building one X.509 certificate with OpenSSL. */
#include "keeper/certificate.h"

#include <openssl/bn.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#define ORGANIZATION "AWS Nitro enclave application"

static void free_certificate(X509 **c)
{
    X509_free(*c);
}

static void free_names(GENERAL_NAMES **n)
{
    GENERAL_NAMES_free(*n);
}

static err_t set_serial(X509 *c)
{
    uint8_t bytes[16];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return ERR_INTERNAL;
    bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and always the same length */
    BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c)) != NULL;
    BN_free(n);
    return ok ? OK : ERR_NOMEM;
}

static err_t fill_subject(X509_NAME *name)
{
    int ok = X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)ORGANIZATION, -1, -1, 0);
    return ok == 1 ? OK : ERR_NOMEM;
}

static err_t set_subject(X509 *c)
{
    X509_NAME *name = X509_get_subject_name(c);
    TRY(fill_subject(name));
    return X509_set_issuer_name(c, name) == 1 ? OK : ERR_NOMEM;
}

static err_t set_times(X509 *c, uint64_t from, uint64_t to)
{
    if (ASN1_TIME_set(X509_getm_notBefore(c), (time_t)from) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(c), (time_t)to) == NULL)
        return ERR_NOMEM;
    return OK;
}

static err_t add_name(GENERAL_NAMES *list, const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
    ASN1_IA5STRING *host = address == NULL ? ASN1_IA5STRING_new() : NULL;
    if (address != NULL && name != NULL) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, address);
    } else if (host != NULL && name != NULL && ASN1_STRING_set(host, text, -1) == 1) {
        GENERAL_NAME_set0_value(name, GEN_DNS, host);
    } else {
        ASN1_OCTET_STRING_free(address);
        ASN1_IA5STRING_free(host);
        GENERAL_NAME_free(name);
        return ERR_NOMEM;
    }
    if (sk_GENERAL_NAME_push(list, name) > 0)
        return OK;
    GENERAL_NAME_free(name);
    return ERR_NOMEM;
}

static err_t add_names(GENERAL_NAMES *list, struct view names)
{
    while (names.len > 0) {
        const char *text = (const char *)names.data;
        size_t n = strnlen(text, names.len);
        struct view skip = {0};
        if (n == 0 || n == names.len)
            return ERR_MALFORMED;
        TRY(add_name(list, text));
        TRY(view_take(&names, n + 1, &skip));
    }
    return OK;
}

static err_t set_names(X509 *c, struct view names)
{
    AUTO(free_names) GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    if (list == NULL)
        return ERR_NOMEM;
    TRY(add_names(list, names));
    return X509_add1_ext_i2d(c, NID_subject_alt_name, list, 0, 0) == 1 ? OK : ERR_NOMEM;
}

static err_t add_extension(X509 *c, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = e != NULL && X509_add_ext(c, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok ? OK : ERR_NOMEM;
}

static err_t set_usage(X509 *c)
{
    TRY(add_extension(c, NID_key_usage, "critical,digitalSignature"));
    TRY(add_extension(c, NID_ext_key_usage, "serverAuth"));
    return add_extension(c, NID_basic_constraints, "critical,CA:FALSE");
}

/* What OpenSSL encoded: its length and its bytes, which are freed. */
static err_t put_der(int n, unsigned char *der, struct buf *out)
{
    if (n <= 0)
        return ERR_INTERNAL;
    err_t e = buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
    return e;
}

err_t certificate_make(EVP_PKEY *key, struct view names, uint64_t from, uint64_t to, struct buf *out)
{
    AUTO(free_certificate) X509 *c = X509_new();
    unsigned char *der = NULL;
    if (c == NULL || X509_set_version(c, X509_VERSION_3) != 1 || X509_set_pubkey(c, key) != 1)
        return ERR_NOMEM;
    TRY(set_serial(c));
    TRY(set_subject(c));
    TRY(set_times(c, from, to));
    TRY(set_usage(c));
    TRY(set_names(c, names));
    if (X509_sign(c, key, EVP_sha256()) <= 0)
        return ERR_INTERNAL;
    int n = i2d_X509(c, &der);
    return put_der(n, der, out);
}

/* ── a request for another one ── */

static void free_request(X509_REQ **r)
{
    X509_REQ_free(*r);
}

static void free_extensions(STACK_OF(X509_EXTENSION) * *list)
{
    sk_X509_EXTENSION_pop_free(*list, X509_EXTENSION_free);
}

static err_t ask_names(X509_REQ *r, struct view names)
{
    AUTO(free_names) GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    AUTO(free_extensions) STACK_OF(X509_EXTENSION) *extensions = NULL;
    if (list == NULL)
        return ERR_NOMEM;
    TRY(add_names(list, names));
    bool ok = X509V3_add1_i2d(&extensions, NID_subject_alt_name, list, 0, 0) == 1 &&
              X509_REQ_add_extensions(r, extensions) == 1;
    return ok ? OK : ERR_NOMEM;
}

err_t certificate_request(EVP_PKEY *key, struct view names, struct buf *out)
{
    AUTO(free_request) X509_REQ *r = X509_REQ_new();
    unsigned char *der = NULL;
    if (r == NULL || X509_REQ_set_version(r, X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(r, key) != 1)
        return ERR_NOMEM;
    TRY(fill_subject(X509_REQ_get_subject_name(r)));
    TRY(ask_names(r, names));
    if (X509_REQ_sign(r, key, EVP_sha256()) <= 0)
        return ERR_INTERNAL;
    int n = i2d_X509_REQ(r, &der);
    return put_der(n, der, out);
}
