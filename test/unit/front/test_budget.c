/* Budget, pool and list. */
#include "front/budget.h"
#include "base/list.h"
#include "front/pool.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_budget(void **state)
{
    struct budget b = {.limit = 100};
    struct lease one = {0};
    struct lease two = {0};
    (void)state;
    assert_int_equal(lease_take(&one, &b, 60), OK);
    assert_int_equal(lease_take(&two, &b, 41), ERR_OVERLOADED);
    assert_int_equal(b.used, 60);
    assert_int_equal(lease_take(&two, &b, 40), OK);
    assert_int_equal(lease_resize(&one, 61), ERR_OVERLOADED);
    assert_int_equal(one.bytes, 60);
    assert_int_equal(lease_resize(&two, 10), OK);
    assert_int_equal(lease_resize(&one, 90), OK);
    assert_int_equal(lease_resize(&one, SIZE_MAX), ERR_OVERLOADED);
    assert_int_equal(b.used, 100);
    lease_done(&one);
    lease_done(&one);
    assert_int_equal(b.used, 10);
    lease_done(&two);
    assert_int_equal(b.used, 0);
}

/* The limit was lowered below what is held: giving back works, taking does not. */
static void test_budget_below_use(void **state)
{
    struct budget b = {.limit = 100};
    AUTO_LEASE struct lease l = {0};
    (void)state;
    assert_int_equal(lease_take(&l, &b, 80), OK);
    b.limit = 50;
    assert_int_equal(lease_resize(&l, 81), ERR_OVERLOADED);
    assert_int_equal(lease_resize(&l, 70), OK);
}

static void test_pool(void **state)
{
    struct pool p;
    void *blocks[3];
    (void)state;
    pool_init(&p, 64, 2);
    for (int i = 0; i < 3; i++) {
        blocks[i] = pool_take(&p);
        assert_non_null(blocks[i]);
        memset(blocks[i], i, 64);
    }
    for (int i = 0; i < 3; i++)
        pool_give(&p, blocks[i]); /* the third is freed: two are kept */
    pool_give(&p, NULL);
    mem_fail_after(0);
    assert_ptr_equal(pool_take(&p), blocks[1]);
    assert_ptr_equal(pool_take(&p), blocks[0]);
    assert_null(pool_take(&p));
    mem_fail_after(-1);
    pool_give(&p, blocks[0]);
    mem_free(blocks[1]);
    pool_done(&p);
}

static void test_list(void **state)
{
    struct item {
        int number;
        struct list link;
    } items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct list ring;
    struct list other;
    (void)state;
    list_init(&ring);
    list_init(&other);
    assert_true(list_empty(&ring));
    for (int i = 0; i < 3; i++) {
        list_init(&items[i].link);
        list_move(&ring, &items[i].link);
    }
    list_move(&ring, &items[0].link);
    list_move(&other, &items[2].link);
    assert_int_equal(LIST_OF(ring.next, struct item, link)->number, 1);
    assert_int_equal(LIST_OF(ring.prev, struct item, link)->number, 0);
    assert_ptr_equal(other.next, &items[2].link);
    list_remove(&items[2].link);
    list_remove(&items[2].link);
    assert_true(list_empty(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_budget_below_use),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
