/* Key generation, the keyset and the one thing that the TLS key signs after start. */
#include "keeper/keys.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "keeper/certificate.h"
#include "receipt/cbor.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
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

static err_t spki_digest(EVP_PKEY *key, uint8_t ret_digest[static DIGEST_LEN])
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    if (n <= 0)
        return ERR_INTERNAL;
    err_t e = sha256_of(der, (size_t)n, ret_digest);
    OPENSSL_free(der);
    return e;
}

/* The keyset (docs/receipts.md, "Keyset"): what a document will bind and what every statement names by digest. */
static err_t keyset_digest(struct keys *k, uint64_t not_after)
{
    uint8_t tls_spki[DIGEST_LEN];
    uint8_t bytes[KEYSET_MAX];
    struct cbor_writer w = cbor_writer_on(bytes, sizeof(bytes));
    TRY(spki_digest(k->tls, tls_spki));
    cbor_put_map(&w, 4);
    cbor_put_uint(&w, 1);
    cbor_put_uint(&w, 1);
    cbor_put_uint(&w, 2);
    cbor_put_bytes(&w, view_of(tls_spki, sizeof(tls_spki)));
    cbor_put_uint(&w, 3);
    cbor_put_bytes(&w, view_of(k->receipt_point, P256_POINT_LEN));
    cbor_put_uint(&w, 5);
    cbor_put_uint(&w, not_after);
    struct view keyset = {0};
    TRY(cbor_written(&w, &keyset));
    return sha256_of(keyset.data, keyset.len, k->keyset_digest);
}

static err_t new_signer(struct keys *k)
{
    k->tls_signer = EVP_PKEY_CTX_new_from_pkey(NULL, k->tls, NULL);
    if (k->tls_signer == NULL)
        return ERR_NOMEM;
    if (EVP_PKEY_sign_init(k->tls_signer) != 1 || EVP_PKEY_CTX_set_signature_md(k->tls_signer, EVP_sha256()) != 1)
        return ERR_INTERNAL;
    return OK;
}

err_t keys_init(struct keys *k, struct view names, uint64_t not_after)
{
    *k = (struct keys){0};
    buf_init(&k->certificate, CERT_MAX);
    if (CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_BLOCK) != 1)
        return ERR_NOT_PERMITTED;
    TRY(new_key(&k->tls));
    TRY(new_key(&k->receipt));
    TRY(public_point(k->receipt, k->receipt_point));
    TRY(certificate_make(k->tls, names, clock_wall_us() / 1000000, not_after, &k->certificate));
    TRY(keyset_digest(k, not_after));
    return new_signer(k);
}

void keys_done(struct keys *k)
{
    EVP_PKEY_CTX_free(k->tls_signer);
    EVP_PKEY_free(k->tls);
    EVP_PKEY_free(k->receipt);
    buf_done(&k->certificate);
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
