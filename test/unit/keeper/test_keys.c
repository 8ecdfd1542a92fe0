/* The keys, their certificate, the keyset, and what the TLS key signs. */
#include "keeper/keys.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "keeper/certificate.h"
#include "unit.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define NOT_AFTER 4000000000U

static const char names[] = "localhost\0"
                            "node.example.org\0"
                            "127.0.0.1\0"
                            "::1\0"
                            "2001:db8::7";
static struct keys keys;
static uint64_t started;

static int setup(void **state)
{
    (void)state;
    started = clock_wall_us() / 1000000;
    assert_ok(sha256_setup());
    assert_ok(keys_init(&keys, view_of(names, sizeof(names)), NOT_AFTER));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    keys_done(&keys);
    return 0;
}

/* ── the certificate, read by OpenSSL ── */

static X509 *parse(const struct buf *der)
{
    const unsigned char *at = der->data;
    X509 *c = d2i_X509(NULL, &at, (long)der->len);
    assert_non_null(c);
    assert_ptr_equal(at, der->data + der->len);
    return c;
}

static void test_certificate_names(void **state)
{
    (void)state;
    X509 *c = parse(&keys.certificate);
    assert_int_equal(X509_check_host(c, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(c, "node.example.org", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(c, "example.org", 0, 0, NULL), 0);
    assert_int_equal(X509_check_host(c, "127.0.0.1", 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL), 0); /* not a name */
    assert_int_equal(X509_check_ip_asc(c, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(c, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(c, "2001:db8::7", 0), 1);
    assert_int_equal(X509_check_ip_asc(c, "127.0.0.2", 0), 0);
    GENERAL_NAMES *all = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
    assert_int_equal(sk_GENERAL_NAME_num(all), 5);
    GENERAL_NAMES_free(all);
    X509_free(c);
}

static void test_certificate_use(void **state)
{
    (void)state;
    X509 *c = parse(&keys.certificate);
    int critical = -1;
    assert_int_equal(X509_get_version(c), X509_VERSION_3);
    assert_int_equal(X509_check_ca(c), 0);
    assert_int_equal(X509_get_key_usage(c), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(c), XKU_SSL_SERVER);
    assert_int_equal(X509_check_purpose(c, X509_PURPOSE_SSL_SERVER, 0), 1);
    assert_int_equal(X509_check_purpose(c, X509_PURPOSE_SSL_CLIENT, 0), 0);
    BASIC_CONSTRAINTS *constraints = X509_get_ext_d2i(c, NID_basic_constraints, &critical, NULL);
    assert_non_null(constraints);
    assert_int_equal(critical, 1);
    assert_int_equal(constraints->ca, 0);
    BASIC_CONSTRAINTS_free(constraints);
    ASN1_BIT_STRING *usage = X509_get_ext_d2i(c, NID_key_usage, &critical, NULL);
    assert_int_equal(critical, 1);
    ASN1_BIT_STRING_free(usage);
    assert_int_equal(X509_get_ext_count(c), 4);
    X509_free(c);
}

static void test_certificate_key(void **state)
{
    (void)state;
    X509 *c = parse(&keys.certificate);
    char group[32] = {0};
    EVP_PKEY *key = X509_get0_pubkey(c);
    assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(EVP_PKEY_eq(key, keys.tls), 1);
    assert_int_equal(EVP_PKEY_eq(key, keys.receipt), 0);
    assert_int_equal(X509_get_signature_nid(c), NID_ecdsa_with_SHA256);
    assert_int_equal(X509_verify(c, key), 1);
    assert_int_equal(X509_self_signed(c, 1), 1);
    X509_free(c);
}

static void test_certificate_subject_and_times(void **state)
{
    (void)state;
    X509 *c = parse(&keys.certificate);
    char *subject = X509_NAME_oneline(X509_get_subject_name(c), NULL, 0);
    assert_string_equal(subject, "/O=AWS Nitro enclave application");
    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(c), X509_get_issuer_name(c)), 0);
    time_t from = (time_t)started, late = from + 60, to = (time_t)NOT_AFTER;
    assert_true(ASN1_TIME_cmp_time_t(X509_get0_notBefore(c), from) >= 0);
    assert_true(ASN1_TIME_cmp_time_t(X509_get0_notBefore(c), late) < 0);
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notAfter(c), to), 0);
    OPENSSL_free(subject);
    X509_free(c);
}

