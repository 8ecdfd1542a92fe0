/* ES384 against RFC 6979 §A.2.6 (P-384, SHA-384, "sample") and what must not verify. */
#include "attest/es384.h"
#include "unit.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static const char public_key[] =
    "04"
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720";
static const char signed_sample[] =
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8";

static uint8_t point[ES384_POINT_LEN];
static uint8_t signature[ES384_SIGNATURE_LEN];
static uint8_t digest[SHA384_LEN];

static int start(void **state UNUSED)
{
    const struct view parts[] = {text_view("sam"), text_view("ple")};
    (void)hex_view(public_key, point);
    (void)hex_view(signed_sample, signature);
    assert_ok(sha384_of(parts, COUNT_OF(parts), digest));
    return 0;
}

static void known(void **state UNUSED)
{
    assert_ok(es384_verify(point, digest, signature));
    for (size_t i = 0; i < sizeof(signature); i++) {
        signature[i] ^= 1;
        assert_err(es384_verify(point, digest, signature), ERR_DOC_SIGNATURE);
        signature[i] ^= 1;
    }
    digest[47] ^= 1;
    assert_err(es384_verify(point, digest, signature), ERR_DOC_SIGNATURE);
    digest[47] ^= 1;
}

/* r or s of 0, of n, and above it. */
static void out_of_range(void **state UNUSED)
{
    static const char n[] =
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    for (size_t half = 0; half < 2; half++) {
        uint8_t wrong[ES384_SIGNATURE_LEN];
        memcpy(wrong, signature, sizeof(wrong));
        memset(wrong + 48 * half, 0, 48);
        assert_err(es384_verify(point, digest, wrong), ERR_DOC_SIGNATURE);
        (void)hex_view(n, wrong + 48 * half);
        assert_err(es384_verify(point, digest, wrong), ERR_DOC_SIGNATURE);
        memset(wrong + 48 * half, 0xFF, 48);
        assert_err(es384_verify(point, digest, wrong), ERR_DOC_SIGNATURE);
    }
}

/* A point that is not on the curve, one with a coordinate that is no field element. */
static void points(void **state UNUSED)
{
    uint8_t wrong[ES384_POINT_LEN];
    memcpy(wrong, point, sizeof(wrong));
    wrong[96] ^= 1;
    assert_err(es384_verify(wrong, digest, signature), ERR_DOC_CERTIFICATE);
    memset(wrong + 1, 0xFF, 48);
    assert_err(es384_verify(wrong, digest, signature), ERR_DOC_CERTIFICATE);
}

static void own(void **state UNUSED)
{
    EVP_PKEY *key = EVP_EC_gen("P-384"), *other = EVP_EC_gen("P-256");
    uint8_t *spki = NULL;
    uint8_t ours[ES384_SIGNATURE_LEN];
    struct view ours_point = {0};
    int len = i2d_PUBKEY(key, &spki);
    assert_int_equal(len, ES384_SPKI_LEN);
    assert_ok(es384_spki_point(view_of(spki, (size_t)len), &ours_point));
    for (int i = 0; i < 20; i++) { /* short and long r and s */
        digest[0] = (uint8_t)i;
        assert_ok(es384_sign(key, digest, ours));
        assert_ok(es384_verify(ours_point.data, digest, ours));
    }
    assert_err(es384_sign(other, digest, ours), ERR_INTERNAL);
    for (size_t i = 0; i <= 23; i++) { /* up to the first byte of the point */
        spki[i] ^= 1;
        assert_err(es384_spki_point(view_of(spki, (size_t)len), &ours_point), ERR_MALFORMED);
        spki[i] ^= 1;
    }
    assert_err(es384_spki_point(view_of(spki, (size_t)len - 1), &ours_point), ERR_MALFORMED);
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known), cmocka_unit_test(out_of_range),
                                       cmocka_unit_test(points), cmocka_unit_test(own)};
    return cmocka_run_group_tests_name("attest es384", tests, start, NULL);
}
