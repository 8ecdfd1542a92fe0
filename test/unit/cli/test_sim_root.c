/* Whose root is saved: nobody's who does not hold. That of one who does is saved in test/behaviour/64. */
#include "cli/sim_root.h"
#include "forge.h"

static void assert_refused(const struct attested *a, err_t wanted, const char *word)
{
    AUTO_BUF struct buf pem = BUF_WITH(16 * KIB);
    struct why why = {0};
    assert_int_equal((int)sim_root_of(a, &pem, &why), (int)wanted);
    assert_non_null(strstr(why.text, word));
    assert_int_equal(pem.len, 0);
}

static void test_no_document(void **state UNUSED)
{
    AUTO(attested_done) struct attested a = {.document = BUF_WITH(KIB)};
    assert_int_equal((int)buf_put_text(&a.document, "no document"), OK);
    assert_refused(&a, ERR_DOC_MALFORMED, "COSE_Sign1");
}

/* Well signed, under a root of its own, but without the keys that it should bind. */
static void test_a_document_alone(void **state UNUSED)
{
    AUTO(attested_done) struct attested a = {.document = BUF_WITH(DOCUMENT_MAX)};
    struct forge f;
    forge_chain(&f, forge_good);
    struct document d = forge_document(&f);
    forge_sign(&f, &d, DOCUMENT_MAP_SIZED, &a.document);
    assert_refused(&a, ERR_NOT_PERMITTED, "keyset");
    forge_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_document),
        cmocka_unit_test(test_a_document_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
