/* The pause before a process starts again, and when there is none. */
#include "super/deaths.h"

#include "unit.h"

static uint32_t pause_of(struct deaths *d, uint64_t now_ms)
{
    uint32_t pause = 0;
    assert_true(deaths_note(d, now_ms, &pause));
    return pause;
}

static void test_the_pause_doubles(void **state)
{
    static const uint32_t wanted[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    struct deaths d = {0};
    (void)state;
    for (unsigned i = 0; i < COUNT_OF(wanted); i++)
        assert_int_equal(pause_of(&d, i), wanted[i]);
}

static void test_the_tenth_of_a_minute_is_the_last(void **state)
{
    struct deaths d = {0};
    uint32_t pause = 0;
    (void)state;
    for (unsigned i = 0; i < DEATHS_MAX - 1; i++)
        (void)pause_of(&d, 1000 * i);
    assert_false(deaths_note(&d, 59999, &pause));
}

/* A front that was killed every half a minute came back ever later, at last after ten seconds. */
static void test_what_is_a_minute_ago_is_forgotten(void **state)
{
    struct deaths d = {0};
    (void)state;
    assert_int_equal(pause_of(&d, 0), 100);
    for (uint64_t i = 1; i < 100; i++)
        assert_int_equal(pause_of(&d, 30000 * i), 200);
    for (uint64_t i = 1; i < 20; i++)
        assert_int_equal(pause_of(&d, 30000 * 99 + 60000 * i), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_pause_doubles),
        cmocka_unit_test(test_the_tenth_of_a_minute_is_the_last),
        cmocka_unit_test(test_what_is_a_minute_ago_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
