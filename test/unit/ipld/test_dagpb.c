/* dag-pb: whole nodes from the codec's own fixtures are in test_vectors.c; here the shapes that must be refused. */
#include "ipld/dagpb.h"

#include "unit.h"

/* A link to the identity CID of "!": Hash, then whatever is given. */
#define HASH      "\x0a\x05\x01\x55\x00\x01!"
#define LINK(n, s) "\x12" n s
#define ROW(bytes) {bytes, sizeof(bytes) - 1}

static void reads_links_and_data(void **state UNUSED)
{
    /* two links (name "a" and Tsize 300; neither), then data */
    static const char block[] = LINK("\x0d", HASH "\x12\x01" "a" "\x18\xac\x02") LINK("\x07", HASH) "\x0a\x02hi";
    struct dagpb_node node;
    struct dagpb_link link;
    assert_ok(dagpb_parse(view_of(block, sizeof(block) - 1), &node));
    assert_int_equal(node.n_links, 2);
    assert_true(view_is(node.data, "hi"));
    assert_ok(dagpb_take_link(&node.links, &link));
    assert_true(view_is(link.name, "a") && link.tsize == 300 && link.target.kind == CID_INLINE);
    assert_ok(dagpb_take_link(&node.links, &link));
    assert_true(link.name.len == 0 && link.tsize == 0 && view_is(link.target.content, "!"));
    assert_int_equal(node.links.len, 0);
}

static void old_nodes_have_data_first(void **state UNUSED)
{
    static const char block[] = "\x0a\x02hi" LINK("\x07", HASH) LINK("\x07", HASH);
    struct dagpb_node node;
    assert_ok(dagpb_parse(view_of(block, sizeof(block) - 1), &node));
    assert_int_equal(node.n_links, 2);
    assert_int_equal(node.links.len, 18);
    assert_true(view_is(node.data, "hi"));
}

static void an_empty_block_is_a_node(void **state UNUSED)
{
    struct dagpb_node node;
    assert_ok(dagpb_parse((struct view){0}, &node));
    assert_true(node.n_links == 0 && node.data.len == 0);
}

static void refuses(void **state UNUSED)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        ROW("\x0a"),                                              /* no length */
        ROW("\x0a\x03hi"),                                        /* past the end */
        ROW("\x0a\x02hi\x0a\x02hi"),                              /* data twice */
        ROW("\x08\x01"),                                          /* data as a number */
        ROW("\x1a\x01x"),                                         /* field 3 */
        ROW("\x12\x00"),                                          /* link without a hash */
        ROW(LINK("\x03", "\x12\x01" "a")),                        /* the same with a name */
        ROW(LINK("\x09", "\x12\x00" HASH)),                       /* name before hash */
        ROW(LINK("\x09", "\x18\x00" HASH)),                       /* Tsize before hash */
        ROW(LINK("\x0b", HASH "\x18\x00\x12\x00")),               /* Tsize before name */
        ROW(LINK("\x0e", HASH HASH)),                             /* hash twice */
        ROW(LINK("\x0b", HASH "\x12\x00\x12\x00")),               /* name twice */
        ROW(LINK("\x0b", HASH "\x18\x00\x18\x00")),               /* Tsize twice */
        ROW(LINK("\x09", HASH "\x22\x00")),                       /* link field 4 */
        ROW(LINK("\x02", "\x0a\x00")),                            /* empty CID */
        ROW(LINK("\x08", "\x0a\x06\x01\x55\x00\x01!!")),          /* a byte behind the CID */
        ROW(LINK("\x07", "\x0a\x05\x02\x55\x00\x01!")),           /* CID version 2 */
        ROW(LINK("\x07", HASH) "\x0a\x02hi" LINK("\x07", HASH)),  /* interleaved */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct dagpb_node node = {.n_links = 99};
        assert_err(dagpb_parse(view_of(rows[i].bytes, rows[i].len), &node), ERR_DAG_MALFORMED);
        assert_int_equal(node.n_links, 99);
    }
}

static void writes_what_it_reads(void **state UNUSED)
{
    AUTO_BUF struct buf links = {.max = KIB}, block = {.max = KIB};
    const uint8_t digest[SHA256_LEN] = {1, 2, 3};
    struct cid cid = cid_make(0, CID_DAG_PB, digest);
    assert_ok(dagpb_put_link(&links, &cid, text_view(""), 300));
    assert_ok(dagpb_put_link(&links, &cid, text_view("name"), 0));
    assert_ok(dagpb_put(&block, &(struct dagpb_node){.links = buf_view(&links), .data = text_view("data")}));
    struct dagpb_node node;
    struct dagpb_link link;
    assert_ok(dagpb_parse(buf_view(&block), &node));
    assert_true(node.n_links == 2 && view_is(node.data, "data"));
    assert_ok(dagpb_take_link(&node.links, &link));
    assert_true(cid_equal(&link.target.cid, &cid) && link.name.len == 0 && link.tsize == 300);
    assert_ok(dagpb_take_link(&node.links, &link));
    assert_true(view_is(link.name, "name") && link.tsize == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_links_and_data),     cmocka_unit_test(old_nodes_have_data_first),
        cmocka_unit_test(an_empty_block_is_a_node), cmocka_unit_test(refuses),
        cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
