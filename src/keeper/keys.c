/* Key generation, the keyset, and what the TLS key and the RSA key sign after start. */
#include "keeper/keys.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "keeper/certificate.h"
#include "receipt/cbor.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define SECURE_HEAP  (64 * KIB)
#define SECURE_BLOCK 16

static err_t new_key(EVP_PKEY **ret)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        return ERR_INTERNAL;
    *ret = key;
    return OK;
}

static err_t public_point(EVP_PKEY *key, uint8_t ret_point[static P256_POINT_LEN])
{
    size_t n = 0;
    if (EVP_PKEY_get_octet_string_param(key, "pub", ret_point, P256_POINT_LEN, &n) != 1 || n != P256_POINT_LEN ||
        ret_point[0] != 4)
        return ERR_INTERNAL;
    return OK;
}

static err_t new_rsa(EVP_PKEY **ret)
{
    EVP_PKEY *key = EVP_RSA_gen(RSA_SIGNATURE * 8);
    if (key == NULL)
        return ERR_INTERNAL;
    *ret = key;
    return OK;
}

static err_t spki_of(EVP_PKEY *key, uint8_t ret_der[static RSA_SPKI_MAX], size_t *ret_len)
{
    int n = i2d_PUBKEY(key, NULL);
    if (n <= 0 || n > RSA_SPKI_MAX || i2d_PUBKEY(key, &ret_der) != n)
        return ERR_INTERNAL;
    *ret_len = (size_t)n;
    return OK;
}

/* The keyset (docs/receipts.md, "Keyset"): what documents bind and what every statement names by digest. */
static err_t make_keyset(struct keys *k, uint64_t not_after)
{
    uint8_t spki[RSA_SPKI_MAX], tls_digest[DIGEST_LEN], rsa_digest[DIGEST_LEN];
    size_t n = 0;
    struct cbor_writer w = cbor_writer_on(k->keyset, sizeof(k->keyset));
    struct view keyset = {0};
    TRY(spki_of(k->tls, spki, &n));
    TRY(sha256_of(spki, n, tls_digest));
    TRY(spki_of(k->rsa, k->rsa_spki, &k->rsa_spki_len));
    TRY(sha256_of(k->rsa_spki, k->rsa_spki_len, rsa_digest));
    cbor_put_map(&w, 5);
    cbor_put_uint(&w, 1);
    cbor_put_uint(&w, 1);
    cbor_put_uint(&w, 2);
    cbor_put_bytes(&w, view_of(tls_digest, sizeof(tls_digest)));
    cbor_put_uint(&w, 3);
    cbor_put_bytes(&w, view_of(k->receipt_point, P256_POINT_LEN));
    cbor_put_uint(&w, 4);
    cbor_put_bytes(&w, view_of(rsa_digest, sizeof(rsa_digest)));
    cbor_put_uint(&w, 5);
    cbor_put_uint(&w, not_after);
    TRY(cbor_written(&w, &keyset));
    k->keyset_len = keyset.len;
    return sha256_of(keyset.data, keyset.len, k->keyset_digest);
}

static err_t new_signer(EVP_PKEY *key, EVP_PKEY_CTX **ret)
{
    *ret = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (*ret == NULL)
        return ERR_NOMEM;
    bool ok = EVP_PKEY_sign_init(*ret) == 1 && EVP_PKEY_CTX_set_signature_md(*ret, EVP_sha256()) == 1;
    return ok ? OK : ERR_INTERNAL;
}

static err_t use_pss(EVP_PKEY_CTX *signer)
{
    bool ok = EVP_PKEY_CTX_set_rsa_padding(signer, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(signer, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(signer, RSA_PSS_SALTLEN_DIGEST) == 1;
    return ok ? OK : ERR_INTERNAL;
}

err_t keys_init(struct keys *k, struct view names, uint64_t not_after)
{
    *k = (struct keys){0};
    buf_init(&k->certificate, CERT_MAX);
    buf_init(&k->request, CERT_MAX);
    if (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_BLOCK) != 1)
        return ERR_NOT_PERMITTED;
    TRY(new_key(&k->tls));
    TRY(new_key(&k->receipt));
    TRY(new_rsa(&k->rsa));
    TRY(public_point(k->receipt, k->receipt_point));
    TRY(certificate_make(k->tls, names, clock_wall_us() / 1000000, not_after, &k->certificate));
    TRY(certificate_request(k->tls, names, &k->request));
    TRY(make_keyset(k, not_after));
    TRY(new_signer(k->tls, &k->tls_signer));
    TRY(new_signer(k->rsa, &k->rsa_signer));
    return use_pss(k->rsa_signer);
}

void keys_done(struct keys *k)
{
    EVP_PKEY_CTX_free(k->tls_signer);
    EVP_PKEY_CTX_free(k->rsa_signer);
    EVP_PKEY_free(k->tls);
    EVP_PKEY_free(k->rsa);
    EVP_PKEY_free(k->receipt);
    buf_done(&k->certificate);
    buf_done(&k->request);
    *k = (struct keys){0};
}

static bool is_certificate_verify(struct view text)
{
    static const char context[] = "TLS 1.3, server CertificateVerify"; /* its NUL is the separator */
    if (text.len != 64 + sizeof(context) + 32 && text.len != 64 + sizeof(context) + 48)
        return false;
    for (size_t i = 0; i < 64; i++)
        if (text.data[i] != 0x20)
            return false;
    return view_equal(view_of(text.data + 64, sizeof(context)), view_of(context, sizeof(context)));
}

err_t keys_sign_handshake(struct keys *k, struct view text, uint8_t *ret_der, size_t *ret_len)
{
    size_t n = 80;
    uint8_t digest[SHA256_LEN];
    if (!is_certificate_verify(text))
        return ERR_NOT_PERMITTED;
    TRY(sha256_of(text.data, text.len, digest));
    if (EVP_PKEY_sign(k->tls_signer, ret_der, &n, digest, sizeof(digest)) != 1)
        return ERR_INTERNAL;
    *ret_len = n;
    return OK;
}

err_t keys_sign_settlement(struct keys *k, const uint8_t message[static DIGEST_LEN],
                           uint8_t ret_signature[static RSA_SIGNATURE])
{
    size_t n = RSA_SIGNATURE;
    uint8_t digest[SHA256_LEN];
    TRY(sha256_of(message, DIGEST_LEN, digest));
    bool ok = EVP_PKEY_sign(k->rsa_signer, ret_signature, &n, digest, sizeof(digest)) == 1 && n == RSA_SIGNATURE;
    return ok ? OK : ERR_INTERNAL;
}
