/* Who stands behind whom: ten times a second, by what each takes. */
#include "super/share.h"

#include "unit.h"

#include <limits.h>

#define TICK_NS UINT64_C(100000000)

static const struct share_others nobody = {.part = UINT_MAX};

static struct share_others others_have(unsigned part)
{
    return (struct share_others){.any = true, .part = part};
}

/* Takes `cores` thousandths of a core for a tick, and moves to its next place; with a part of UINT_MAX there is nobody else. */
static void tick(struct share *s, unsigned cores, unsigned part)
{
    struct share_others others = part != UINT_MAX ? others_have(part) : nobody;
    share_note(s, s->cpu_ns + TICK_NS * cores / 1000, s->at_ns + TICK_NS);
    s->nice = share_next(s, &others, 0);
}

/* It is not new any more. */
static void begin(struct share *s, uint64_t cpu_ns)
{
    share_begin(s, cpu_ns, 1);
    s->new_until_ns = 0;
}

static void test_use_is_of_late(void **state)
{
    struct share s = {0};
    (void)state;
    begin(&s, 5000000000); /* what it took before does not count */
    for (unsigned n = 0; n < 30; n++)
        tick(&s, 2000, UINT_MAX);
    assert_in_range(s.used, 1990, 2000);
    for (unsigned n = 0; n < 10; n++)
        tick(&s, 0, UINT_MAX);
    assert_in_range(s.used, 0, 200);
    assert_true(share_counts(&s));
    for (unsigned n = 0; n < 30; n++)
        tick(&s, 0, UINT_MAX);
    assert_false(share_counts(&s));
}

/* Two clocks, read one after the other: neither need be later than at the last look. */
static void test_clocks_that_stand_still(void **state)
{
    struct share s = {0};
    (void)state;
    share_begin(&s, 1000, 1000);
    share_note(&s, 2000, 1000);
    share_note(&s, 900, 2000);
    assert_int_equal(s.used, 0);
    assert_int_equal(s.cpu_ns, 1000);
}

static void test_who_takes_more_goes_back_and_returns(void **state)
{
    struct share s = {0};
    (void)state;
    begin(&s, 0);
    tick(&s, 1900, 300);
    assert_int_equal(s.nice, 4);
    for (unsigned n = 0; n < 30; n++)
        tick(&s, 1900, 1000);
    assert_int_equal(s.nice, SHARE_MORE);
    for (unsigned n = 0; n < 30; n++)
        tick(&s, 900, 1000); /* what the others leave it: it stays where it is */
    assert_int_equal(s.nice, SHARE_MORE);
    for (unsigned n = 0; n < 30; n++)
        tick(&s, 400, 1000); /* less than half of what the others have: it comes forward */
    assert_int_equal(s.nice, 0);
}

static void test_who_is_alone_stands_in_front(void **state)
{
    struct share s = {.nice = SHARE_MORE};
    (void)state;
    begin(&s, 0);
    for (unsigned n = 0; n < 10; n++)
        tick(&s, 2000, UINT_MAX);
    assert_int_equal(s.nice, 0);
}

/* A large model that nobody shares the node with is not to suffer for what other programs do on its machine. */
static void test_long_runs_alone(void **state)
{
    struct share s = {.slow = true};
    struct share_others loading = {.any = true, .part = UINT_MAX};
    (void)state;
    begin(&s, 0);
    for (unsigned n = 0; n < 10; n++)
        tick(&s, 2000, UINT_MAX);
    assert_int_equal(s.nice, 0);
    assert_int_equal(share_next(&s, &loading, 0), SHARE_SLOW); /* there is somebody, with whom it cannot be compared */
}

/* A loop without end beside a model that keeps a core busy: what both take is the same, what they ask for is not. */
static void test_long_runs_stand_behind_all_others(void **state)
{
    struct share s = {.slow = true};
    (void)state;
    begin(&s, 0);
    tick(&s, 500, 1000);
    assert_int_equal(s.nice, SHARE_SLOW);
    assert_false(share_counts(&s));
    s.slow = false;
    tick(&s, 0, 1000);
    assert_in_range(s.nice, SHARE_MORE, SHARE_SLOW - 1); /* it comes forward step by step */
}

/* Models that are loaded, used, dropped and loaded again, four at a time, once made one that was asked all the time look greedy. */
static void test_newcomers_come_from_behind(void **state)
{
    struct share s = {.nice = SHARE_BEGIN};
    (void)state;
    share_begin(&s, 0, 1);
    for (unsigned n = 0; n < 29; n++)
        tick(&s, 10, 800);
    assert_int_equal(s.nice, SHARE_BEGIN);
    assert_false(share_counts(&s));
    for (unsigned n = 0; n < 10; n++)
        tick(&s, 10, 800);
    assert_int_equal(s.nice, 0);
    assert_true(share_counts(&s));
}

/* Then, too, who takes more than others stays behind; and who has nobody beside him need not wait. */
static void test_newcomers_that_take_much_or_are_alone(void **state)
{
    struct share greedy = {.nice = SHARE_BEGIN}, alone = greedy;
    struct share_others others = others_have(10);
    (void)state;
    share_begin(&greedy, 0, 1);
    share_begin(&alone, 0, 1);
    for (unsigned n = 0; n < 40; n++)
        tick(&greedy, 2000, 800);
    assert_int_equal(greedy.nice, SHARE_BEGIN);
    for (unsigned n = 0; n < 10; n++)
        tick(&alone, 2000, UINT_MAX);
    assert_int_equal(alone.nice, 0);
    assert_int_equal(share_next(&alone, &others, SHARE_BEGIN), SHARE_BEGIN); /* it is loading */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_use_is_of_late),
        cmocka_unit_test(test_clocks_that_stand_still),
        cmocka_unit_test(test_who_takes_more_goes_back_and_returns),
        cmocka_unit_test(test_who_is_alone_stands_in_front),
        cmocka_unit_test(test_long_runs_alone),
        cmocka_unit_test(test_long_runs_stand_behind_all_others),
        cmocka_unit_test(test_newcomers_come_from_behind),
        cmocka_unit_test(test_newcomers_that_take_much_or_are_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
