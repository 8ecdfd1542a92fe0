/* How many jobs a lane has under way, and what wakes the loop for them. */
#include "world.h"

#include <poll.h>

/* The result of a run of this length. */
static void answer_after(struct infer *i, uint32_t run_us)
{
    struct client *c = post(request_of(1, "1"));
    struct job j = infer_takes(i);
    const struct msg_result r = {.job = j.head.job, .result = ERR_RUN_FAILED, .run_us = run_us, .slot = j.head.slot};
    infer_says(i, &r, view_of("", 0), -1);
    expect_error(c, 400, "RUN_FAILED");
}

/* How many of as many requests as can be infer gets before it answers one; then it answers all, after short runs. */
static unsigned jobs_at_once(struct infer *i)
{
    static struct job jobs[2 * SLOTS_MAX];
    unsigned taken = 0, at_once = 0;
    for (unsigned n = 0; n < COUNT_OF(jobs); n++)
        (void)post(request_of(1, "1"));
    for (unsigned n = 0; n < COUNT_OF(jobs); n++) {
        while (infer_has_job(i))
            jobs[taken++] = infer_takes(i);
        at_once = MAX(at_once, n == 0 ? taken : 0);
        const struct msg_result r = {
            .job = jobs[n].head.job, .result = ERR_RUN_FAILED, .run_us = 100, .slot = jobs[n].head.slot};
        infer_says(i, &r, view_of("", 0), -1);
    }
    return at_once;
}

/* Twice as many as there are workers; as many as there are slots when runs have turned out to be short; then fewer. */
static void test_short_jobs_come_in_numbers(void **state)
{
    struct infer *i = load(1);
    (void)state;
    assert_int_equal(jobs_at_once(i), 4);
    assert_int_equal(jobs_at_once(i), SLOTS_MAX);
    answer_after(i, 10000);
    assert_int_equal(jobs_at_once(i), 4);
}

/* Models whose seats are many leave some to others. */
static void test_seats_for_other_models(void **state)
{
    struct infer *i = load(1);
    (void)state;
    assert_int_equal(jobs_at_once(i), 4);
    w.app->seated += CALLS_MAX / 2;
    assert_int_equal(jobs_at_once(i), 4);
    w.app->seated -= CALLS_MAX / 2;
}

static bool loop_wakes(void)
{
    struct pollfd p = {.fd = uv_backend_fd(&w.app->loop), .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* A request whose run has failed after so long, which front has not looked at. */
static struct client *fail_unseen(struct infer *i, uint32_t run_us, uint64_t *ret_job)
{
    struct client *c = post(request_of(1, "1"));
    struct job j = infer_takes(i);
    const struct msg_result r = {.job = j.head.job, .result = ERR_RUN_FAILED, .run_us = run_us, .slot = j.head.slot};
    turn();
    assert_false(loop_wakes());
    assert_int_equal(wire_send(&i->job, MSG_RESULT, &r, view_of("", 0), NULL, 0), OK);
    *ret_job = j.head.job;
    return c;
}

/* So that it is known: short runs, one at a time. */
static void run_short_ones(struct infer *i)
{
    for (int n = 0; n < 40; n++)
        answer_after(i, 100);
}

/* The keeper's message wakes the loop, once for both. */
static void test_results_of_short_runs_wake_nobody(void **state)
{
    struct infer *i = load(1);
    uint64_t job = 0;
    (void)state;
    run_short_ones(i);
    struct client *c = fail_unseen(i, 100, &job);
    const struct msg_no_receipt no = {.job = job, .reason = ERR_RUN_FAILED};
    assert_false(loop_wakes());
    assert_int_equal(wire_send(&w.keeper, MSG_NO_RECEIPT, &no, view_of(NULL, 0), NULL, 0), OK);
    assert_true(loop_wakes());
    (void)uv_run(&w.app->loop, UV_RUN_NOWAIT);
    assert_int_equal(w.app->seated, 0);
    expect_error(c, 400, "RUN_FAILED");
    c = fail_unseen(i, 100, &job); /* the keeper says nothing: the tick has it */
    for (int n = 0; n < 4 && w.app->seated > 0; n++)
        (void)uv_run(&w.app->loop, UV_RUN_ONCE);
    assert_int_equal(w.app->seated, 0);
    expect_error(c, 400, "RUN_FAILED");
    c = fail_unseen(i, 100000, &job); /* from now on results wake the loop */
    turn_for(150);
    expect_error(c, 400, "RUN_FAILED");
    c = fail_unseen(i, 100, &job);
    assert_true(loop_wakes());
    expect_error(c, 400, "RUN_FAILED");
}

/* Then the next job may begin meanwhile. */
static void test_results_of_many_wake_the_loop(void **state)
{
    struct infer *i = load(1);
    uint64_t job = 0;
    (void)state;
    run_short_ones(i);
    (void)jobs_at_once(i);
    struct client *c = fail_unseen(i, 100, &job);
    assert_true(loop_wakes());
    expect_error(c, 400, "RUN_FAILED");
}

static void test_death_after_short_runs(void **state)
{
    struct infer *i = load(1);
    (void)state;
    run_short_ones(i);
    struct client *c = post(request_of(1, "1"));
    (void)infer_takes(i);
    infer_dies(i);
    expect_error(c, 503, "MODEL_DIED");
}

/* Without receipts nobody else would say that a result is there. */
static void test_short_runs_without_receipts(void **state)
{
    uint64_t job = 0;
    (void)state;
    w.conf.receipts = 0;
    (void)post(request_of(1, "1"));
    struct infer *i = super_loads_ready(super_asked(1));
    struct job j = infer_takes(i);
    infer_answers(i, &j);
    run_short_ones(i);
    struct client *c = fail_unseen(i, 100, &job);
    assert_true(loop_wakes());
    expect_error(c, 400, "RUN_FAILED");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_short_jobs_come_in_numbers),
        TEST(test_seats_for_other_models),
        TEST(test_results_of_short_runs_wake_nobody),
        TEST(test_results_of_many_wake_the_loop),
        TEST(test_death_after_short_runs),
        TEST(test_short_runs_without_receipts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
