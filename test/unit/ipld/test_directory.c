/* Directory entries. */
#include "ipld/directory.h"

#include "dag.h"

static struct cid numbered(uint32_t n)
{
    uint8_t digest[SHA256_LEN] = {0};
    memcpy(digest, &n, sizeof(n));
    return cid_make(1, CID_RAW, digest);
}

/* Parses a directory that has these names in this order; entry i leads to numbered(i). */
static void make(struct buf *block, const char *const *names, size_t n, struct dagpb_node *ret)
{
    for (size_t i = 0; i < n; i++) {
        struct cid cid = numbered((uint32_t)i);
        put_link(block, cid_view(&cid), names[i]);
    }
    put_part(block, 0x0a, text_view("\x08\x01"));
    assert_ok(dagpb_parse(buf_view(block), ret));
}

static void finds_in_any_order(void **state UNUSED)
{
    static const char *const names[] = {"model.onnx", "a", "zz", "model", "", "model.onnx.bak"};
    AUTO_BUF struct buf block = {.max = KIB};
    struct dagpb_node node;
    make(&block, names, COUNT_OF(names), &node);
    for (uint32_t i = 0; i < COUNT_OF(names); i++) {
        struct cid_ref found;
        struct cid want = numbered(i);
        assert_ok(directory_find(&node, text_view(names[i]), &found));
        assert_true(found.kind == CID_BLOCK && cid_equal(&found.cid, &want));
    }
    struct cid_ref none;
    assert_err(directory_find(&node, text_view("mode"), &none), ERR_MODEL_PATH_NOT_FOUND);
    assert_err(directory_find(&node, text_view("MODEL"), &none), ERR_MODEL_PATH_NOT_FOUND);
}

static void an_empty_directory_has_nothing(void **state UNUSED)
{
    AUTO_BUF struct buf block = {.max = KIB};
    struct dagpb_node node;
    struct cid_ref none;
    make(&block, NULL, 0, &node);
    assert_err(directory_find(&node, text_view("a"), &none), ERR_MODEL_PATH_NOT_FOUND);
}

static void refuses_names_that_stand_twice(void **state UNUSED)
{
    static const char *const asked[] = {"a", "b", "a"}, *const other[] = {"x", "a", "y", "x"};
    AUTO_BUF struct buf first = {.max = KIB}, second = {.max = KIB};
    struct dagpb_node node;
    struct cid_ref none;
    make(&first, asked, COUNT_OF(asked), &node);
    assert_err(directory_find(&node, text_view("a"), &none), ERR_DAG_MALFORMED);
    make(&second, other, COUNT_OF(other), &node);
    assert_err(directory_find(&node, text_view("a"), &none), ERR_DAG_MALFORMED);
}

static void a_large_directory(void **state UNUSED)
{
    AUTO_BUF struct buf block = {.max = 2 * MIB};
    struct dagpb_node node;
    struct cid_ref found;
    for (uint32_t i = 0; i < 20000; i++) {
        char name[16];
        struct cid cid = numbered(i);
        (void)snprintf(name, sizeof(name), "%u", (i * 7919) % 20011);
        put_link(&block, cid_view(&cid), name);
    }
    assert_ok(dagpb_parse(buf_view(&block), &node));
    struct cid want = numbered(3);
    assert_ok(directory_find(&node, text_view("3746"), &found)); /* 3 x 7919 mod 20011 */
    assert_true(cid_equal(&found.cid, &want));
}

static void memory_can_be_refused(void **state UNUSED)
{
    static const char *const names[] = {"a"};
    AUTO_BUF struct buf block = {.max = KIB};
    struct dagpb_node node;
    struct cid_ref none;
    make(&block, names, 1, &node);
    mem_fail_after(0);
    err_t e = directory_find(&node, text_view("a"), &none);
    mem_fail_after(-1);
    assert_err(e, ERR_NOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_in_any_order),
        cmocka_unit_test(an_empty_directory_has_nothing),
        cmocka_unit_test(refuses_names_that_stand_twice),
        cmocka_unit_test(a_large_directory),
        cmocka_unit_test(memory_can_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
