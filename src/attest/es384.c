/* ES384 through OpenSSL, whose own form of a signature is DER. */
#include "attest/es384.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define HALF          (ES384_SIGNATURE_LEN / 2)
#define DER_MAX       104 /* two INTEGERs of 49 bytes in a SEQUENCE */
#define SPKI_HEAD_LEN (ES384_SPKI_LEN - ES384_POINT_LEN)

/* SEQUENCE { SEQUENCE { id-ecPublicKey, secp384r1 }, BIT STRING of 97 bytes, the first 04 }. */
static const uint8_t spki_head[SPKI_HEAD_LEN] = {
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02,
    0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
};

static void key_free_at(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void ctx_free_at(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void sig_free_at(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

err_t es384_sign(EVP_PKEY *key, const uint8_t digest[static SHA384_LEN],
                 uint8_t ret_signature[static ES384_SIGNATURE_LEN])
{
    uint8_t der[DER_MAX];
    const uint8_t *at = der;
    size_t len = sizeof(der);
    AUTO(ctx_free_at) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (ctx == NULL)
        return ERR_NOMEM;
    if (EVP_PKEY_get_bits(key) != 8 * HALF || EVP_PKEY_sign_init(ctx) != 1 ||
        EVP_PKEY_sign(ctx, der, &len, digest, SHA384_LEN) != 1)
        return ERR_INTERNAL;
    AUTO(sig_free_at) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    if (sig == NULL)
        return ERR_NOMEM;
    (void)BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_signature, HALF);
    (void)BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_signature + HALF, HALF);
    return OK;
}

/* The DER form; `ret_len` bytes of `ret_der`. */
static err_t signature_der(const uint8_t *signature, uint8_t ret_der[static DER_MAX], size_t *ret_len)
{
    AUTO(sig_free_at) ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, HALF, NULL);
    BIGNUM *s = BN_bin2bn(signature + HALF, HALF, NULL);
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

err_t es384_verify(const uint8_t point[static ES384_POINT_LEN], const uint8_t digest[static SHA384_LEN],
                   const uint8_t signature[static ES384_SIGNATURE_LEN])
{
    uint8_t spki[ES384_SPKI_LEN];
    uint8_t der[DER_MAX];
    const uint8_t *at = spki;
    size_t len = 0;
    memcpy(spki, spki_head, SPKI_HEAD_LEN);
    memcpy(spki + SPKI_HEAD_LEN, point, ES384_POINT_LEN);
    AUTO(key_free_at) EVP_PKEY *key = d2i_PUBKEY(NULL, &at, sizeof(spki));
    if (key == NULL)
        return ERR_DOC_CERTIFICATE;
    AUTO(ctx_free_at) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (ctx == NULL)
        return ERR_NOMEM;
    TRY(signature_der(signature, der, &len));
    if (EVP_PKEY_verify_init(ctx) != 1)
        return ERR_INTERNAL;
    return EVP_PKEY_verify(ctx, der, len, digest, SHA384_LEN) == 1 ? OK : ERR_DOC_SIGNATURE;
}

err_t es384_spki_point(struct view spki, struct view *ret_point)
{
    struct view head = {0};
    if (spki.len != ES384_SPKI_LEN)
        return ERR_MALFORMED;
    TRY(view_take(&spki, SPKI_HEAD_LEN, &head));
    if (!view_equal(head, view_of(spki_head, sizeof(spki_head))) || spki.data[0] != POINT_CONVERSION_UNCOMPRESSED)
        return ERR_MALFORMED;
    *ret_point = spki;
    return OK;
}
