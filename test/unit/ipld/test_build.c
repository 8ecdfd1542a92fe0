/* The builder. The expected CIDs of files of zeros come from ipfs_cid (version 0) and from the independent builder in
   test/conformance/cid_oracle.py (both versions); there, too, are the 200 random sizes. */
#include "ipld/build.h"

#include "walker.h"

static err_t keep_block(void *user, const struct cid *cid, struct view bytes)
{
    struct dag *d = user;
    struct cid added = dag_add(d, cid_version(cid), cid_codec(cid), bytes);
    assert_true(cid_equal(&added, cid));
    return OK;
}

static err_t push_zeros(struct build *b, uint64_t n)
{
    static const uint8_t zeros[100000];
    for (uint64_t part = 0; n > 0; n -= part) {
        part = MIN(n, sizeof(zeros));
        TRY(build_push(b, view_of(zeros, part)));
    }
    return OK;
}

#define CHUNK BUILD_CHUNK
static const struct {
    uint64_t size;
    const char *cids[2];
} zeros[] = {
    {0,
     {"QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}},
    {1,
     {"QmS9JArPwa55ePgDnyg6TzX24mYTS1b1vLqWNebyVotKxQ", "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"}},
    {CHUNK - 1,
     {"QmbNDspMkzkMFKyS3eCJGedG7GWRQHSCzJCZLjxP7wyVAx", "bafkreic6iqyxuiad5dem4bzgyy336yoi6tegdqa4e5vt24gq3btool5cra"}},
    {CHUNK,
     {"QmRk1rduJvo5DfEYAaLobS2za9tDszk35hzaNSDCJ74DA7", "bafkreiekhhjkxu4ztk3tyng3er3ijhg56mb44oe3gwbgquhzu4afrg2ksa"}},
    {CHUNK + 1,
     {"QmbVuw4C4vcmVKqxoWtgDVobvcHrSn51qsmQmyxjk4sB2Q", "bafybeigllfqgfpqydppr6cmv56g7ax4wyhruzswvcefv6j5kj77nzttfki"}},
    {2 * CHUNK,
     {"QmeBAFpC3fbNhVMsExM8uS23gKmiaPQJbNu5rFEKDGdhcW", "bafybeig5axbv7uxiwv63kn6qvegw5vbz2tlgv4nhz4crv6g3f3rat7ttsi"}},
    {174 * CHUNK,
     {"QmY4HSz1oVGdUzb8poVYPLsoqBZjH6LZrtgnme9wWn2Qko", "bafybeibxsa3ioclowpaq7b6gxl65gzqneopfr3fnhedak6sqr4bjz5lnyq"}},
    {174 * CHUNK + 1,
     {"QmehMASWcBsX7VcEQqs6rpR5AHoBfKyBVEgmkJHjpPg8jq", "bafybeihqwzd3o6q6v3pmwhzjy22vokhr767burokmqemg63hptx2nqd7ym"}},
    {175 * CHUNK,
     {"QmaL1KiQRV8secNszpjjFPg722T53c77k2dz5UsNua59ZT", "bafybeigfps5vzivfspwgm3uwsfyl5s6bn3ysh7uqidgauxgopw4yi66lse"}},
};

static void names_files_of_zeros(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(zeros); i++)
        for (unsigned version = 0; version < 2; version++) {
            AUTO_DAG d = dag_new();
            AUTO(build_free) struct build *b = NULL;
            struct cid root;
            char text[CID_TEXT_SIZE];
            uint64_t size = 0;
            assert_ok(build_new(version, &(struct build_sink){d, keep_block}, &b));
            assert_ok(push_zeros(b, zeros[i].size));
            assert_ok(build_finish(b, &root, &size));
            cid_to_text(&root, text);
            assert_string_equal(text, zeros[i].cids[version]);
            assert_int_equal(size, zeros[i].size);
        }
}

/* Builds `n` bytes pushed in pieces of `piece`, walks them back and compares. */
static void there_and_back(unsigned version, size_t n, size_t piece)
{
    AUTO_DAG d = dag_new();
    AUTO(build_free) struct build *b = NULL;
    AUTO(output_done) struct output o = {0};
    struct cid root;
    uint64_t size = 0;
    uint8_t *bytes = malloc(n + 1);
    if (bytes == NULL)
        fail();
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 2654435761U >> 13);
    assert_ok(build_new(version, &(struct build_sink){d, keep_block}, &b));
    for (size_t at = 0; at < n; at += piece)
        assert_ok(build_push(b, view_of(bytes + at, MIN(piece, n - at))));
    assert_ok(build_finish(b, &root, &size));
    struct walk_params params = walker_params(&o, &root, "");
    assert_ok(walker_run(d, &params, ORDER_RANDOM));
    assert_true(view_equal(view_of(o.bytes, o.size), view_of(bytes, n)));
    assert_true(cid_equal(&o.file, &root));
    free(bytes);
}

static void what_it_builds_can_be_walked(void **state UNUSED)
{
    for (unsigned version = 0; version < 2; version++) {
        there_and_back(version, 0, 1);
        there_and_back(version, 5, 1);
        there_and_back(version, CHUNK, CHUNK);
        there_and_back(version, 3 * CHUNK + 17, 1000);
        there_and_back(version, 10 * CHUNK, 3 * MIB);
    }
}

static err_t refuse_block(void *user, const struct cid *cid UNUSED, struct view bytes UNUSED)
{
    int *left = user;
    return (*left)-- > 0 ? OK : ERR_IO;
}

static err_t build_zeros(struct build_sink sink, uint64_t n)
{
    AUTO(build_free) struct build *b = NULL;
    struct cid root;
    uint64_t size = 0;
    TRY(build_new(0, &sink, &b));
    TRY(push_zeros(b, n));
    return build_finish(b, &root, &size);
}

static void the_sinks_error_ends_the_build(void **state UNUSED)
{
    for (int good = 0; good < 4; good++) { /* three leaves and a root */
        int left = good;
        assert_err(build_zeros((struct build_sink){&left, refuse_block}, 3 * CHUNK), ERR_IO);
    }
    int left = 4;
    assert_ok(build_zeros((struct build_sink){&left, refuse_block}, 3 * CHUNK));
}

static void every_allocation_can_fail(void **state UNUSED)
{
    err_t e = ERR_NOMEM;
    long n = 0;
    for (; e == ERR_NOMEM; n++) {
        int left = 100;
        mem_fail_after(n);
        e = build_zeros((struct build_sink){&left, refuse_block}, 3 * CHUNK + 1);
        mem_fail_after(-1);
    }
    assert_ok(e);
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_files_of_zeros),
        cmocka_unit_test(what_it_builds_can_be_walked),
        cmocka_unit_test(the_sinks_error_ends_the_build),
        cmocka_unit_test(every_allocation_can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
