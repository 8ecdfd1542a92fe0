/* One certificate. What is taken must mean the same to OpenSSL, if that takes it too. */
#include "attest/cert.h"

#include <assert.h>
#include <openssl/x509v3.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t seconds_of(const ASN1_TIME *t)
{
    struct tm tm = {0};
    int ok = ASN1_TIME_to_tm(t, &tm);
    assert(ok == 1);
    return (uint64_t)timegm(&tm);
}

static void compare(X509 *x, const struct cert *c)
{
    uint32_t usage = X509_get_key_usage(x);
    assert(X509_get_version(x) == X509_VERSION_3);
    assert(seconds_of(X509_get0_notBefore(x)) == c->not_before);
    assert(seconds_of(X509_get0_notAfter(x)) == c->not_after);
    if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
        return;
    assert(((X509_get_extension_flags(x) & EXFLAG_CA) != 0) == c->ca);
    assert(c->usage == 0 || (usage & 0xFF) == c->usage);
    assert((X509_get_extension_flags(x) & EXFLAG_CRITICAL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    struct cert c;
    struct why why;
    if (cert_read(view_of(data, size), &c, &why) != OK)
        return 0;
    X509 *x = d2i_X509(NULL, &at, (long)size);
    if (x != NULL)
        compare(x, &c);
    X509_free(x);
    return 0;
}
