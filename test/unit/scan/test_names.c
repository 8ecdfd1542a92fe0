/* Duplicates are found whatever the order, number and shape of the names. */
#include "infer/scan/names.h"

#include "unit.h"

#define AUTO_NAMES AUTO(names_done) struct names

static void push(struct names *n, uint32_t group, const char *name)
{
    assert_ok(names_push(n, group, text_view(name)));
}

static void nothing_is_distinct(void **state UNUSED)
{
    AUTO_NAMES n = {0};
    uint32_t group = 0;

    assert_false(names_cut(&n, 0, &group));
}

static void groups_are_apart(void **state UNUSED)
{
    AUTO_NAMES n = {0};
    uint32_t group = 0;

    push(&n, 1, "a");
    push(&n, 2, "a");
    push(&n, 2, "ab");
    push(&n, 2, "");
    push(&n, 2, "b");
    assert_false(names_cut(&n, 0, &group));
    assert_int_equal(n.count, 0);
}

static void the_group_of_the_duplicate_is_told(void **state UNUSED)
{
    AUTO_NAMES n = {0};
    uint32_t group = 0;

    push(&n, 1, "x");
    push(&n, 7, "y");
    push(&n, 3, "x");
    push(&n, 7, "y");
    assert_true(names_cut(&n, 0, &group));
    assert_int_equal(group, 7);
}

static void empty_names_are_equal(void **state UNUSED)
{
    AUTO_NAMES n = {0};
    uint32_t group = 0;

    assert_ok(names_push(&n, 1, view_of(NULL, 0)));
    push(&n, 1, "");
    assert_true(names_cut(&n, 0, &group));
}

static void only_the_part_on_top_is_looked_at(void **state UNUSED)
{
    AUTO_NAMES n = {0};
    uint32_t group = 0;

    push(&n, 1, "x");
    size_t base = n.count;
    push(&n, 1, "x");
    assert_false(names_cut(&n, base, &group));
    assert_int_equal(n.count, 1);
    push(&n, 1, "x");
    assert_true(names_cut(&n, 0, &group));
}

/* `count` names, all different but for two that stand at places that the test chooses. */
static bool holds_duplicate(unsigned count, unsigned first, unsigned second)
{
    static char texts[2000][8];
    AUTO_NAMES n = {0};
    uint32_t group = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned value = i == second ? first : i;

        (void)snprintf(texts[i], sizeof(texts[i]), "%u", value * 7919 % 100003);
        push(&n, 1, texts[i]);
    }
    return names_cut(&n, 0, &group);
}

static void any_place_of_many(void **state UNUSED)
{
    for (unsigned count = 2; count < 60; count++) {
        assert_false(holds_duplicate(count, count, count));
        for (unsigned first = 0; first < count; first++)
            for (unsigned second = first + 1; second < count; second++)
                if (!holds_duplicate(count, first, second))
                    fail_msg("%u names, %u and %u", count, first, second);
    }
    assert_false(holds_duplicate(2000, 2000, 2000));
    assert_true(holds_duplicate(2000, 0, 1999));
}

static void the_bound(void **state UNUSED)
{
    AUTO_NAMES n = {0};
    uint32_t group = 0;

    for (size_t i = 0; i < NAMES_MAX; i++)
        assert_ok(names_push(&n, 1, view_of("x", 1)));
    assert_err(names_push(&n, 1, view_of("x", 1)), ERR_TOO_LARGE);
    assert_int_equal(n.count, NAMES_MAX);
    assert_true(names_cut(&n, 0, &group));
}

static void memory_ends(void **state UNUSED)
{
    AUTO_NAMES n = {0};

    mem_fail_after(0);
    err_t e = names_push(&n, 1, text_view("x"));
    mem_fail_after(-1);
    assert_err(e, ERR_NOMEM);
    assert_int_equal(n.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_distinct),
        cmocka_unit_test(groups_are_apart),
        cmocka_unit_test(the_group_of_the_duplicate_is_told),
        cmocka_unit_test(empty_names_are_equal),
        cmocka_unit_test(only_the_part_on_top_is_looked_at),
        cmocka_unit_test(any_place_of_many),
        cmocka_unit_test(the_bound),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
