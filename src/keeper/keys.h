/* The keys of one boot: TLS P-256, receipt P-256 and settlement RSA-2048, born here and never written anywhere. */
#ifndef VERONNX_KEEPER_KEYS_H
#define VERONNX_KEEPER_KEYS_H

#include "base/buf.h"
#include "keeper/rate.h"
#include "receipt/keyset.h"
#include "wire/msg.h"

#include <openssl/evp.h>

#define RSA_SPKI_MAX 512
#define SETTLEMENTS_A_SECOND 200 /* a tenth of the keeper's time, or two, whoever asks for them */

struct keys {
    EVP_PKEY *tls;
    EVP_PKEY *receipt;
    EVP_PKEY *rsa;
    EVP_PKEY_CTX *tls_signer; /* ready to sign a SHA-256 digest, reused for every handshake */
    EVP_PKEY_CTX *rsa_signer; /* the same with PSS */
    struct rate settlements;
    uint8_t receipt_point[ES256_POINT_LEN];
    uint8_t tls_spki[ES256_SPKI_LEN]; /* SubjectPublicKeyInfo, DER, like the next */
    uint8_t rsa_spki[RSA_SPKI_MAX];
    size_t rsa_spki_len;
    uint8_t keyset[KEYSET_MAX]; /* CBOR (docs/receipts.md, "Keyset") */
    size_t keyset_len;
    uint8_t keyset_digest[DIGEST_LEN];
    struct buf certificate; /* DER */
    struct buf request;     /* for another one: PKCS #10, DER */
};

/* Makes the keys and the self-signed certificate for `names` (host names and addresses, each closed by NUL) that ends at
   `not_after` (Unix seconds). Private numbers lie in OpenSSL's locked heap. Call before the jail. */
err_t keys_init(struct keys *k, struct view names, uint64_t not_after);
void keys_done(struct keys *k);

/* Signs with the TLS key, but only a TLS 1.3 server CertificateVerify text (RFC 8446 §4.4.3): 64 spaces, the context string,
   a zero byte and a hash of 32 or 48 bytes. ERR_NOT_PERMITTED for anything else. `ret_der` has room for 80 bytes. */
err_t keys_sign_handshake(struct keys *k, struct view text, uint8_t *ret_der, size_t *ret_len);

/* Signs 32 bytes with the RSA key: RSASSA-PSS over their SHA-256, MGF1 with SHA-256, a salt of 32 bytes. ERR_OVERLOADED
   when SETTLEMENTS_A_SECOND were signed within this second. */
err_t keys_sign_settlement(struct keys *k, const uint8_t message[static DIGEST_LEN],
                           uint8_t ret_signature[static RSA_SIGNATURE]);

#endif
