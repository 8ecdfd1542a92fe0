/* ES384 through OpenSSL, whose own form of a signature is DER. */
#include "attest/es384.h"

#include "receipt/ecdsa.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#define HALF          (ES384_SIGNATURE_LEN / 2)
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

err_t es384_sign(EVP_PKEY *key, const uint8_t digest[static SHA384_LEN],
                 uint8_t ret_signature[static ES384_SIGNATURE_LEN])
{
    uint8_t der[ECDSA_DER_MAX];
    size_t len = sizeof(der);
    AUTO(ctx_free_at) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (ctx == NULL)
        return ERR_NOMEM;
    if (EVP_PKEY_get_bits(key) != 8 * HALF || EVP_PKEY_sign_init(ctx) != 1 ||
        EVP_PKEY_sign(ctx, der, &len, digest, SHA384_LEN) != 1 || len > sizeof(der)) /* -1: no memory for the DER */
        return ERR_INTERNAL;
    return ecdsa_from_der(view_of(der, len), HALF, ret_signature);
}

err_t es384_verify(const uint8_t point[static ES384_POINT_LEN], const uint8_t digest[static SHA384_LEN],
                   const uint8_t signature[static ES384_SIGNATURE_LEN])
{
    uint8_t spki[ES384_SPKI_LEN];
    uint8_t der[ECDSA_DER_MAX];
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
    TRY(ecdsa_to_der(signature, HALF, der, &len));
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
