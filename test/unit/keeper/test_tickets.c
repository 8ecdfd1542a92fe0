/* The table of tickets. */
#include "keeper/tickets.h"

#include "unit.h"

static struct tickets table;

static int setup(void **state)
{
    (void)state;
    memset(&table, 0xff, sizeof(table));
    tickets_init(&table);
    return 0;
}

/* Job numbers as a front makes them. */
static uint64_t job_of(uint64_t counter)
{
    return UINT64_C(1) << 48 | counter;
}

static err_t add(uint32_t infer, uint64_t counter)
{
    struct wire_nonce nonce = {.len = NONCE_MIN, .bytes = {(uint8_t)infer, (uint8_t)counter}};
    return tickets_add(&table, &(struct msg_ticket){.job = job_of(counter), .infer = infer, .nonce = nonce},
                       1000 * counter + infer);
}

/* Takes it and compares all that was put in. */
static err_t take(uint32_t infer, uint64_t counter)
{
    struct ticket t = {0};
    TRY(tickets_take(&table, infer, job_of(counter), &t));
    assert_int_equal(t.infer, infer);
    assert_int_equal(t.job, job_of(counter));
    assert_int_equal(t.start_us, 1000 * counter + infer);
    assert_int_equal(t.nonce.len, NONCE_MIN);
    assert_int_equal(t.nonce.bytes[0], (uint8_t)infer);
    assert_int_equal(t.nonce.bytes[1], (uint8_t)counter);
    return OK;
}

static void fill(uint32_t infer, uint64_t first, uint64_t step, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_ok(add(infer, first + i * step));
}

static void drain(uint32_t infer, uint64_t first, uint64_t step, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_ok(take(infer, first + i * step));
}

static void test_once_in_once_out(void **state)
{
    (void)state;
    assert_err(take(1, 5), ERR_NOT_FOUND);
    assert_ok(add(1, 5));
    assert_err(add(1, 5), ERR_PROTOCOL);
    assert_err(take(2, 5), ERR_NOT_FOUND);
    assert_err(take(1, 6), ERR_NOT_FOUND);
    assert_err(take(1, 5 + TICKETS_MAX), ERR_NOT_FOUND);
    assert_ok(take(1, 5));
    assert_err(take(1, 5), ERR_NOT_FOUND);
    assert_int_equal(table.count, 0);
}

static void test_all_rows_serve(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        assert_false(tickets_full(&table));
        fill(7, 1, 1, TICKETS_MAX);
        assert_true(tickets_full(&table));
        assert_int_equal(table.count, TICKETS_MAX);
        assert_err(add(7, TICKETS_MAX + 1), ERR_TOO_LARGE);
        assert_err(add(8, 1), ERR_TOO_LARGE);
        assert_ok(take(7, 500)); /* one row is enough */
        assert_false(tickets_full(&table));
        assert_ok(add(9, 1));
        assert_true(tickets_full(&table));
        assert_ok(take(9, 1));
        assert_ok(add(7, 500));
        drain(7, 1, 1, TICKETS_MAX);
        assert_int_equal(table.count, 0);
    }
}

/* All of one bucket: every number is the same modulo the number of buckets. */
static void test_collisions(void **state)
{
    (void)state;
    fill(3, 9, TICKETS_MAX, TICKETS_MAX);
    assert_err(take(3, 8), ERR_NOT_FOUND);
    for (unsigned i = 1; i < TICKETS_MAX; i += 2) /* from within the chain, in its reverse order */
        assert_ok(take(3, 9 + (uint64_t)(TICKETS_MAX - i) * TICKETS_MAX));
    drain(3, 9, 2 * TICKETS_MAX, TICKETS_MAX / 2);
    assert_int_equal(table.count, 0);
}

/* The same job at several infers is several tickets. */
static void test_infers_are_apart(void **state)
{
    (void)state;
    for (uint32_t infer = 1; infer <= 4; infer++)
        fill(infer, 1, 1, TICKETS_MAX / 4);
    assert_true(tickets_full(&table));
    assert_ok(take(2, 17));
    assert_err(take(2, 17), ERR_NOT_FOUND);
    assert_ok(take(3, 17));
    assert_ok(take(1, 17));
}

