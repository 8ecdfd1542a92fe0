/* Batches: every receipt of every batch verifies, and only with its own statement. */
#include "receipt/sign.h"

#include "base/mem.h"
#include "receipt/verify.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FIELD(array) view_of((array), sizeof(array))

static EVP_PKEY *key;
static struct es256 verifier;
static struct receipt_signer signer;

static const uint8_t cid[STATEMENT_CID_MIN] = {0x12, 0x20};

static struct view statement_of(uint64_t job, uint8_t bytes[static STATEMENT_MAX])
{
    struct statement s = {
        .kind = STATEMENT_SIMULATED,
        .asked_cid = FIELD(cid),
        .file_cid = FIELD(cid),
        .asked_path = view_of("", 0),
        .engine = view_of("engine", 6),
        .job = job,
        .clock = STATEMENT_CLOCK_SYSTEM,
    };
    size_t len = 0;
    assert_int_equal(statement_encode(&s, bytes, &len, NULL), OK);
    return view_of(bytes, len);
}

static const struct receipt_expect simulated = {.allow_simulated = true};

/* Receipt `index` of the signed batch, packed with a statement, verified from its text. */
static err_t verify_with(size_t index, struct view statement)
{
    static char text[RECEIPT_TEXT_MAX + 1];
    uint8_t cose[COSE_MAX];
    size_t len = 0;
    AUTO_BUF struct buf bytes = {0};
    struct receipt receipt;
    assert_int_equal(sign_cose(&signer, index, cose, &len), OK);
    const struct receipt_parts parts = {.statement = statement, .cose = view_of(cose, len)};
    assert_int_equal(receipt_pack(&parts, text), OK);
    TRY(receipt_unpack(view_of(text, strlen(text)), &bytes, &receipt, NULL));
    assert_int_equal(receipt.proof.leaf_index, index);
    assert_int_equal(receipt.proof.tree_size, signer.tree.size);
    return receipt_verify(&receipt, &verifier, &simulated, NULL);
}

static void check_batch(size_t size)
{
    uint8_t bytes[STATEMENT_MAX];
    sign_begin(&signer);
    mem_fail_after(0); /* nothing of ours allocates */
    for (size_t i = 0; i < size; i++) {
        uint8_t digest[SHA256_LEN];
        uint8_t expected[SHA256_LEN];
        struct view statement = statement_of(i, bytes);
        assert_int_equal(sign_add(&signer, statement, digest), OK);
        assert_int_equal(receipt_digest(statement, expected), OK);
        assert_memory_equal(digest, expected, SHA256_LEN);
    }
    assert_int_equal(sign_batch(&signer), OK);
    mem_fail_after(-1);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(verify_with(i, statement_of(i, bytes)), OK);
        assert_int_equal(verify_with(i, statement_of(i + 1, bytes)), ERR_RECEIPT_SIGNATURE);
    }
}

static void test_batches(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 1, 64, 65};
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        check_batch(sizes[i]);
}

static void test_full(void **state)
{
    (void)state;
    uint8_t bytes[STATEMENT_MAX];
    uint8_t digest[SHA256_LEN];
    sign_begin(&signer);
    for (size_t i = 0; i < TREE_MAX; i++)
        assert_int_equal(sign_add(&signer, statement_of(i, bytes), digest), OK);
    assert_int_equal(sign_add(&signer, statement_of(TREE_MAX, bytes), digest), ERR_TOO_LARGE);
    assert_int_equal(sign_batch(&signer), OK);
    for (size_t i = 0; i < TREE_MAX; i += 93)
        assert_int_equal(verify_with(i, statement_of(i, bytes)), OK);
}

/* A COSE_Sign1 of one batch proves nothing about a statement of the batch before. */
static void test_batches_apart(void **state)
{
    (void)state;
    uint8_t bytes[STATEMENT_MAX];
    check_batch(4);
    uint8_t digest[SHA256_LEN];
    sign_begin(&signer);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(sign_add(&signer, statement_of(100 + i, bytes), digest), OK);
    assert_int_equal(sign_batch(&signer), OK);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(verify_with(i, statement_of(i, bytes)), ERR_RECEIPT_SIGNATURE);
}

static void test_init(void **state)
{
    (void)state;
    static struct receipt_signer other;
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    assert_int_equal(sign_init(&other, p384), ERR_USAGE);
    sign_done(&other);
    EVP_PKEY_free(p384);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_batches_apart),
        cmocka_unit_test(test_init),
    };
    uint8_t point[ES256_POINT_LEN];
    key = EVP_EC_gen("P-256");
    if (key == NULL || es256_point(key, point) != OK || es256_verifier_init(&verifier, point) != OK ||
        sign_init(&signer, key) != OK)
        return 1;
    EVP_PKEY_free(key); /* the signer holds its own reference */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sign_done(&signer);
    es256_done(&verifier);
    return failed;
}
