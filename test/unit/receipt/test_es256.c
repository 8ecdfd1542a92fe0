/* Keys and signatures: both directions against OpenSSL's own verification, and what is no key or no signature. */
#include "receipt/es256.h"

#include "base/text.h"
#include "vectors.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t order[32] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
};

static EVP_PKEY *key;
static uint8_t point[ES256_POINT_LEN];

/* Whether OpenSSL, given r and s as numbers, takes the signature. */
static bool openssl_takes(const uint8_t *digest, const uint8_t *signature)
{
    uint8_t der[80];
    unsigned char *end = der;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(sig, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL)), 1);
    int len = i2d_ECDSA_SIG(sig, &end);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
    bool taken = EVP_PKEY_verify(ctx, der, (size_t)len, digest, SHA256_LEN) == 1;
    EVP_PKEY_CTX_free(ctx);
    ECDSA_SIG_free(sig);
    return taken;
}

/* n − s by OpenSSL's arithmetic. */
static void other_s(uint8_t *signature)
{
    BIGNUM *n = BN_bin2bn(order, 32, NULL);
    BIGNUM *s = BN_bin2bn(signature + 32, 32, NULL);
    assert_int_equal(BN_sub(s, n, s), 1);
    assert_int_equal(BN_bn2binpad(s, signature + 32, 32), 32);
    BN_free(s);
    BN_free(n);
}

static bool s_is_lower(const uint8_t *signature)
{
    uint8_t other[ES256_SIGNATURE_LEN];
    memcpy(other, signature, sizeof(other));
    other_s(other);
    return memcmp(signature + 32, other + 32, 32) < 0;
}

/* Many signatures: half of OpenSSL's have the higher s, a few have short r or s. */
static void test_round(void **state)
{
    (void)state;
    AUTO(es256_done) struct es256 signer = {0};
    AUTO(es256_done) struct es256 verifier = {0};
    assert_int_equal(es256_signer_init(&signer, key), OK);
    assert_int_equal(es256_verifier_init(&verifier, point), OK);
    for (uint32_t i = 0; i < 600; i++) {
        uint8_t digest[SHA256_LEN];
        uint8_t signature[ES256_SIGNATURE_LEN];
        assert_int_equal(sha256_of(&i, sizeof(i), digest), OK);
        assert_int_equal(es256_sign(&signer, digest, signature), OK);
        assert_true(s_is_lower(signature));
        assert_true(openssl_takes(digest, signature));
        assert_int_equal(es256_verify(&verifier, digest, signature), OK);
        other_s(signature);
        assert_true(openssl_takes(digest, signature));
        assert_int_equal(es256_verify(&verifier, digest, signature), ERR_RECEIPT_SIGNATURE);
    }
}

static void test_refused(void **state)
{
    (void)state;
    AUTO(es256_done) struct es256 signer = {0};
    AUTO(es256_done) struct es256 verifier = {0};
    uint8_t digest[SHA256_LEN] = {1};
    uint8_t good[ES256_SIGNATURE_LEN];
    uint8_t bad[ES256_SIGNATURE_LEN];
    assert_int_equal(es256_signer_init(&signer, key), OK);
    assert_int_equal(es256_verifier_init(&verifier, point), OK);
    assert_int_equal(es256_sign(&signer, digest, good), OK);
    for (size_t half = 0; half < 2; half++) { /* 0, n and n + 1 for r or s; all ones */
        memcpy(bad, good, sizeof(bad));
        memset(bad + half * 32, 0, 32);
        assert_int_equal(es256_verify(&verifier, digest, bad), ERR_RECEIPT_SIGNATURE);
        memcpy(bad + half * 32, order, 32);
        assert_int_equal(es256_verify(&verifier, digest, bad), ERR_RECEIPT_SIGNATURE);
        bad[half * 32 + 31]++;
        assert_int_equal(es256_verify(&verifier, digest, bad), ERR_RECEIPT_SIGNATURE);
        memset(bad + half * 32, 0xFF, 32);
        assert_int_equal(es256_verify(&verifier, digest, bad), ERR_RECEIPT_SIGNATURE);
    }
    digest[0] ^= 1;
    assert_int_equal(es256_verify(&verifier, digest, good), ERR_RECEIPT_SIGNATURE);
    digest[0] ^= 1;
    assert_int_equal(es256_verify(&verifier, digest, good), OK); /* the context survives refusals */
}

