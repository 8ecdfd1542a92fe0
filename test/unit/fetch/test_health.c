/* Pauses, limits and their ends, with a clock of our own. */
#include "fetch/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START 1000000 /* ms; the clock is never near zero */

static unsigned room(struct health h, uint64_t now)
{
    unsigned n = 0;
    for (; health_free(&h, now); n++)
        h.active++;
    return n;
}

static void one_request_until_it_answers(void **state)
{
    (void)state;
    struct health h = HEALTH_NEW;
    assert_int_equal(room(h, START), 1);
    health_answered(&h);
    assert_int_equal(room(h, START), HEALTH_REQUESTS);
    h.active = HEALTH_REQUESTS - 3;
    assert_int_equal(room(h, START), 3);
}

/* 1, 2, 4 ... 60 s, never longer, never for ever. */
static void pauses_double(void **state)
{
    (void)state;
    static const uint64_t pauses[] = {0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    struct health h = HEALTH_NEW;
    uint64_t now = START;
    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        assert_true(health_free(&h, now));
        assert_int_equal(health_failed(&h, now, now, 0), pauses[i]);
        assert_int_equal(health_dead(&h), i + 1 >= HEALTH_DEAD_FROM);
        if (pauses[i] > 0)
            assert_false(health_free(&h, now + pauses[i] - 1));
        now += pauses[i] + 1;
    }
    assert_int_equal(room(h, now), 1);
    health_answered(&h);
    assert_false(health_dead(&h));
    assert_int_equal(room(h, now), HEALTH_REQUESTS);
    assert_int_equal(health_failed(&h, now, now, 0), 0);
}

static void what_fails_together_counts_once(void **state)
{
    (void)state;
    struct health h = HEALTH_NEW;
    uint64_t pause = 0;
    health_answered(&h);
    for (int i = 0; i < HEALTH_REQUESTS; i++)
        pause += health_failed(&h, START, START + 5, 0);
    assert_int_equal(pause, HEALTH_PAUSE_MS);
    assert_int_equal(h.failures, HEALTH_PAUSE_FROM);
}

/* Its block may be one that nobody else has: NOT_FOUND must not be said while it is asked too late to answer. */
static void who_is_outrun_is_paused_and_not_dead(void **state)
{
    (void)state;
    struct health h = HEALTH_NEW;
    uint64_t now = START, pause = 0;
    for (unsigned i = 0; i < 20; i++) {
        now += pause + 1;
        pause = health_outrun(&h, now, now);
        assert_int_equal(pause > 0, i + 1 >= HEALTH_PAUSE_FROM);
        assert_false(health_dead(&h));
    }
    assert_false(health_free(&h, now));
    while (!health_dead(&h))
        (void)health_failed(&h, now + pause, now + pause, 0);
    now = h.paused_until_ms;
    (void)health_outrun(&h, now, now);
    assert_true(health_dead(&h)); /* that it was slow does not bring it back */
}

static void not_now_is_honoured(void **state)
{
    (void)state;
    struct health h = HEALTH_NEW;
    health_answered(&h);
    assert_int_equal(health_failed(&h, START, START, 7000), 7000);
    assert_false(health_free(&h, START + 6999));
    assert_int_equal(room(h, START + 7000), 1);
    health_answered(&h);
    assert_int_equal(room(h, START + 7000), HEALTH_REQUESTS / 2);
    assert_int_equal(health_failed(&h, START + 8000, START + 8000, 3600000), HEALTH_PAUSE_MAX);
}

/* One more for each round of answers. */
static void the_limit_comes_back(void **state)
{
    (void)state;
    struct health h = HEALTH_NEW;
    health_answered(&h);
    for (uint64_t now = START; h.most > 1; now += 10000)
        assert_true(health_failed(&h, now, now, 1) > 0);
    for (unsigned most = 1; most < HEALTH_REQUESTS; most++) {
        assert_int_equal(h.most, most);
        for (unsigned i = 0; i < most; i++)
            health_answered(&h);
    }
    assert_int_equal(h.most, HEALTH_REQUESTS);
    health_answered(&h);
    assert_int_equal(h.most, HEALTH_REQUESTS);
}

/* Who once lied has its turn again, but is never believed again. */
static void a_lie_is_held_against_it_for_a_while(void **state)
{
    (void)state;
    struct health h = HEALTH_NEW;
    assert_false(health_last(&h, 0));
    health_lied(&h, START);
    health_lied(&h, START + 1000);
    assert_true(health_last(&h, START + 1000));
    assert_true(health_last(&h, START + HEALTH_LAST_MS + 999));
    assert_false(health_last(&h, START + HEALTH_LAST_MS + 1000));
    health_answered(&h);
    assert_true(h.lying);
    health_lied(&h, START + 2 * HEALTH_LAST_MS);
    assert_true(health_last(&h, START + 2 * HEALTH_LAST_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request_until_it_answers),
        cmocka_unit_test(pauses_double),
        cmocka_unit_test(what_fails_together_counts_once),
        cmocka_unit_test(who_is_outrun_is_paused_and_not_dead),
        cmocka_unit_test(not_now_is_honoured),
        cmocka_unit_test(the_limit_comes_back),
        cmocka_unit_test(a_lie_is_held_against_it_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
