/* The walk over honest DAGs of every shape, and what it promises about order, wants and memory. What it refuses:
   test_hostile.c. */
#include "walker.h"

#define LEAF_MAX 64

/* Bytes that differ from place to place. */
static struct view pattern(uint8_t *bytes, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
    return view_of(bytes, n);
}

/* Walks in each order and compares the bytes. */
static void expect_file(const struct dag *d, const struct cid *root, const char *path, struct view expected)
{
    for (enum order order = ORDER_FIRST; order <= ORDER_RANDOM; order++) {
        AUTO(output_done) struct output o = {0};
        struct walk_params params = walker_params(&o, root, path);
        assert_ok(walker_run(d, &params, order));
        assert_true(view_equal(view_of(o.bytes, o.size), expected));
    }
}

/* ── shapes ── */

static void one_block(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("hello")), leaf = dag_leaf(d, text_view("hello"));
    struct cid old = dag_unixfs(d, 0, text_view("hello"), 5, NULL, 0);
    expect_file(d, &raw, "", text_view("hello"));
    expect_file(d, &leaf, "", text_view("hello"));
    expect_file(d, &old, "", text_view("hello"));
}

static void empty_files(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    struct cid raw = dag_raw(d, text_view("")), leaf = dag_leaf(d, text_view(""));
    struct cid unsized = dag_unixfs(d, 2, (struct view){0}, ABSENT, NULL, 0);
    struct cid above = dag_file(d, &(struct child){raw, 0}, 1);
    expect_file(d, &raw, "", text_view(""));
    expect_file(d, &leaf, "", text_view(""));
    expect_file(d, &unsized, "", text_view(""));
    expect_file(d, &above, "", text_view(""));
}

/* A tree of `depth` levels with `width` children a node; raw leaves where the number is odd, dag-pb where it is
   even. */
static struct child tree(struct dag *d, unsigned depth, unsigned width, struct buf *file)
{
    uint8_t bytes[LEAF_MAX];
    struct child children[8];
    if (depth == 0) {
        struct view data = pattern(bytes, 1 + file->len % LEAF_MAX, (unsigned)file->len);
        assert_ok(buf_put_view(file, data));
        return (struct child){file->len % 2 == 0 ? dag_leaf(d, data) : dag_raw(d, data), data.len};
    }
    uint64_t sum = 0;
    for (unsigned i = 0; i < width; i++) {
        children[i] = tree(d, depth - 1, width, file);
        sum += children[i].size;
    }
    return (struct child){dag_file(d, children, width), sum};
}

static void balanced_trees(void **state UNUSED)
{
    for (unsigned depth = 1; depth <= 4; depth++)
        for (unsigned width = 1; width <= 5; width += 2) {
            AUTO_DAG d = dag_new();
            AUTO_BUF struct buf file = {.max = MIB};
            struct child root = tree(d, depth, width, &file);
            expect_file(d, &root.cid, "", buf_view(&file));
        }
}

/* Leaves and subtrees side by side, as in trickle files. */
static void ragged_trees(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO_BUF struct buf file = {.max = MIB};
    struct child children[8];
    uint64_t size = 0;
    for (unsigned i = 0; i < COUNT_OF(children); i++) {
        children[i] = tree(d, i % 4, 3, &file);
        size += children[i].size;
    }
    struct cid root = dag_file(d, children, COUNT_OF(children));
    assert_int_equal(size, file.len);
    expect_file(d, &root, "", buf_view(&file));
}

static void inline_leaves(void **state UNUSED)
{
    static const char cid[] = "\x01\x55\x00\x05world";
    AUTO_DAG d = dag_new();
    AUTO_BUF struct buf links = {.max = KIB}, message = {.max = KIB};
    struct cid hello = dag_raw(d, text_view("hello "));
    put_link(&links, cid_view(&hello), "");
    put_link(&links, view_of(cid, sizeof(cid) - 1), "");
    put_link(&links, cid_view(&hello), NULL);
    assert_ok(buf_put(&message, "\x08\x02\x18\x11\x20\x06\x20\x05\x20\x06", 10));
    struct cid root = dag_node(d, &links, &message);
    expect_file(d, &root, "", text_view("hello worldhello "));
}

static void mode_and_mtime_do_not_matter(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO_BUF struct buf links = {.max = KIB}, message = {.max = KIB};
    assert_ok(buf_put(&message, "\x08\x02\x12\x02hi\x18\x02\x38\xa4\x03\x42\x02\x08\x01", 15));
    struct cid root = dag_node(d, &links, &message);
    expect_file(d, &root, "", text_view("hi"));
}

/* ── directories ── */

