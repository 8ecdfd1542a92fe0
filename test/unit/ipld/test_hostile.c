/* DAGs that the walk must refuse, each with its code. The blocks hash to their CIDs: only what they say is wrong. */
#include "walker.h"

static void expect(const struct dag *d, const struct cid *root, const char *path, err_t expected)
{
    for (enum order order = ORDER_FIRST; order <= ORDER_RANDOM; order++) {
        AUTO(output_done) struct output o = {0};
        struct walk_params params = walker_params(&o, root, path);
        assert_err(walker_run(d, &params, order), expected);
    }
}

/* ── one node ── */

static struct cid message(struct dag *d, const char *bytes, size_t n)
{
    AUTO_BUF struct buf links = {.max = 16}, unixfs = {.max = KIB};
    assert_ok(buf_put(&unixfs, bytes, n));
    return dag_node(d, &links, &unixfs);
}
#define MESSAGE(d, bytes) message(d, bytes, sizeof(bytes) - 1)

static void roots_that_are_no_files(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid empty = dag_add(d, 1, CID_DAG_PB, (struct view){0});
    struct cid symlink = MESSAGE(d, "\x08\x04\x12\x03" "foo"), metadata = MESSAGE(d, "\x08\x03");
    struct cid hamt = MESSAGE(d, "\x08\x05\x12\x01\x01\x28\x22\x30\x80\x02"), hamt0 = MESSAGE(d, "\x08\x05\x30\x00");
    struct cid directory = dag_directory(d, NULL, 0), garbage = dag_add(d, 0, CID_DAG_PB, text_view("garbage"));
    expect(d, &empty, "", ERR_DAG_MALFORMED);
    expect(d, &garbage, "", ERR_DAG_MALFORMED);
    expect(d, &symlink, "", ERR_MODEL_NOT_A_FILE);
    expect(d, &metadata, "", ERR_MODEL_NOT_A_FILE);
    expect(d, &hamt, "", ERR_MODEL_IS_HAMT);
    expect(d, &hamt, "a", ERR_MODEL_IS_HAMT);
    expect(d, &hamt0, "", ERR_MODEL_IS_HAMT);
    expect(d, &directory, "", ERR_MODEL_IS_DIRECTORY);
    expect(d, &directory, "a", ERR_MODEL_PATH_NOT_FOUND);
}

static void leaves_that_lie(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid more = dag_unixfs(d, 2, text_view("hello"), 6, NULL, 0);
    struct cid less = dag_unixfs(d, 2, text_view("hello"), 4, NULL, 0);
    struct cid absent = dag_unixfs(d, 2, text_view("hello"), ABSENT, NULL, 0);
    struct cid nothing = dag_unixfs(d, 2, (struct view){0}, 5, NULL, 0);
    expect(d, &more, "", ERR_DAG_MALFORMED);
    expect(d, &less, "", ERR_DAG_MALFORMED);
    expect(d, &absent, "", ERR_DAG_MALFORMED);
    expect(d, &nothing, "", ERR_DAG_MALFORMED);
}

/* ── parents and children ── */

static void sizes_that_do_not_fit(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("hello")), leaf = dag_leaf(d, text_view("hello"));
    const struct child raw_more[] = {{raw, 6}, {leaf, 5}}, raw_less[] = {{raw, 4}, {leaf, 5}};
    const struct child leaf_more[] = {{raw, 5}, {leaf, 6}}, leaf_less[] = {{raw, 5}, {leaf, 4}};
    struct cid node = dag_file(d, (struct child[]){{raw, 5}, {raw, 5}}, 2);
    struct cid above = dag_file(d, (struct child[]){{node, 9}, {raw, 5}}, 2);
    struct cid two_sizes = dag_file(d, (struct child[]){{raw, 5}, {raw, 4}}, 2);
    struct cid twice = dag_unixfs(d, 2, (struct view){0}, 20, (struct child[]){{raw, 5}, {raw, 5}}, 2);
    struct cid half = dag_unixfs(d, 2, (struct view){0}, 5, (struct child[]){{raw, 5}, {raw, 5}}, 2);
    struct cid cases[] = {dag_file(d, raw_more, 2),  dag_file(d, raw_less, 2),
                          dag_file(d, leaf_more, 2), dag_file(d, leaf_less, 2),
                          above,                     two_sizes,
                          twice,                     half};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect(d, &cases[i], "", ERR_DAG_MALFORMED);
}

/* Links and blocksizes that do not pair, written by hand. */
static struct cid unpaired(struct dag *d, const struct cid *child, unsigned n_links, unsigned n_sizes)
{
    AUTO_BUF struct buf links = {.max = KIB}, unixfs = {.max = KIB};
    assert_ok(buf_put(&unixfs, "\x08\x02\x18", 3));
    put_number(&unixfs, 5 * n_sizes);
    for (unsigned i = 0; i < n_links; i++)
        put_link(&links, cid_view(child), "");
    for (unsigned i = 0; i < n_sizes; i++)
        put_field(&unixfs, 0x20, 5);
    return dag_node(d, &links, &unixfs);
}

