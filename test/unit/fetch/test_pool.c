/* Chunks and bodies. */
#include "fetch/pool.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 200

static int setup(void **state)
{
    struct pool *p = calloc(1, sizeof(*p));
    *state = p;
    return p != NULL && pool_init(p, CHUNKS) == OK ? 0 : -1;
}

/* Every chunk is back. */
static int teardown(void **state)
{
    struct pool *p = *state;
    bool whole = p->n_free == CHUNKS;
    pool_done(p);
    free(p);
    return whole ? 0 : -1;
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 2654435761U >> 9);
}

static void check_bytes(const struct body *b, size_t skip, size_t len)
{
    struct iovec parts[BODY_CHUNKS_MAX];
    unsigned n = body_parts(b, skip, parts);
    size_t at = skip;
    for (unsigned i = 0; i < n; i++)
        for (size_t k = 0; k < parts[i].iov_len; k++)
            if (((const uint8_t *)parts[i].iov_base)[k] != pattern(at++))
                fail_msg("byte %zu", at - 1);
    assert_int_equal(at, len);
}

static void holds_what_is_appended(void **state)
{
    struct pool *p = *state;
    static const size_t pieces[] = {1, 7, POOL_CHUNK, POOL_CHUNK - 8, 3 * POOL_CHUNK + 5, 100};
    struct body *b = NULL;
    uint8_t bytes[4 * POOL_CHUNK];
    size_t len = 0;
    assert_int_equal(body_new(p, 1, &b), OK);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        for (size_t k = 0; k < pieces[i]; k++)
            bytes[k] = pattern(len + k);
        assert_int_equal(body_append(b, view_of(bytes, pieces[i])), OK);
        len += pieces[i];
        assert_int_equal(b->len, len);
        check_bytes(b, 0, len);
    }
    check_bytes(b, POOL_CHUNK, len);
    check_bytes(b, len - 1, len);
    assert_int_equal(p->n_free, CHUNKS - body_chunks(len));
    body_release(&b);
    assert_null(b);
}

static void has_a_maximum(void **state)
{
    struct pool *p = *state;
    struct body *b = NULL;
    static uint8_t bytes[STORE_BLOCK_MAX];
    assert_int_equal(body_new(p, BODY_CHUNKS_MAX + 1, &b), ERR_BLOCK_TOO_LARGE);
    assert_int_equal(body_new(p, 1, &b), OK);
    assert_int_equal(body_append(b, view_of(bytes, sizeof(bytes))), OK);
    assert_int_equal(body_append(b, view_of(bytes, 1)), ERR_BLOCK_TOO_LARGE);
    assert_int_equal(body_append(b, view_of(bytes, 0)), OK);
    assert_int_equal(b->len, STORE_BLOCK_MAX);
    body_release(&b);
}

static void waits_when_there_is_nothing_left(void **state)
{
    struct pool *p = *state;
    struct body *all[4] = {NULL};
    static uint8_t bytes[10 * POOL_CHUNK];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(body_new(p, 64, &all[i]), OK);
    assert_int_equal(body_new(p, 9, &all[3]), ERR_WOULD_BLOCK);
    assert_int_equal(body_new(p, 8, &all[3]), OK);
    assert_int_equal(body_append(all[3], view_of(bytes, 8 * POOL_CHUNK - 1)), OK);
    assert_int_equal(body_append(all[3], view_of(bytes, 2)), ERR_WOULD_BLOCK);
    assert_int_equal(all[3]->len, 8 * POOL_CHUNK - 1); /* all or nothing */
    body_trim(all[0]);
    assert_int_equal(p->n_free, 64);
    assert_int_equal(body_append(all[3], view_of(bytes, 2)), OK);
    for (size_t i = 0; i < 4; i++)
        body_release(&all[i]);
}

static void several_may_hold_it(void **state)
{
    struct pool *p = *state;
    struct body *one = NULL, *other = NULL;
    assert_int_equal(body_new(p, 5, &one), OK);
    other = body_hold(one);
    body_release(&one);
    assert_int_equal(p->n_free, CHUNKS - 5);
    body_release(&other);
    assert_int_equal(p->n_free, CHUNKS);
}

/* Half of what is left for each: nobody is shut out, and all get the same in the end. */
static void is_fair(void **state)
{
    struct pool *p = *state;
    size_t held[6] = {0};
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        size_t most = 0;
        for (; pool_fair(p, held[i], 1); held[i]++, most++)
            p->n_free--;
        assert_true(most > 0);
        if (i == 0)
            assert_int_equal(most, CHUNKS / 2);
    }
    assert_true(p->n_free == 0 || !pool_fair(p, held[0], 1));
    for (size_t i = 0; i < COUNT_OF(held); i++)
        p->n_free += held[i];
    assert_true(pool_fair(p, 0, CHUNKS)); /* one who has nothing gets what there is */
    assert_false(pool_fair(p, 0, CHUNKS + 1));
}

static void memory_can_be_refused(void **state)
{
    struct pool *p = *state, other = {0};
    struct body *b = NULL;
    mem_fail_after(0);
    err_t made = body_new(p, 1, &b), pool = pool_init(&other, 10);
    mem_fail_after(-1);
    assert_int_equal(made, ERR_NOMEM);
    assert_int_equal(pool, ERR_NOMEM);
    assert_int_equal(p->n_free, CHUNKS);
}

int main(void)
{
#define POOL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        POOL_TEST(holds_what_is_appended), POOL_TEST(has_a_maximum), POOL_TEST(waits_when_there_is_nothing_left),
        POOL_TEST(several_may_hold_it),    POOL_TEST(is_fair),       POOL_TEST(memory_can_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