static void paths(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    struct cid file = dag_raw(d, text_view("model")), other = dag_leaf(d, text_view("other"));
    struct cid inner = dag_directory(d, (struct entry[]){{"b", other}, {"model.onnx", file}}, 2);
    struct cid root = dag_directory(d, (struct entry[]){{"a", other}, {"sub", inner}}, 2);
    expect_file(d, &root, "a", text_view("other"));
    expect_file(d, &root, "sub/model.onnx", text_view("model"));
    expect_file(d, &inner, "b", text_view("other"));
    struct walk_params params = walker_params(&o, &root, "sub/model.onnx");
    assert_ok(walker_run(d, &params, ORDER_FIRST));
    assert_true(cid_equal(&o.file, &file));
}

/* ── sharing ── */

static void a_repeated_leaf_is_wanted_once(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO_BUF struct buf file = {.max = MIB};
    AUTO(output_done) struct output o = {0};
    struct child leaves[100];
    for (size_t i = 0; i < COUNT_OF(leaves); i++) {
        struct view data = i % 3 == 0 ? text_view("xy") : text_view("abc");
        leaves[i] = (struct child){dag_raw(d, data), data.len};
        assert_ok(buf_put_view(&file, data));
    }
    struct cid root = dag_file(d, leaves, COUNT_OF(leaves));
    struct walk_params params = walker_params(&o, &root, "");
    assert_ok(walker_run(d, &params, ORDER_LAST));
    assert_true(view_equal(view_of(o.bytes, o.size), buf_view(&file)));
    assert_int_equal(o.wants, 3);
}

/* Ten levels of two equal children: 1,024 places, 11 blocks. */
static void repeated_nodes_are_wanted_once(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    struct child c = {dag_leaf(d, text_view("z")), 1};
    for (int i = 0; i < 10; i++)
        c = (struct child){dag_file(d, (struct child[]){c, c}, 2), 2 * c.size};
    struct walk_params params = walker_params(&o, &c.cid, "");
    assert_ok(walker_run(d, &params, ORDER_FIRST));
    assert_int_equal(o.wants, 11);
    assert_int_equal(o.size, 1024);
    for (size_t i = 0; i < o.size; i++)
        assert_int_equal(o.bytes[i], 'z');
}

/* ── order and limits of wants ── */

/* `n` children of `size` bytes, each one leaf of its own. */
static struct cid wide(struct dag *d, size_t n, size_t size, unsigned seed)
{
    struct child *children = calloc(n, sizeof(*children));
    uint8_t *bytes = malloc(size);
    assert_true(children != NULL && bytes != NULL);
    for (size_t i = 0; i < n; i++)
        children[i] = (struct child){dag_raw(d, pattern(bytes, size, seed + (unsigned)i)), size};
    struct cid root = dag_file(d, children, n);
    free(bytes);
    free(children);
    return root;
}

static void at_most_48_wants(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    struct cid root = wide(d, 200, 100, 0);
    struct walk_params params = walker_params(&o, &root, "");
    assert_ok(walker_run(d, &params, ORDER_RANDOM));
    assert_int_equal(o.max_in_flight, WALK_WANTS_MAX);
    assert_int_equal(o.wants, 201);
}

static void at_most_32_mib_in_flight(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    struct cid root = wide(d, 24, 2 * MIB, 0);
    struct walk_params params = walker_params(&o, &root, "");
    assert_ok(walker_run(d, &params, ORDER_FIRST));
    assert_int_equal(o.max_in_flight, WALK_IN_FLIGHT / (2 * MIB));
}

static void give(struct walk *w, const struct dag *d, const struct cid *cid)
{
    const struct dag_block *block = dag_find(d, cid);
    if (block == NULL)
        fail();
    else
        assert_ok(walk_block(w, cid, buf_view(&block->bytes)));
}

static struct cid wanted(struct walk *w)
{
    struct walk_want want;
    assert_true(walk_want(w, &want));
    assert_false(want.whole_dag);
    return want.cid;
}

/* Two parts of 3 MiB and a tail: both certain interior nodes come before any leaf, leaves come in the order of the
   file. */
static void interior_nodes_come_first(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    AUTO(walk_free) struct walk *w = NULL;
    struct walk_want want;
    struct child part[2], leaves[3], parts[3];
    uint8_t *bytes = malloc(MIB);
    assert_non_null(bytes);
    struct cid expected[6];
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned k = 0; k < 3; k++) {
            leaves[k] = (struct child){dag_raw(d, pattern(bytes, MIB, 10 * i + k)), MIB};
            expected[3 * i + k] = leaves[k].cid;
        }
        part[i] = (struct child){dag_file(d, leaves, 3), 3 * MIB};
    }
    free(bytes);
    struct child tail = {dag_leaf(d, text_view("tail")), 4};
    parts[0] = part[0];
    parts[1] = tail;
    parts[2] = part[1];
    struct cid root = dag_file(d, parts, 3);
    struct walk_params params = walker_params(&o, &root, "");
    assert_ok(walk_new(&params, &w));
    assert_true(walk_want(w, &want) && want.whole_dag && cid_equal(&want.cid, &root));
    assert_false(walk_want(w, &want));
    give(w, d, &root);
    struct cid first = wanted(w), second = wanted(w);
    assert_true(cid_equal(&first, &part[0].cid) != cid_equal(&second, &part[0].cid));
    assert_false(walk_want(w, &want));
    give(w, d, &first);
    assert_false(walk_want(w, &want));
    give(w, d, &second);
    for (unsigned i = 0; i < 7; i++) {
        struct cid c = wanted(w);
        assert_true(cid_equal(&c, i == 3 ? &tail.cid : &expected[i < 3 ? i : i - 1]));
    }
    assert_false(walk_want(w, &want));
}

