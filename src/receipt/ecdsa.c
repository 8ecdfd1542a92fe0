/* Through OpenSSL's ECDSA_SIG. */
#include "receipt/ecdsa.h"

#include <openssl/ec.h>

static void sig_free_at(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

err_t ecdsa_to_der(const uint8_t *signature, size_t part, uint8_t ret_der[static ECDSA_DER_MAX], size_t *ret_len)
{
    AUTO(sig_free_at) ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)part, NULL);
    BIGNUM *s = BN_bin2bn(signature + part, (int)part, NULL);
    if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return ERR_NOMEM;
    }
    int len = i2d_ECDSA_SIG(sig, &ret_der);
    if (len <= 0)
        return ERR_NOMEM;
    *ret_len = (size_t)len;
    return OK;
}

err_t ecdsa_from_der(struct view der, size_t part, uint8_t *ret_signature)
{
    const uint8_t *at = der.data;
    AUTO(sig_free_at) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    if (sig == NULL)
        return ERR_NOMEM;
    (void)BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_signature, (int)part);
    (void)BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_signature + part, (int)part);
    return OK;
}
