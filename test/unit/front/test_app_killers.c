/* Inputs that a model's process died of, twice. */
#include "world.h"

/* ── the table ── */

static const uint8_t *name(unsigned n)
{
    static uint8_t bytes[2][SHA256_LEN];
    static unsigned next;
    uint8_t *at = bytes[next++ % 2];
    memset(at, 0, SHA256_LEN);
    memcpy(at, &n, sizeof(n));
    return at;
}

static void test_two_deaths_within_a_minute(void **state)
{
    struct killers *k = calloc(1, sizeof(*k));
    (void)state;
    assert_non_null(k);
    assert_false(killers_know(k, name(1), 1000));
    killers_death(k, 1000);
    killers_note(k, name(1), name(10));
    killers_note(k, name(1), name(10)); /* it ran on both workers */
    assert_true(killers_know(k, name(1), 1000));
    assert_false(killers_know(k, name(2), 1000));
    assert_false(killers_refuse(k, name(1), name(10), 2000));
    killers_death(k, 60999);
    killers_note(k, name(1), name(10));
    assert_true(killers_refuse(k, name(1), name(10), 120998));
    assert_false(killers_refuse(k, name(1), name(11), 61000));
    assert_false(killers_refuse(k, name(2), name(10), 61000));
    assert_false(killers_refuse(k, name(1), name(10), 120999));
    killers_death(k, 130000);
    killers_note(k, name(1), name(10)); /* that is the first one again */
    assert_false(killers_refuse(k, name(1), name(10), 130000));
    free(k);
}

static void test_the_oldest_is_forgotten(void **state)
{
    struct killers *k = calloc(1, sizeof(*k));
    (void)state;
    assert_non_null(k);
    for (unsigned n = 0; n <= KILLERS_MAX; n++)
        for (unsigned death = 0; death < 2; death++) {
            killers_death(k, 1000 + n);
            killers_note(k, name(1), name(n));
        }
    assert_false(killers_refuse(k, name(1), name(0), 4000));
    for (unsigned n = 1; n <= KILLERS_MAX; n++)
        assert_true(killers_refuse(k, name(1), name(n), 4000));
    free(k);
}

/* ── requests ── */

/* The process dies while it runs `value`. */
static void dies_of(unsigned n, const char *value)
{
    struct client *c = post(request_of(n, value));
    struct infer *i = super_loads_ready(super_asked(n));
    struct job j = infer_takes(i);
    infer_dies(i);
    expect_error(c, 503, "MODEL_DIED");
    (void)super_hears(MSG_FRONT_HUNG);
    (void)j;
}

static void test_killed_twice(void **state)
{
    (void)state;
    dies_of(1, "7");
    dies_of(1, "8");
    dies_of(1, "7");
    struct client *c = post(request_of(1, "7"));
    struct infer *i = super_loads_ready(super_asked(1));
    expect_error(c, 403, "MODEL_KILLED_TWICE");
    run_one(i, 1); /* other inputs */
    expect_error(post(request_of(1, "7")), 403, "MODEL_KILLED_TWICE");
    c = post(request_of(2, "7")); /* another model */
    struct infer *other = super_loads_ready(super_asked(2));
    struct job j = infer_takes(other);
    keeper_signs(j.head.job);
    infer_answers(other, &j);
    assert_int_equal(status_of(c), 200);
    for (size_t n = 0; n < KILLERS_MAX; n++)
        w.app->killers.rows[n].last_ms -= MIN(w.app->killers.rows[n].last_ms, KILLERS_MEMORY_MS);
    c = post(request_of(1, "7"));
    j = infer_takes(i);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
}

/* With two workers the third had not begun: it is not to blame. */
static void test_who_waits_kills_nobody(void **state)
{
    struct client *clients[3];
    (void)state;
    for (int death = 0; death < 2; death++) {
        for (unsigned n = 0; n < 3; n++) {
            static const char *const values[] = {"7", "8", "9"};
            clients[n] = post(request_of(1, values[n]));
        }
        struct infer *i = super_loads_ready(super_asked(1));
        infer_dies(i);
        (void)super_hears(MSG_FRONT_HUNG);
        for (unsigned n = 0; n < 3; n++)
            expect_error(clients[n], 503, "MODEL_DIED");
    }
    struct client *c = post(request_of(1, "9"));
    struct infer *i = super_loads_ready(super_asked(1));
    assert_true(infer_has_job(i));
    expect_error(post(request_of(1, "8")), 403, "MODEL_KILLED_TWICE");
    (void)c;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_deaths_within_a_minute),
        cmocka_unit_test(test_the_oldest_is_forgotten),
        TEST(test_killed_twice),
        TEST(test_who_waits_kills_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