/* What may be hashed already: the offset before which nothing is missing. */
static void the_prefix_grows_with_the_file(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    AUTO(walk_free) struct walk *w = NULL;
    struct walk_want want;
    struct cid a = dag_raw(d, text_view("aa")), b = dag_raw(d, text_view("bbb")), c = dag_leaf(d, text_view("c"));
    struct cid root = dag_file(d, (struct child[]){{a, 2}, {b, 3}, {c, 1}}, 3);
    struct walk_params params = walker_params(&o, &root, "");
    assert_ok(walk_new(&params, &w));
    assert_true(walk_want(w, &want));
    assert_int_equal(walk_prefix(w), 0);
    give(w, d, &root);
    for (int i = 0; i < 3; i++)
        (void)wanted(w);
    assert_int_equal(walk_prefix(w), 0);
    give(w, d, &b);
    assert_int_equal(walk_prefix(w), 0);
    assert_int_equal(walk_written(w), 3);
    give(w, d, &a);
    assert_int_equal(walk_prefix(w), 5);
    assert_false(walk_done(w));
    give(w, d, &c);
    assert_int_equal(walk_prefix(w), 6);
    assert_true(walk_done(w));
}

/* ── blocks that are not right ── */

static void a_wrong_block_is_wanted_again(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    AUTO(walk_free) struct walk *w = NULL;
    struct walk_want want;
    struct cid a = dag_raw(d, text_view("aa")), b = dag_raw(d, text_view("bb"));
    struct cid root = dag_file(d, (struct child[]){{a, 2}, {b, 2}}, 2);
    struct walk_params params = walker_params(&o, &root, "");
    assert_ok(walk_new(&params, &w));
    assert_true(walk_want(w, &want));
    assert_err(walk_block(w, &root, text_view("zz")), ERR_BLOCK_MISMATCH);
    assert_err(walk_block(w, &root, text_view("zz")), ERR_BLOCK_UNWANTED); /* until it is asked for again */
    assert_true(walk_want(w, &want) && want.whole_dag && cid_equal(&want.cid, &root));
    give(w, d, &root);
    (void)wanted(w);
    (void)wanted(w);
    assert_err(walk_block(w, &a, text_view("bb")), ERR_BLOCK_MISMATCH); /* a good block under another's name */
    struct cid again = wanted(w);
    assert_true(cid_equal(&again, &a));
    assert_false(walk_want(w, &want));
    give(w, d, &b);
    give(w, d, &a);
    assert_true(walk_done(w));
    assert_memory_equal(o.bytes, "aabb", 4);
}

static void a_block_over_2_mib_is_refused_unread(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    AUTO(walk_free) struct walk *w = NULL;
    struct walk_want want;
    uint8_t *bytes = calloc(1, BLOCK_MAX + 1);
    assert_non_null(bytes);
    struct cid whole = dag_raw(d, view_of(bytes, BLOCK_MAX)), over = dag_raw(d, view_of(bytes, BLOCK_MAX + 1));
    struct walk_params params = walker_params(&o, &over, "");
    assert_ok(walk_new(&params, &w));
    assert_true(walk_want(w, &want));
    assert_err(walk_block(w, &over, view_of(bytes, BLOCK_MAX + 1)), ERR_BLOCK_TOO_LARGE);
    assert_true(walk_want(w, &want));
    expect_file(d, &whole, "", view_of(bytes, BLOCK_MAX));
    free(bytes);
}

static void expect_unwanted(struct walk *w, const struct cid *cid, struct view bytes)
{
    assert_false(walk_waits_for(w, cid));
    assert_err(walk_block(w, cid, bytes), ERR_BLOCK_UNWANTED);
}

