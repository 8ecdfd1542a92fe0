/* The table of infer processes, its memory budget, and the memory of failed loads. */
#include "base/mem.h"
#include "super/infers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wire_model model(uint8_t n)
{
    return (struct wire_model){.cid = {n}, .cid_len = 34};
}

static int setup(void **state)
{
    struct infers *t = mem_alloc(1, sizeof(*t));
    assert_non_null(t);
    t->budget = 1000;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    mem_free(*state);
    return 0;
}

static void test_numbers_are_never_used_twice(void **state)
{
    struct infers *t = *state;
    struct infer *first = infers_new(t);
    assert_int_equal(first->number, 1);
    infers_drop(t, first);
    assert_null(infers_by_number(t, 1));
    assert_null(infers_by_number(t, 0));
    assert_int_equal(infers_new(t)->number, 2);
}

static void test_the_table_is_full_once(void **state)
{
    struct infers *t = *state;
    for (unsigned i = 0; i < INFERS_MAX; i++)
        assert_non_null(infers_new(t));
    assert_null(infers_new(t));
    infers_drop(t, infers_by_number(t, 7));
    assert_int_equal(infers_new(t)->number, INFERS_MAX + 1);
}

static void test_by_model(void **state)
{
    struct infers *t = *state;
    struct wire_model m = model(1), with_path = model(1);
    struct infer *i = infers_new(t);
    with_path.path_len = 1;
    with_path.path[0] = 'x';
    i->model = m;
    assert_null(infers_by_model(t, &m)); /* it has not been assigned */
    i->state = INFER_PULLING;
    assert_ptr_equal(infers_by_model(t, &m), i);
    assert_null(infers_by_model(t, &with_path));
    i->state = INFER_LEAVING;
    assert_null(infers_by_model(t, &m));
    assert_int_equal(infers_count(t, INFER_LEAVING), 1);
}

static void test_budget(void **state)
{
    struct infers *t = *state;
    struct infer *a = infers_new(t), *b = infers_new(t);
    assert_true(infers_reserve(t, a, 600));
    assert_false(infers_reserve(t, b, 401));
    assert_true(infers_reserve(t, b, 400));
    assert_false(infers_reserve(t, a, 601));
    assert_true(infers_reserve(t, a, 100));
    assert_int_equal(t->used, 500);
    assert_true(infers_reserve(t, b, 900));
    infers_drop(t, b);
    assert_int_equal(t->used, 100);
    assert_false(infers_reserve(t, a, UINT64_MAX));
    assert_true(infers_reserve(t, a, 1000));
    infers_drop(t, a);
    assert_int_equal(t->used, 0);
}

static void test_the_oldest_goes_first(void **state)
{
    struct infers *t = *state;
    struct infer *a = infers_new(t), *b = infers_new(t), *c = infers_new(t);
    assert_null(infers_oldest(t));
    a->state = b->state = INFER_READY;
    c->state = INFER_LOADING;
    a->used_ms = 20;
    b->used_ms = 10;
    c->used_ms = 1;
    assert_ptr_equal(infers_oldest(t), b);
    assert_false(infers_releasing(t));
    b->releasing = true;
    assert_true(infers_releasing(t));
    assert_ptr_equal(infers_oldest(t), a);
}

static void test_failures_are_remembered_longer_each_time(void **state)
{
    static const uint32_t pauses[] = {5000, 10000, 20000, 40000, 60000, 60000};
    struct infers *t = *state;
    struct wire_model m = model(1), other = model(2);
    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        uint64_t now = 1000000 * (i + 1);
        infers_failed(t, &m, ERR_MODEL_NOT_FOUND, "why", now);
        assert_non_null(infers_failure(t, &m, now + pauses[i] - 1));
        assert_null(infers_failure(t, &m, now + pauses[i]));
    }
    const struct failure *f = infers_failure(t, &m, 6000000);
    assert_int_equal((int)f->reason, ERR_MODEL_NOT_FOUND);
    assert_string_equal(f->why, "why");
    assert_null(infers_failure(t, &other, 6000000));
    infers_worked(t, &m);
    infers_failed(t, &m, ERR_MODEL_NOT_FOUND, "", 7000000);
    assert_null(infers_failure(t, &m, 7005000));
}

static void test_only_so_many_failures_are_remembered(void **state)
{
    struct infers *t = *state;
    for (unsigned i = 0; i <= FAILURES_MAX; i++) {
        struct wire_model m = model((uint8_t)i);
        infers_failed(t, &m, ERR_TIMEOUT, "", 0);
    }
    struct wire_model first = model(0), last = model(FAILURES_MAX);
    assert_null(infers_failure(t, &first, 1));
    assert_non_null(infers_failure(t, &last, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_are_never_used_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_table_is_full_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_by_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures_are_remembered_longer_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_so_many_failures_are_remembered, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