static void links_and_sizes_must_pair(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("hello"));
    for (unsigned links = 0; links < 4; links++)
        for (unsigned sizes = 0; sizes < 4; sizes++) {
            struct cid root = unpaired(d, &raw, links, sizes);
            expect(d, &root, "", links == sizes ? OK : ERR_DAG_MALFORMED);
        }
}

static void data_beside_links(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("hello"));
    struct cid both = dag_unixfs(d, 2, text_view("x"), 6, &(struct child){raw, 5}, 1);
    struct cid old_type = dag_unixfs(d, 0, (struct view){0}, 5, &(struct child){raw, 5}, 1);
    expect(d, &both, "", ERR_DAG_MALFORMED);
    expect(d, &old_type, "", ERR_DAG_MALFORMED);
}

static void children_that_are_no_files(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("hello"));
    struct cid bad[] = {dag_directory(d, NULL, 0), MESSAGE(d, "\x08\x04\x12\x03" "foo"), MESSAGE(d, "\x08\x03"),
                        MESSAGE(d, "\x08\x05\x28\x22\x30\x80\x02"), dag_add(d, 1, CID_DAG_PB, (struct view){0})};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct cid root = dag_file(d, (struct child[]){{raw, 5}, {bad[i], 5}}, 2);
        expect(d, &root, "", ERR_DAG_MALFORMED);
        struct cid alone = dag_file(d, &(struct child){bad[i], 0}, 1);
        expect(d, &alone, "", ERR_DAG_MALFORMED);
    }
}

static void named_chunks(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO_BUF struct buf links = {.max = KIB}, unixfs = {.max = KIB};
    struct cid raw = dag_raw(d, text_view("hello"));
    put_link(&links, cid_view(&raw), "chunk");
    assert_ok(buf_put(&unixfs, "\x08\x02\x18\x05\x20\x05", 6));
    struct cid root = dag_node(d, &links, &unixfs);
    expect(d, &root, "", ERR_DAG_MALFORMED);
}

/* One link to these CID bytes, stated as `size` bytes of file. */
static struct cid over(struct dag *d, const char *cid, size_t len, uint8_t size)
{
    AUTO_BUF struct buf links = {.max = KIB}, unixfs = {.max = KIB};
    put_link(&links, view_of(cid, len), "");
    assert_ok(buf_put(&unixfs, (const uint8_t[]){0x08, 2, 0x18, size, 0x20, size}, 6));
    return dag_node(d, &links, &unixfs);
}

static void cids_that_are_not_ours(void **state UNUSED)
{
#define ZEROS_32 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    static const struct {
        const char *cid;
        size_t len;
        err_t expected;
    } rows[] = {
        {"\x01\x71\x12\x20" ZEROS_32, 36, ERR_CID_UNSUPPORTED},             /* dag-cbor */
        {"\x01\x55\x13\x40" ZEROS_32 ZEROS_32, 68, ERR_CID_UNSUPPORTED},    /* sha2-512 */
        {"\x01\x55\x11\x14" ZEROS_32, 24, ERR_CID_UNSUPPORTED},             /* sha1 */
        {"\x01\x55\x12\x14" ZEROS_32, 24, ERR_CID_UNSUPPORTED},             /* sha2-256 cut to 20 bytes */
        {"\x01\x70\x00\x06\x0a\x04\x08\x02\x18\x00", 10, ERR_CID_UNSUPPORTED}, /* an inline dag-pb node */
        {"\x02\x55\x12\x20" ZEROS_32, 36, ERR_DAG_MALFORMED},               /* version 2 */
        {"\x01\xd5\x00\x12\x20" ZEROS_32, 37, ERR_DAG_MALFORMED},           /* padded codec */
        {"\x01\x55\x12\x20" ZEROS_32 "\0", 37, ERR_DAG_MALFORMED},          /* a byte more */
        {"\x01\x55\x00\x04" "four", 8, ERR_DAG_MALFORMED},                  /* inline, but not as long as stated */
    };
    AUTO_DAG d = dag_new();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct cid root = over(d, rows[i].cid, rows[i].len, 5);
        expect(d, &root, "", rows[i].expected);
    }
}

/* ── paths ── */

static void paths_that_lead_nowhere(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO_BUF struct buf links = {.max = KIB}, unixfs = {.max = KIB};
    struct cid raw = dag_raw(d, text_view("hello")), leaf = dag_leaf(d, text_view("hello"));
    struct cid dir = dag_directory(d, (struct entry[]){{"a", raw}, {"b", leaf}, {"b", raw}}, 3);
    struct cid good = dag_directory(d, (struct entry[]){{"a", raw}, {"b", leaf}}, 2);
    expect(d, &dir, "a", ERR_DAG_MALFORMED); /* "b" stands twice */
    expect(d, &good, "c", ERR_MODEL_PATH_NOT_FOUND);
    expect(d, &good, "a/x", ERR_MODEL_PATH_NOT_FOUND);
    expect(d, &good, "b/x", ERR_MODEL_PATH_NOT_FOUND);
    expect(d, &raw, "x", ERR_MODEL_PATH_NOT_FOUND);
    put_link(&links, view_of("\x01\x55\x00\x02hi", 6), "inline");
    put_link(&links, view_of("\x01\x71\x12\x20" ZEROS_32, 36), "cbor");
    put_link(&links, cid_view(&raw), "file");
    assert_ok(buf_put(&unixfs, "\x08\x01", 2));
    struct cid mixed = dag_node(d, &links, &unixfs);
    expect(d, &mixed, "inline", ERR_CID_IDENTITY);
    expect(d, &mixed, "cbor", ERR_CID_UNSUPPORTED);
    expect(d, &mixed, "file", OK);
}