/* The vectors' keys belong together, by OpenSSL's arithmetic. */
static void test_vector_key(void **state)
{
    (void)state;
    uint8_t bytes[VECTORS_BYTES_MAX];
    uint8_t expected[ES256_POINT_LEN];
    struct vectors file;
    struct vector v;
    vectors_open(&file);
    assert_true(vectors_next(&file, "private-key", &v));
    struct view stated = vector_bytes(&v, "public-key", 0, bytes);
    assert_int_equal(stated.len, sizeof(expected));
    memcpy(expected, stated.data, sizeof(expected));
    struct view scalar = vector_bytes(&v, "private-key", 0, bytes);
    assert_int_equal(scalar.len, 32);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *product = EC_POINT_new(group);
    BIGNUM *k = BN_bin2bn(scalar.data, 32, NULL);
    uint8_t computed[ES256_POINT_LEN];
    assert_int_equal(EC_POINT_mul(group, product, k, NULL, NULL, NULL), 1);
    size_t len = EC_POINT_point2oct(group, product, POINT_CONVERSION_UNCOMPRESSED, computed, sizeof(computed), NULL);
    assert_int_equal(len, sizeof(computed));
    assert_memory_equal(computed, expected, sizeof(expected));
    BN_free(k);
    EC_POINT_free(product);
    EC_GROUP_free(group);
    vectors_close(&file);
}

static void test_key_forms(void **state)
{
    (void)state;
    uint8_t spki[ES256_SPKI_LEN];
    uint8_t read[ES256_POINT_LEN];
    unsigned char *der = NULL;
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    es256_spki(point, spki);
    assert_int_equal(i2d_PUBKEY(key, &der), sizeof(spki));
    assert_memory_equal(der, spki, sizeof(spki)); /* OpenSSL's encoding is the fixed one */
    OPENSSL_free(der);
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    size_t pem_len = (size_t)BIO_get_mem_data(bio, &pem);
    const struct view forms[] = {view_of(point, sizeof(point)), view_of(spki, sizeof(spki)), view_of(pem, pem_len)};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        memset(read, 0, sizeof(read));
        assert_int_equal(es256_read_public(forms[i], read), OK);
        assert_memory_equal(read, point, sizeof(point));
        assert_int_equal(es256_read_public(view_of(forms[i].data, forms[i].len - 20), read), ERR_USAGE);
    }
    spki[9] ^= 1; /* another algorithm */
    assert_int_equal(es256_read_public(view_of(spki, sizeof(spki)), read), ERR_USAGE);
    BIO_free(bio);
}

static void test_not_keys(void **state)
{
    (void)state;
    AUTO(es256_done) struct es256 verifier = {0};
    uint8_t read[ES256_POINT_LEN];
    static const char junk[] = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    assert_int_equal(es256_read_public(view_of("", 0), read), ERR_USAGE);
    assert_int_equal(es256_read_public(view_of(junk, sizeof(junk) - 1), read), ERR_USAGE);
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    size_t len = (size_t)BIO_get_mem_data(bio, &pem);
    assert_int_equal(es256_read_public(view_of(pem, len), read), ERR_USAGE);
    BIO_free(bio);

    memcpy(read, point, sizeof(read));
    read[0] = 2; /* compressed, or so it says */
    assert_int_equal(es256_read_public(view_of(read, sizeof(read)), read), ERR_USAGE);
    assert_int_equal(es256_verifier_init(&verifier, read), ERR_USAGE);
    read[0] = 4;
    read[64] ^= 1; /* not on the curve */
    assert_int_equal(es256_verifier_init(&verifier, read), ERR_USAGE);
    memset(read, 0, sizeof(read)); /* the point at infinity has another form */
    assert_int_equal(es256_verifier_init(&verifier, read), ERR_USAGE);
}

static void test_other_curves(void **state)
{
    (void)state;
    AUTO(es256_done) struct es256 signer = {0};
    uint8_t read[ES256_POINT_LEN];
    EVP_PKEY *others[] = {EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_non_null(others[i]);
        assert_int_equal(es256_point(others[i], read), ERR_USAGE);
        assert_int_equal(es256_signer_init(&signer, others[i]), ERR_USAGE);
        EVP_PKEY_free(others[i]);
    }
}

/* A public key is a key on the curve, but it signs nothing. */
static void test_public_cannot_sign(void **state)
{
    (void)state;
    AUTO(es256_done) struct es256 signer = {0};
    uint8_t spki[ES256_SPKI_LEN];
    uint8_t digest[SHA256_LEN] = {0};
    uint8_t signature[ES256_SIGNATURE_LEN];
    const uint8_t *der = spki;
    es256_spki(point, spki);
    EVP_PKEY *public_only = d2i_PUBKEY(NULL, &der, sizeof(spki));
    assert_int_equal(es256_signer_init(&signer, public_only), OK);
    assert_int_equal(es256_sign(&signer, digest, signature), ERR_INTERNAL);
    EVP_PKEY_free(public_only);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),        cmocka_unit_test(test_refused),   cmocka_unit_test(test_vector_key),
        cmocka_unit_test(test_key_forms),    cmocka_unit_test(test_not_keys),  cmocka_unit_test(test_other_curves),
        cmocka_unit_test(test_public_cannot_sign),
    };
    key = EVP_EC_gen("P-256");
    if (key == NULL || es256_point(key, point) != OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    EVP_PKEY_free(key);
    return failed;
}
