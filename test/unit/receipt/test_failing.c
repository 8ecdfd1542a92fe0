/* Signs and verifies while each allocation fails in turn, ours and OpenSSL's: never a wrong verdict, never a leak. */
#include "base/mem.h"
#include "receipt/sign.h"
#include "receipt/verify.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FIELD(array) view_of((array), sizeof(array))

static EVP_PKEY *key;
static uint8_t point[ES256_POINT_LEN];
static const uint8_t cid[STATEMENT_CID_MIN] = {0x12, 0x20};
static char text[RECEIPT_TEXT_MAX + 1];

static err_t sign_one(struct receipt_signer *signer)
{
    const struct statement s = {
        .kind = STATEMENT_SIMULATED,
        .asked_cid = FIELD(cid),
        .asked_path = view_of("", 0),
        .file_cid = FIELD(cid),
        .engine = view_of("engine", 6),
        .clock = STATEMENT_CLOCK_SYSTEM,
    };
    uint8_t bytes[STATEMENT_MAX];
    uint8_t cose[COSE_MAX];
    uint8_t digest[SHA256_LEN];
    size_t len = 0;
    size_t cose_len = 0;
    TRY(sign_init(signer, key));
    TRY(statement_encode(&s, bytes, &len, NULL));
    TRY(sign_add(signer, view_of(bytes, len), digest));
    TRY(sign_add(signer, view_of(bytes, len), digest));
    TRY(sign_batch(signer));
    TRY(sign_cose(signer, 1, cose, &cose_len));
    const struct receipt_parts parts = {.statement = view_of(bytes, len), .cose = view_of(cose, cose_len)};
    return receipt_pack(&parts, text);
}

static err_t try_sign(void)
{
    static struct receipt_signer signer;
    err_t e = sign_one(&signer);
    sign_done(&signer);
    return e;
}

static err_t try_verify(void)
{
    AUTO_BUF struct buf bytes = {0};
    AUTO(es256_done) struct es256 verifier = {0};
    struct receipt receipt;
    TRY(es256_verifier_init(&verifier, point));
    TRY(receipt_unpack(view_of(text, strlen(text)), &bytes, &receipt, NULL));
    return receipt_verify(&receipt, &verifier, &(struct receipt_expect){.allow_simulated = true}, NULL);
}

static char pem[256];
static size_t pem_len;

static bool write_pem(void)
{
    char *made = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    bool good = bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1;
    long len = good ? BIO_get_mem_data(bio, &made) : 0;
    good = made != NULL && len > 0 && (size_t)len <= sizeof(pem);
    if (good)
        memcpy(pem, made, (size_t)len);
    pem_len = (size_t)len;
    BIO_free(bio);
    return good;
}

static err_t try_pem(void)
{
    uint8_t read[ES256_POINT_LEN];
    return es256_read_public(view_of(pem, pem_len), read);
}

/* `run` succeeds before and after, and fails in between with one of the codes for "could not be found out". */
static void fail_each(err_t (*run)(void))
{
    long failing = 0;
    err_t e = run();
    assert_int_equal(e, OK);
    do {
        mem_fail_after(failing++);
        e = run();
        mem_fail_after(-1);
        assert_true(e == OK || e == ERR_NOMEM || e == ERR_INTERNAL || e == ERR_USAGE);
        assert_int_equal(run(), OK);
    } while (e != OK && failing < 2000);
    assert_int_equal(e, OK);
    assert_true(failing > 2);
}

static void test_sign(void **state)
{
    (void)state;
    fail_each(try_sign);
}

static void test_verify(void **state)
{
    (void)state;
    assert_int_equal(try_sign(), OK);
    fail_each(try_verify);
}

static void test_pem(void **state)
{
    (void)state;
    fail_each(try_pem);
}

static void *ssl_alloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return mem_alloc(1, n);
}

static void *ssl_resize(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return mem_resize(p, n);
}

static void ssl_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    mem_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_pem),
    };
    if (CRYPTO_set_mem_functions(ssl_alloc, ssl_resize, ssl_free) != 1)
        return 1;
    key = EVP_EC_gen("P-256");
    if (key == NULL || es256_point(key, point) != OK || !write_pem())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    EVP_PKEY_free(key);
    return failed;
}