static BIGNUM *serial_of(const struct buf *der)
{
    X509 *c = parse(der);
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(c), NULL);
    assert_non_null(n);
    X509_free(c);
    return n;
}

/* 16 bytes, positive, and another one each time. */
static void test_certificate_serial(void **state)
{
    (void)state;
    AUTO_BUF struct buf other = {.max = CERT_MAX};
    assert_ok(certificate_make(keys.tls, view_of(names, sizeof(names)), started, NOT_AFTER, &other));
    BIGNUM *a = serial_of(&keys.certificate), *b = serial_of(&other);
    assert_int_equal(BN_num_bytes(a), 16);
    assert_int_equal(BN_num_bytes(b), 16);
    assert_false(BN_is_negative(a));
    assert_int_not_equal(BN_cmp(a, b), 0);
    BN_free(a);
    BN_free(b);
}

static void test_certificate_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        size_t room;
        err_t e;
    } bad[] = {
        {"localhost", 9, CERT_MAX, ERR_MALFORMED}, /* not closed */
        {"localhost\0b", 11, CERT_MAX, ERR_MALFORMED},
        {"", 1, CERT_MAX, ERR_MALFORMED},
        {"localhost\0", 11, CERT_MAX, ERR_MALFORMED}, /* an empty one behind it */
        {"localhost", 10, 100, ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_BUF struct buf out = {.max = bad[i].room};
        assert_err(certificate_make(keys.tls, view_of(bad[i].text, bad[i].len), started, NOT_AFTER, &out), bad[i].e);
        assert_int_equal(out.len, 0);
    }
}

/* ── the keyset (docs/receipts.md), byte by byte ── */

static void test_keyset(void **state)
{
    (void)state;
    uint8_t bytes[1 + 2 + 3 + 32 + 3 + 65 + 3 + 32 + 6], digest[SHA256_LEN], *at = bytes;
    unsigned char *spki = NULL, *rsa = NULL;
    int n = i2d_PUBKEY(keys.tls, &spki);
    assert_true(n > 0);
    at = mempcpy(at, "\xa5\x01\x01\x02\x58\x20", 6);
    assert_ok(sha256_of(spki, (size_t)n, at));
    at = mempcpy(at + 32, "\x03\x58\x41", 3);
    assert_int_equal(EVP_PKEY_get_octet_string_param(keys.receipt, "pub", at, 65, NULL), 1);
    assert_memory_equal(at, keys.receipt_point, ES256_POINT_LEN);
    at = mempcpy(at + 65, "\x04\x58\x20", 3);
    n = i2d_PUBKEY(keys.rsa, &rsa);
    assert_true(n > 0);
    assert_int_equal(n, keys.rsa_spki_len);
    assert_memory_equal(rsa, keys.rsa_spki, keys.rsa_spki_len);
    assert_ok(sha256_of(rsa, (size_t)n, at));
    (void)mempcpy(at + 32, "\x05\x1a\xee\x6b\x28\x00", 6); /* 4,000,000,000 */
    assert_ok(sha256_of(bytes, sizeof(bytes), digest));
    assert_int_equal(keys.keyset_len, sizeof(bytes));
    assert_memory_equal(keys.keyset, bytes, sizeof(bytes));
    assert_memory_equal(digest, keys.keyset_digest, SHA256_LEN);
    OPENSSL_free(spki);
    OPENSSL_free(rsa);
}

/* ── CertificateVerify (RFC 8446 §4.4.3) ── */

static struct view handshake(uint8_t room[static 160], const char *context, size_t hash)
{
    size_t n = strlen(context) + 1;
    memset(room, 0x20, 64);
    memcpy(room + 64, context, n);
    memset(room + 64 + n, 0xd1, hash);
    return view_of(room, 64 + n + hash);
}

static err_t sign(struct view text)
{
    uint8_t der[80];
    size_t n = 0;
    TRY(keys_sign_handshake(&keys, text, der, &n));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, keys.tls), 1);
    assert_int_equal(EVP_DigestVerify(ctx, der, n, text.data, text.len), 1);
    EVP_MD_CTX_free(ctx);
    return OK;
}

static const char server[] = "TLS 1.3, server CertificateVerify";

static void test_signs_handshakes(void **state)
{
    (void)state;
    uint8_t room[160];
    for (unsigned i = 0; i < 20; i++) {
        assert_ok(sign(handshake(room, server, 32)));
        assert_ok(sign(handshake(room, server, 48)));
    }
}