static void test_an_infer_ends(void **state)
{
    (void)state;
    for (uint32_t infer = 1; infer <= 4; infer++)
        fill(infer, 1, 1, TICKETS_MAX / 4);
    tickets_drop_infer(&table, 3);
    assert_int_equal(table.count, TICKETS_MAX / 4 * 3);
    assert_err(take(3, 1), ERR_NOT_FOUND);
    fill(5, TICKETS_MAX, 1, TICKETS_MAX / 4);
    assert_true(tickets_full(&table));
    drain(1, 1, 1, TICKETS_MAX / 4);
    drain(2, 1, 1, TICKETS_MAX / 4);
    drain(4, 1, 1, TICKETS_MAX / 4);
    drain(5, TICKETS_MAX, 1, TICKETS_MAX / 4);
    tickets_drop_infer(&table, 3); /* has none */
    assert_int_equal(table.count, 0);
}

static void test_who_has_the_most(void **state)
{
    (void)state;
    assert_int_equal(tickets_most(&table), 0);
    fill(9, 1, 1, 1);
    assert_int_equal(tickets_most(&table), 9);
    fill(4, 1, 1, 20);
    fill(2, 1, 1, 30);
    fill(UINT32_MAX, 1, 1, 29);
    assert_int_equal(tickets_most(&table), 2);
    drain(2, 1, 1, 2);
    assert_int_equal(tickets_most(&table), UINT32_MAX);
    tickets_drop_infer(&table, UINT32_MAX);
    assert_int_equal(tickets_most(&table), 2);
}

static void test_infers_above(void **state)
{
    (void)state;
    fill(1, 1, 1, 5);
    fill(2, 1, 1, 6);
    fill(3, 1, 1, 7);
    fill(UINT32_MAX, 1, 1, TICKETS_MAX - 18);
    assert_false(tickets_drop_above(&table, UINT32_MAX));
    assert_true(tickets_drop_above(&table, 2));
    assert_int_equal(table.count, 11);
    assert_false(tickets_drop_above(&table, 2));
    drain(1, 1, 1, 5);
    drain(2, 1, 1, 6);
    assert_false(tickets_drop_above(&table, 0));
}

/* Numerical Recipes' linear congruential generator: the same numbers everywhere. */
static uint32_t next_random(void)
{
    static uint32_t x = 1;
    x = x * 1664525 + 1013904223;
    return x >> 8;
}

/* Against a plain array, with numbers that come and go in no order. */
static void test_against_a_model(void **state)
{
    enum { INFERS = 5, JOBS = 700, STEPS = 200000 };
    static bool there[INFERS][JOBS];
    (void)state;
    memset(there, 0, sizeof(there));
    for (unsigned i = 0, count = 0; i < STEPS; i++) {
        uint32_t infer = next_random() % INFERS;
        uint64_t job = next_random() % JOBS;
        bool *is = &there[infer][job];
        if (next_random() % 2 == 0) {
            bool fits = count < TICKETS_MAX;
            assert_err(add(infer + 1, job), !fits ? ERR_TOO_LARGE : *is ? ERR_PROTOCOL : OK);
            count += fits && !*is;
            *is = *is || fits;
        } else {
            assert_err(take(infer + 1, job), *is ? OK : ERR_NOT_FOUND);
            count -= *is;
            *is = false;
        }
        assert_int_equal(table.count, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_once_in_once_out, setup), cmocka_unit_test_setup(test_all_rows_serve, setup),
        cmocka_unit_test_setup(test_collisions, setup),       cmocka_unit_test_setup(test_infers_are_apart, setup),
        cmocka_unit_test_setup(test_an_infer_ends, setup),    cmocka_unit_test_setup(test_who_has_the_most, setup),
        cmocka_unit_test_setup(test_infers_above, setup),     cmocka_unit_test_setup(test_against_a_model, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