/* ── bombs ── */

static void a_file_over_the_limit(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    struct cid raw = dag_raw(d, text_view("hello")), root = dag_file(d, (struct child[]){{raw, 5}, {raw, 5}}, 2);
    struct walk_params params = walker_params(&o, &root, "");
    params.max_size = 10;
    assert_ok(walker_run(d, &params, ORDER_FIRST));
    AUTO(output_done) struct output o2 = {0};
    params = walker_params(&o2, &root, "");
    params.max_size = 9;
    assert_err(walker_run(d, &params, ORDER_FIRST), ERR_MODEL_TOO_LARGE);
    assert_int_equal(o2.started, 0);
}

/* Forty levels of two equal, honest links: 41 blocks that say 2^40 bytes. */
static void wide_and_honest(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct child c = {dag_raw(d, text_view("z")), 1};
    for (int i = 0; i < 40; i++)
        c = (struct child){dag_file(d, (struct child[]){c, c}, 2), 2 * c.size};
    expect(d, &c.cid, "", ERR_MODEL_TOO_LARGE);
}

/* The same over one-byte leaves below the size limit: 2^20 places for 2^20 bytes. */
static void more_places_than_the_budget(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct child c = {dag_raw(d, text_view("z")), 1};
    for (int i = 0; i < 20; i++)
        c = (struct child){dag_file(d, (struct child[]){c, c}, 2), 2 * c.size};
    expect(d, &c.cid, "", ERR_DAG_TOO_COMPLEX);
}

static void children_without_length(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("")), leaf = dag_leaf(d, text_view("")), some = dag_raw(d, text_view("x"));
    struct cid raws = dag_file(d, (struct child[]){{raw, 0}, {some, 1}}, 2);
    struct cid leaves = dag_file(d, (struct child[]){{some, 1}, {leaf, 0}}, 2);
    struct child c = {leaf, 0};
    for (int i = 0; i < 40; i++)
        c = (struct child){dag_file(d, (struct child[]){c, c}, 2), 0};
    expect(d, &raws, "", ERR_DAG_MALFORMED);
    expect(d, &leaves, "", ERR_DAG_MALFORMED);
    expect(d, &c.cid, "", ERR_DAG_MALFORMED);
}

static void depth(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid root = dag_leaf(d, text_view("z"));
    for (int i = 0; i < WALK_DEPTH_MAX; i++)
        root = dag_file(d, &(struct child){root, 1}, 1);
    expect(d, &root, "", OK);
    root = dag_file(d, &(struct child){root, 1}, 1);
    expect(d, &root, "", ERR_DAG_TOO_COMPLEX);
}

static void sizes_that_overflow(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("hello"));
    const struct child wrap[] = {{raw, UINT64_MAX}, {raw, 6}};
    struct cid wrapped = dag_unixfs(d, 2, (struct view){0}, 5, wrap, 2);
    struct cid huge = dag_file(d, &(struct child){raw, UINT64_MAX - 1}, 1);
    expect(d, &wrapped, "", ERR_DAG_MALFORMED);
    expect(d, &huge, "", ERR_MODEL_TOO_LARGE);
}

/* A raw leaf cannot hold more than a block, so nobody is asked for it. */
static void a_raw_leaf_over_a_block(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("hello"));
    struct cid root = dag_file(d, &(struct child){raw, BLOCK_MAX + 1}, 1);
    expect(d, &root, "", ERR_DAG_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_that_are_no_files),
        cmocka_unit_test(leaves_that_lie),
        cmocka_unit_test(sizes_that_do_not_fit),
        cmocka_unit_test(links_and_sizes_must_pair),
        cmocka_unit_test(data_beside_links),
        cmocka_unit_test(children_that_are_no_files),
        cmocka_unit_test(named_chunks),
        cmocka_unit_test(cids_that_are_not_ours),
        cmocka_unit_test(paths_that_lead_nowhere),
        cmocka_unit_test(a_file_over_the_limit),
        cmocka_unit_test(wide_and_honest),
        cmocka_unit_test(more_places_than_the_budget),
        cmocka_unit_test(children_without_length),
        cmocka_unit_test(depth),
        cmocka_unit_test(sizes_that_overflow),
        cmocka_unit_test(a_raw_leaf_over_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
