/* ES256 through OpenSSL, whose own form of a signature is DER and whose s may be either one. */
#include "receipt/es256.h"

#include "receipt/ecdsa.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#define HALF          (ES256_SIGNATURE_LEN / 2)
#define SPKI_HEAD_LEN (ES256_SPKI_LEN - ES256_POINT_LEN)

/* n, the order of the curve, and ⌊n / 2⌋ (SEC 2 §2.4.2). */
static const uint8_t order[HALF] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
};
static const uint8_t half_order[HALF] = {
    0x7F, 0xFF, 0xFF, 0xFF, 0x80, 0x00, 0x00, 0x00, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xDE, 0x73, 0x7D, 0x56, 0xD3, 0x8B, 0xCF, 0x42, 0x79, 0xDC, 0xE5, 0x61, 0x7E, 0x31, 0x92, 0xA8,
};

/* SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of 65 bytes } up to the point. */
static const uint8_t spki_head[SPKI_HEAD_LEN] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
    0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
};

/* a − b; whether it is not negative. */
static bool subtract(const uint8_t *a, const uint8_t *b, uint8_t *ret_difference)
{
    int borrow = 0;
    for (size_t i = HALF; i-- > 0;) {
        int digit = a[i] - b[i] - borrow;
        borrow = digit < 0;
        ret_difference[i] = (uint8_t)digit;
    }
    return borrow == 0;
}

static bool s_is_low(const uint8_t *s)
{
    uint8_t difference[HALF];
    return subtract(half_order, s, difference);
}

static void key_free_at(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void ctx_free_at(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static err_t es256_init(struct es256 *k, EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *))
{
    AUTO(ctx_free_at) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (ctx == NULL)
        return ERR_NOMEM;
    if (init(ctx) != 1)
        return ERR_INTERNAL;
    k->ctx = TAKE_PTR(ctx);
    return OK;
}

err_t es256_signer_init(struct es256 *k, EVP_PKEY *key)
{
    uint8_t point[ES256_POINT_LEN];
    TRY(es256_point(key, point));
    return es256_init(k, key, EVP_PKEY_sign_init);
}

err_t es256_verifier_init(struct es256 *k, const uint8_t point[static ES256_POINT_LEN])
{
    uint8_t spki[ES256_SPKI_LEN];
    const uint8_t *der = spki;
    es256_spki(point, spki);
    AUTO(key_free_at) EVP_PKEY *key = d2i_PUBKEY(NULL, &der, sizeof(spki));
    return key != NULL ? es256_init(k, key, EVP_PKEY_verify_init) : ERR_USAGE;
}

void es256_done(struct es256 *k)
{
    EVP_PKEY_CTX_free(k->ctx);
    k->ctx = NULL;
}

err_t es256_sign(struct es256 *k, const uint8_t digest[static SHA256_LEN],
                 uint8_t ret_signature[static ES256_SIGNATURE_LEN])
{
    uint8_t der[ECDSA_DER_MAX];
    size_t len = sizeof(der);
    if (EVP_PKEY_sign(k->ctx, der, &len, digest, SHA256_LEN) != 1 || len > sizeof(der)) /* -1: no memory for the DER */
        return ERR_INTERNAL;
    TRY(ecdsa_from_der(view_of(der, len), HALF, ret_signature));
    if (!s_is_low(ret_signature + HALF))
        (void)subtract(order, ret_signature + HALF, ret_signature + HALF);
    return OK;
}

err_t es256_verify(struct es256 *k, const uint8_t digest[static SHA256_LEN],
                   const uint8_t signature[static ES256_SIGNATURE_LEN])
{
    uint8_t der[ECDSA_DER_MAX];
    size_t len = 0;
    if (!s_is_low(signature + HALF))
        return ERR_RECEIPT_SIGNATURE;
    TRY(ecdsa_to_der(signature, HALF, der, &len));
    int verdict = EVP_PKEY_verify(k->ctx, der, len, digest, SHA256_LEN);
    return verdict == 1 ? OK : verdict == 0 ? ERR_RECEIPT_SIGNATURE : ERR_INTERNAL;
}

err_t es256_point(const EVP_PKEY *key, uint8_t ret_point[static ES256_POINT_LEN])
{
    char group[32] = "";
    uint8_t point[ES256_POINT_LEN];
    size_t len = 0;
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), &len) != 1 || strcmp(group, SN_X9_62_prime256v1) != 0)
        return ERR_USAGE;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1 ||
        len != sizeof(point) || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return ERR_USAGE;
    memcpy(ret_point, point, sizeof(point));
    return OK;
}

void es256_spki(const uint8_t point[static ES256_POINT_LEN], uint8_t ret_spki[static ES256_SPKI_LEN])
{
    memcpy(ret_spki, spki_head, SPKI_HEAD_LEN);
    memcpy(ret_spki + SPKI_HEAD_LEN, point, ES256_POINT_LEN);
}

static err_t es256_read_der(struct view der, uint8_t *ret_point)
{
    struct view head = {0};
    if (der.len != ES256_SPKI_LEN)
        return ERR_USAGE;
    TRY(view_take(&der, SPKI_HEAD_LEN, &head));
    if (!view_equal(head, view_of(spki_head, sizeof(spki_head))))
        return ERR_USAGE;
    return view_copy(&der, ret_point, ES256_POINT_LEN);
}

static err_t es256_read_pem(struct view pem, uint8_t *ret_point)
{
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    err_t e = ERR_USAGE;
    if (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &len) == 1 && strcmp(name, PEM_STRING_PUBLIC) == 0)
        e = es256_read_der(view_of(der, (size_t)len), ret_point);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return e;
}

err_t es256_read_public(struct view key, uint8_t ret_point[static ES256_POINT_LEN])
{
    if (key.len == ES256_POINT_LEN && key.data[0] == POINT_CONVERSION_UNCOMPRESSED) {
        memcpy(ret_point, key.data, ES256_POINT_LEN);
        return OK;
    }
    return key.len == ES256_SPKI_LEN ? es256_read_der(key, ret_point) : es256_read_pem(key, ret_point);
}