/* Every byte before the hash counts. */
static void test_refuses_changed_bytes(void **state)
{
    (void)state;
    static const size_t hashes[] = {32, 48};
    for (size_t h = 0; h < COUNT_OF(hashes); h++)
        for (size_t at = 0; at < 64 + sizeof(server); at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                uint8_t room[160];
                struct view text = handshake(room, server, hashes[h]);
                room[at] ^= (uint8_t)(1U << bit);
                assert_err(sign(text), ERR_NOT_PERMITTED);
            }
}

static void test_refuses_other_lengths(void **state)
{
    (void)state;
    uint8_t room[160];
    (void)handshake(room, server, 48);
    memset(room + 64 + sizeof(server) + 48, 0xd1, sizeof(room) - 64 - sizeof(server) - 48);
    for (size_t n = 0; n <= sizeof(room); n++)
        assert_err(sign(view_of(room, n)),
                   n == 64 + sizeof(server) + 32 || n == 64 + sizeof(server) + 48 ? OK : ERR_NOT_PERMITTED);
}

static void test_refuses_other_texts(void **state)
{
    (void)state;
    uint8_t room[160], digest[SHA256_LEN] = {0};
    assert_err(sign(handshake(room, "TLS 1.3, client CertificateVerify", 32)), ERR_NOT_PERMITTED);
    assert_err(sign(handshake(room, "TLS 1.3, server CertificateVerifY", 48)), ERR_NOT_PERMITTED);
    assert_err(sign(view_of(digest, sizeof(digest))), ERR_NOT_PERMITTED);
    assert_err(sign(NOTHING), ERR_NOT_PERMITTED);
}

/* ── settlement: RSASSA-PSS, verified by OpenSSL with every parameter said ── */

static bool pss_verifies(const uint8_t message[static DIGEST_LEN], const uint8_t signature[static RSA_SIGNATURE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key = NULL;
    assert_int_equal(EVP_DigestVerifyInit(ctx, &key, EVP_sha256(), NULL, keys.rsa), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(key, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(key, 32), 1);
    bool ok = EVP_DigestVerify(ctx, signature, RSA_SIGNATURE, message, DIGEST_LEN) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static void test_signs_settlements(void **state)
{
    (void)state;
    uint8_t message[DIGEST_LEN], a[RSA_SIGNATURE], b[RSA_SIGNATURE];
    memset(message, 0x5e, sizeof(message));
    assert_int_equal(EVP_PKEY_get_bits(keys.rsa), 2048);
    assert_ok(keys_sign_settlement(&keys, message, a));
    assert_ok(keys_sign_settlement(&keys, message, b));
    assert_memory_not_equal(a, b, sizeof(a)); /* a salt of its own */
    assert_true(pss_verifies(message, a));
    assert_true(pss_verifies(message, b));
    message[31] ^= 1;
    assert_false(pss_verifies(message, a));
}

static void test_settlements_a_second(void **state)
{
    (void)state;
    uint8_t message[DIGEST_LEN] = {0}, signature[RSA_SIGNATURE];
    keys.settlements = (struct rate){.second_ms = clock_mono_ms(), .count = SETTLEMENTS_A_SECOND - 1};
    assert_ok(keys_sign_settlement(&keys, message, signature));
    keys.settlements.second_ms = clock_mono_ms();
    assert_err(keys_sign_settlement(&keys, message, signature), ERR_OVERLOADED);
    keys.settlements.second_ms -= 1000;
    assert_ok(keys_sign_settlement(&keys, message, signature));
    assert_int_equal(keys.settlements.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate_names),
        cmocka_unit_test(test_certificate_use),
        cmocka_unit_test(test_certificate_key),
        cmocka_unit_test(test_certificate_subject_and_times),
        cmocka_unit_test(test_certificate_serial),
        cmocka_unit_test(test_certificate_refuses),
        cmocka_unit_test(test_keyset),
        cmocka_unit_test(test_signs_settlements),
        cmocka_unit_test(test_settlements_a_second),
        cmocka_unit_test(test_signs_handshakes),
        cmocka_unit_test(test_refuses_changed_bytes),
        cmocka_unit_test(test_refuses_other_lengths),
        cmocka_unit_test(test_refuses_other_texts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
