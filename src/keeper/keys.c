/* Key generation, the keyset, and what the TLS key and the RSA key sign after start. */
#include "keeper/keys.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "keeper/certificate.h"

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

static err_t new_rsa(EVP_PKEY **ret)
{
    EVP_PKEY *key = EVP_RSA_gen(RSA_SIGNATURE * 8);
    if (key == NULL)
        return ERR_INTERNAL;
    *ret = key;
    return OK;
}

static err_t describe_tls(struct keys *k)
{
    uint8_t point[ES256_POINT_LEN];
    TRY(es256_point(k->tls, point));
    es256_spki(point, k->tls_spki);
    return OK;
}

static err_t describe_rsa(struct keys *k)
{
    uint8_t *at = k->rsa_spki;
    int n = i2d_PUBKEY(k->rsa, NULL);
    if (n <= 0 || n > RSA_SPKI_MAX || i2d_PUBKEY(k->rsa, &at) != n)
        return ERR_INTERNAL;
    k->rsa_spki_len = (size_t)n;
    return OK;
}

/* What documents bind and what every statement names by digest. */
static err_t make_keyset(struct keys *k, uint64_t not_after)
{
    struct keyset set = {.has_rsa = true, .not_after = not_after};
    memcpy(set.receipt_point, k->receipt_point, sizeof(set.receipt_point));
    TRY(sha256_of(k->tls_spki, sizeof(k->tls_spki), set.tls_spki));
    TRY(sha256_of(k->rsa_spki, k->rsa_spki_len, set.rsa_spki));
    TRY(keyset_encode(&set, k->keyset, &k->keyset_len));
    return sha256_of(k->keyset, k->keyset_len, k->keyset_digest);
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
    TRY(es256_point(k->receipt, k->receipt_point));
    TRY(describe_tls(k));
    TRY(describe_rsa(k));
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
    if (EVP_PKEY_sign(k->tls_signer, ret_der, &n, digest, sizeof(digest)) != 1 || n > 80) /* -1: no memory for the DER */
        return ERR_INTERNAL;
    *ret_len = n;
    return OK;
}

err_t keys_sign_settlement(struct keys *k, const uint8_t message[static DIGEST_LEN],
                           uint8_t ret_signature[static RSA_SIGNATURE])
{
    size_t n = RSA_SIGNATURE;
    uint8_t digest[SHA256_LEN];
    if (!rate_allows(&k->settlements, SETTLEMENTS_A_SECOND, clock_mono_ms()))
        return ERR_OVERLOADED;
    k->settlements.count++;
    TRY(sha256_of(message, DIGEST_LEN, digest));
    bool ok = EVP_PKEY_sign(k->rsa_signer, ret_signature, &n, digest, sizeof(digest)) == 1 && n == RSA_SIGNATURE;
    return ok ? OK : ERR_INTERNAL;
}
