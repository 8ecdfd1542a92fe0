/* Signatures from a keeper that may misbehave. */
#include "front/provider.h"
#include "front/tls.h"
#include "stand_in.h"

#include "base/clock.h"
#include "base/mem.h"

#include <openssl/core_names.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] = "a text to be signed";

static struct fixture {
    struct stand_in keeper;
    struct signer signer;
} f;

static int begin(void **state)
{
    (void)state;
    stand_in_start(&f.keeper);
    assert_int_equal(signer_init(&f.signer, &f.keeper.front), OK);
    assert_int_equal(f.keeper.front.fd, -1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    signer_done(&f.signer);
    stand_in_stop(&f.keeper);
    return 0;
}

static err_t ask(enum stand_in_mood mood, uint8_t *ret_signature, size_t *ret_len)
{
    atomic_store(&f.keeper.shared->mood, mood);
    return signer_sign(&f.signer, view_of(text, sizeof(text)), ret_signature, ret_len);
}

/* As `ask`. On a crowded machine an honest stand-in may be late, too. */
static err_t ask_patiently(enum stand_in_mood mood, uint8_t *ret_signature, size_t *ret_len)
{
    err_t e = ask(mood, ret_signature, ret_len);
    for (int i = 0; i < 50 && e == ERR_KEEPER_BUSY; i++) {
        (void)usleep(SIGN_WAIT_MS * 1000);
        e = ask(mood, ret_signature, ret_len);
    }
    return e;
}

static bool verifies(const uint8_t *signature, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, "provider=default", f.keeper.key, NULL), 1);
    int rc = EVP_DigestVerify(ctx, signature, n, (const uint8_t *)text, sizeof(text));
    EVP_MD_CTX_free(ctx);
    return rc == 1;
}

static void test_honest(void **state)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ask_patiently(MOOD_HONEST, signature, &n), OK);
        assert_true(verifies(signature, n));
    }
}

static void test_stale_answer_is_skipped(void **state)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask_patiently(MOOD_STALE, signature, &n), OK);
        assert_true(verifies(signature, n));
    }
}

static void test_answer_to_another_question(void **state)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = 0;
    (void)state;
    assert_int_equal(ask_patiently(MOOD_FOREIGN_ID, signature, &n), ERR_PROTOCOL);
}

/* It waits no longer than it may, rests for as long again, and the late answer is not taken for another question's. */
static void test_late(void **state)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = 0;
    (void)state;
    uint64_t start = clock_mono_ms();
    assert_int_equal(ask(MOOD_LATE, signature, &n), ERR_KEEPER_BUSY);
    uint64_t waited = clock_mono_ms() - start;
    assert_true(waited >= SIGN_WAIT_MS && waited < 3 * SIGN_WAIT_MS);
    start = clock_mono_ms();
    assert_int_equal(ask(MOOD_HONEST, signature, &n), ERR_KEEPER_BUSY);
    assert_true(clock_mono_ms() - start < SIGN_WAIT_MS / 2);
    assert_int_equal(atomic_load(&f.keeper.shared->asked), 1);
    while (clock_mono_ms() <= f.signer.resting_ms)
        continue;
    assert_int_equal(ask_patiently(MOOD_HONEST, signature, &n), OK);
    assert_true(verifies(signature, n));
}

static void test_keeper_is_gone(void **state)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = 0;
    (void)state;
    assert_int_equal(shutdown(f.signer.end.fd, SHUT_RDWR), 0);
    assert_int_equal(ask(MOOD_HONEST, signature, &n), ERR_CLOSED);
}

static void test_text_too_long(void **state)
{
    static const uint8_t long_text[SIGN_TEXT_MAX + 1];
    uint8_t signature[SIGNATURE_MAX];
    size_t n = 0;
    (void)state;
    assert_int_equal(signer_sign(&f.signer, view_of(long_text, SIGN_TEXT_MAX), signature, &n), OK);
    assert_int_equal(signer_sign(&f.signer, view_of(long_text, SIGN_TEXT_MAX + 1), signature, &n), ERR_TOO_LARGE);
}

/* ── the provider, as OpenSSL's users see it ── */

static EVP_PKEY *provided_key(void)
{
    uint8_t point[POINT_LEN];
    size_t n = 0;
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_get_octet_string_param(f.keeper.key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n),
                     1);
    assert_int_equal(n, POINT_LEN);
    assert_int_equal(provider_key(&f.signer, point, &key), OK);
    return key;
}

static void test_key(void **state)
{
    char group[32];
    EVP_PKEY *key = provided_key();
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, "provider=default", "EC", "P-256");
    (void)state;
    assert_true(EVP_PKEY_is_a(key, "EC"));
    assert_int_equal(EVP_PKEY_get_bits(key), 256);
    assert_int_equal(EVP_PKEY_get_security_bits(key), 128);
    assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(EVP_PKEY_eq(key, f.keeper.key), 1);
    assert_int_equal(EVP_PKEY_eq(key, other), 0);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

static int sign_with(EVP_PKEY *key, const char *digest, uint8_t *ret_signature, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc = EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL);
    if (rc == 1)
        rc = EVP_DigestSign(ctx, ret_signature, len, (const uint8_t *)text, sizeof(text));
    EVP_MD_CTX_free(ctx);
    return rc;
}

static void test_signature(void **state)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = sizeof(signature);
    EVP_PKEY *key = provided_key();
    (void)state;
    assert_int_equal(sign_with(key, "SHA256", signature, &n), 1);
    assert_true(verifies(signature, n));
    n = 10;
    assert_int_not_equal(sign_with(key, "SHA256", signature, &n), 1);
    n = sizeof(signature);
    assert_int_not_equal(sign_with(key, "SHA384", signature, &n), 1);
    assert_int_not_equal(sign_with(key, "SHA1", signature, &n), 1);
    atomic_store(&f.keeper.shared->mood, MOOD_FOREIGN_ID);
    assert_int_not_equal(sign_with(key, "SHA256", signature, &n), 1);
    EVP_PKEY_free(key);
}

/* Keys of other kinds still come from OpenSSL's own provider. */
static void test_default_provider_stays_preferred(void **state)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    uint8_t signature[SIGNATURE_MAX];
    size_t n = sizeof(signature);
    (void)state;
    assert_non_null(key);
    assert_int_equal(sign_with(key, "SHA256", signature, &n), 1);
    assert_int_equal(atomic_load(&f.keeper.shared->asked), 0);
    EVP_PKEY_free(key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_honest),
        TEST(test_stale_answer_is_skipped),
        TEST(test_answer_to_another_question),
        TEST(test_late),
        TEST(test_keeper_is_gone),
        TEST(test_text_too_long),
        TEST(test_key),
        TEST(test_signature),
        TEST(test_default_provider_stays_preferred),
    };
#undef TEST
    if (tls_setup() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