static void blocks_that_nobody_asked_for(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    AUTO(walk_free) struct walk *w = NULL;
    struct walk_want want;
    struct cid a = dag_raw(d, text_view("aa")), b = dag_raw(d, text_view("bb")), stranger = dag_raw(d, text_view("cc"));
    struct cid as_node = cid_make(1, CID_DAG_PB, cid_digest(&a));
    struct cid root = dag_file(d, (struct child[]){{a, 2}, {b, 2}}, 2);
    struct walk_params params = walker_params(&o, &root, "");
    assert_ok(walk_new(&params, &w));
    assert_true(walk_resolving(w));
    expect_unwanted(w, &root, (struct view){0}); /* not asked for yet */
    assert_true(walk_want(w, &want));
    assert_true(walk_waits_for(w, &root));
    expect_unwanted(w, &a, text_view("aa"));
    give(w, d, &root);
    assert_false(walk_resolving(w));
    expect_unwanted(w, &root, (struct view){0}); /* done with */
    expect_unwanted(w, &a, text_view("aa"));     /* known, but not asked for */
    (void)wanted(w);
    (void)wanted(w);
    assert_true(walk_waits_for(w, &a) && walk_waits_for(w, &b));
    expect_unwanted(w, &stranger, text_view("cc"));
    expect_unwanted(w, &as_node, text_view("aa")); /* the right hash as another codec */
    give(w, d, &a);
    expect_unwanted(w, &a, text_view("aa")); /* twice */
    give(w, d, &b);
    assert_true(walk_done(w));
    assert_false(walk_want(w, &want));
}

/* ── failures ── */

static err_t no_start(void *user UNUSED, uint64_t size UNUSED, const struct cid *file UNUSED)
{
    return ERR_MODEL_OVER_BUDGET;
}

static err_t no_write(void *user UNUSED, uint64_t offset UNUSED, struct view bytes UNUSED)
{
    return ERR_IO;
}

static void the_sinks_error_ends_the_walk(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0}, o2 = {0};
    AUTO(walk_free) struct walk *w = NULL;
    struct walk_want want;
    struct cid a = dag_raw(d, text_view("aa")), root = dag_file(d, (struct child[]){{a, 2}, {a, 2}}, 2);
    struct walk_params params = walker_params(&o, &root, "");
    params.sink.start = no_start;
    assert_err(walker_run(d, &params, ORDER_FIRST), ERR_MODEL_OVER_BUDGET);
    params = walker_params(&o2, &root, "");
    params.sink.write = no_write;
    assert_ok(walk_new(&params, &w));
    assert_true(walk_want(w, &want));
    give(w, d, &root);
    (void)wanted(w);
    assert_err(walk_block(w, &a, text_view("aa")), ERR_IO);
    assert_err(walk_block(w, &a, text_view("aa")), ERR_IO);
    assert_false(walk_want(w, &want));
    assert_false(walk_done(w));
}

static void every_allocation_can_fail(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO_BUF struct buf file = {.max = MIB};
    struct child root = tree(d, 3, 3, &file);
    struct cid dir = dag_directory(d, &(struct entry){"f", root.cid}, 1);
    err_t e = ERR_NOMEM;
    long n = 0;
    for (; e == ERR_NOMEM; n++) {
        AUTO(output_done) struct output o = {0};
        struct walk_params params = walker_params(&o, &dir, "f");
        mem_fail_after(n);
        e = walker_run(d, &params, ORDER_RANDOM);
        mem_fail_after(-1);
    }
    assert_ok(e);
    assert_true(n > 39); /* a place for each node at least */
}

static void a_path_is_checked(void **state UNUSED)
{
    AUTO_DAG d = dag_new();
    AUTO(output_done) struct output o = {0};
    struct cid a = dag_raw(d, text_view("aa"));
    struct walk *w = NULL;
    struct walk_params params = walker_params(&o, &a, "../a");
    assert_err(walk_new(&params, &w), ERR_MODEL_ID_INVALID);
    assert_null(w);
    walk_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_block),
        cmocka_unit_test(empty_files),
        cmocka_unit_test(balanced_trees),
        cmocka_unit_test(ragged_trees),
        cmocka_unit_test(inline_leaves),
        cmocka_unit_test(mode_and_mtime_do_not_matter),
        cmocka_unit_test(paths),
        cmocka_unit_test(a_repeated_leaf_is_wanted_once),
        cmocka_unit_test(repeated_nodes_are_wanted_once),
        cmocka_unit_test(at_most_48_wants),
        cmocka_unit_test(at_most_32_mib_in_flight),
        cmocka_unit_test(interior_nodes_come_first),
        cmocka_unit_test(the_prefix_grows_with_the_file),
        cmocka_unit_test(a_wrong_block_is_wanted_again),
        cmocka_unit_test(a_block_over_2_mib_is_refused_unread),
        cmocka_unit_test(blocks_that_nobody_asked_for),
        cmocka_unit_test(the_sinks_error_ends_the_walk),
        cmocka_unit_test(every_allocation_can_fail),
        cmocka_unit_test(a_path_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
