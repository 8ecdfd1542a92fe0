/* Signs and verifies while each of OpenSSL's allocations fails in turn: never a good verdict on a bad document, never a
   leak. */
#include "attest/verify.h"
#include "forge.h"

#include <openssl/crypto.h>

static long left = -1; /* allocations that succeed; -1: all */

static bool may(void)
{
    if (left > 0)
        left--;
    return left != 0;
}

static void *some_malloc(size_t n, const char *file UNUSED, int line UNUSED)
{
    return may() ? malloc(n) : NULL;
}

static void *some_realloc(void *p, size_t n, const char *file UNUSED, int line UNUSED)
{
    return may() ? realloc(p, n) : NULL;
}

static void some_free(void *p, const char *file UNUSED, int line UNUSED)
{
    free(p);
}

static struct forge forge;
static struct buf bytes;
static uint8_t root[SHA256_LEN];

static int start(void **state UNUSED)
{
    struct document d;
    forge_chain(&forge, forge_good);
    d = forge_document(&forge);
    buf_init(&bytes, DOCUMENT_MAX);
    forge_sign(&forge, &d, DOCUMENT_MAP_OPEN, &bytes);
    assert_ok(sha256_of(forge.der[0].data, forge.der[0].len, root));
    return 0;
}

static int finish(void **state UNUSED)
{
    forge_done(&forge);
    buf_done(&bytes);
    return 0;
}

static err_t verify(void)
{
    const struct attest_policy policy = {.root = root, .any_image = true, .archived = true};
    struct document d;
    struct attest_report report;
    TRY(document_read(buf_view(&bytes), &d, NULL));
    return attest_verify(&d, &policy, &report);
}

static err_t sign(void)
{
    uint8_t room[1024];
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    return document_put_signed(text_view("payload"), forge.key[2], &w);
}

/* Runs it with more and more allocations until it is what it is with all of them; before that it is never OK unless
   `good`. */
static void exhaust(err_t (*run)(void), bool good, long step)
{
    err_t whole = run();
    assert_int_equal(whole == OK, good);
    for (long n = 0;; n += step) {
        left = n;
        err_t e = run();
        bool used_up = left == 0;
        left = -1;
        if (!good)
            assert_int_not_equal(e, OK);
        if (!used_up) {
            assert_int_equal(e, whole);
            return;
        }
    }
}

static void signing(void **state UNUSED)
{
    exhaust(sign, true, 1);
}

static void verifying(void **state UNUSED)
{
    exhaust(verify, true, 11);
}

static void verifying_what_is_wrong(void **state UNUSED)
{
    bytes.data[bytes.len - 1] ^= 1;
    exhaust(verify, false, 13);
    bytes.data[bytes.len - 1] ^= 1;
}

static void verifying_under_another_root(void **state UNUSED)
{
    root[0] ^= 1;
    exhaust(verify, false, 13);
    root[0] ^= 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signing), cmocka_unit_test(verifying),
                                       cmocka_unit_test(verifying_what_is_wrong),
                                       cmocka_unit_test(verifying_under_another_root)};
    if (CRYPTO_set_mem_functions(some_malloc, some_realloc, some_free) != 1)
        return 1;
    return cmocka_run_group_tests_name("attest failing", tests, start, finish);
}
