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

/* ── requests of one turn of the loop ── */

#define TOGETHER 3
#define CROWD    20 /* more than leave at a time */

/* A lane whose jobs are so short that `count` of them go together. */
static void make_short(struct infer *i, unsigned count)
{
    static struct job jobs[CROWD];
    for (int n = 0; n < 40; n++)
        answer_after(i, 10);
    for (unsigned n = 0; n < count; n++) /* each slot has its area */
        (void)post(request_of(1, "1"));
    for (unsigned n = 0; n < count; n++)
        jobs[n] = infer_takes(i);
    for (unsigned n = 0; n < count; n++)
        infer_fails(i, &jobs[n], ERR_RUN_FAILED, "");
    (void)tickets();
}

static struct infer *load_short(void)
{
    struct infer *i = load(1);
    make_short(i, TOGETHER);
    return i;
}

/* The jobs of one datagram; how many. */
static unsigned take_pack(struct infer *i, struct msg_job *ret)
{
    AUTO(wire_inbox_done) struct wire_inbox in = {0};
    struct wire_msg m = WIRE_MSG_NONE;
    unsigned n = 0;
    assert_int_equal(wire_inbox_init(&in, CHAN_JOB), OK);
    do {
        assert_true(n < CROWD);
        assert_int_equal(wire_recv(&i->job, &in, false, &m), OK);
        assert_int_equal(m.type, MSG_JOB);
        memcpy(&ret[n++], m.fixed, sizeof(*ret));
        wire_msg_done(&m);
    } while (wire_more(&in));
    return n;
}

static void post_together(struct client **ret)
{
    for (unsigned n = 0; n < TOGETHER; n++)
        ret[n] = post_unseen(request_of(1, "1"));
    turn();
}

static void fail_job(struct infer *i, const struct msg_job *job, err_t e)
{
    const struct msg_result r = {.job = job->job, .result = (uint32_t)e, .run_us = 10, .slot = job->slot};
    infer_says(i, &r, view_of("", 0), -1);
}

static void test_requests_of_one_turn_go_together(void **state)
{
    struct infer *i = load_short();
    struct client *c[TOGETHER];
    struct msg_job jobs[TOGETHER];
    struct wire_msg m = WIRE_MSG_NONE;
    (void)state;
    post_together(c);
    for (unsigned n = 0; n < TOGETHER; n++) {
        assert_int_equal(wire_recv(&w.keeper, &w.inbox, false, &m), OK);
        w.tickets[n] = *(const struct msg_ticket *)m.fixed;
        assert_int_equal(wire_more(&w.inbox), n + 1 < TOGETHER);
    }
    assert_int_equal(take_pack(i, jobs), TOGETHER);
    assert_false(infer_has_job(i));
    for (unsigned n = 0; n < TOGETHER; n++) {
        assert_true(jobs[n].job == w.tickets[n].job && (n == 0 || jobs[n].job > jobs[n - 1].job));
        fail_job(i, &jobs[n], ERR_RUN_FAILED);
    }
    for (unsigned n = 0; n < TOGETHER; n++)
        expect_error(c[n], 400, "RUN_FAILED");
}

/* As many as there are workers have a deadline, and with each that ends the next one. */
static void test_deadlines_of_those_that_left_together(void **state)
{
    struct infer *i = load_short();
    struct client *c[TOGETHER];
    struct msg_job jobs[TOGETHER];
    unsigned timed = 0;
    (void)state;
    post_together(c);
    assert_int_equal(take_pack(i, jobs), TOGETHER);
    for (unsigned n = 0; n < CALLS_MAX; n++)
        timed += w.app->calls[n] != NULL && w.app->calls[n]->deadline_ms != UINT64_MAX;
    assert_int_equal(timed, w.app->workers);
    assert_int_equal(w.app->workers, TOGETHER - 1);
    fail_job(i, &jobs[0], ERR_RUN_FAILED);
    for (unsigned n = 0; n < CALLS_MAX; n++)
        assert_true(w.app->calls[n] == NULL || w.app->calls[n]->deadline_ms != UINT64_MAX);
    time_passes();
    expect_ended(i);
    expect_error(c[0], 400, "RUN_FAILED");
    expect_error(c[1], 504, "RUN_TIMEOUT");
    expect_error(c[2], 504, "RUN_TIMEOUT");
}

/* Of longer jobs each goes by itself, and so does what brings an area. */
static void test_longer_jobs_go_alone(void **state)
{
    struct infer *i = load(1);
    struct client *c[TOGETHER];
    struct msg_job jobs[TOGETHER];
    (void)state;
    for (int n = 0; n < 40; n++)
        answer_after(i, 10);
    post_together(c);
    assert_int_equal(take_pack(i, jobs), 1); /* its slot has been used */
    assert_int_equal(take_pack(i, jobs + 1), 1);
    assert_int_equal(take_pack(i, jobs + 2), 1);
    for (unsigned n = 0; n < TOGETHER; n++)
        fail_job(i, &jobs[n], ERR_RUN_FAILED);
    answer_after(i, 1000);
    post_together(c);
    for (unsigned n = 0; n < TOGETHER; n++) {
        assert_int_equal(take_pack(i, jobs), 1);
        fail_job(i, jobs, ERR_RUN_FAILED);
    }
}

/* Behind one that takes long: it is asked for once more, with another number, in its slot. */
static void test_a_job_that_comes_back(void **state)
{
    struct infer *i = load_short();
    struct client *c[TOGETHER];
    struct msg_job jobs[TOGETHER], again[2];
    (void)state;
    post_together(c);
    assert_int_equal(take_pack(i, jobs), TOGETHER);
    fail_job(i, &jobs[1], ERR_RUN_CANCELLED);
    keeper_refuses(jobs[1].job, ERR_RUN_CANCELLED);
    fail_job(i, &jobs[2], ERR_RUN_CANCELLED);
    assert_int_equal(take_pack(i, &again[0]), 1);
    assert_int_equal(take_pack(i, &again[1]), 1);
    for (unsigned n = 0; n < 2; n++) {
        assert_true(again[n].job > jobs[2].job);
        assert_int_equal(again[n].slot, jobs[n + 1].slot);
        assert_int_equal(again[n].bytes, jobs[n + 1].bytes);
    }
    assert_int_equal(w.tickets[tickets() - 1].job, again[1].job);
    assert_int_equal(status_of(c[1]), 0);
    fail_job(i, &again[0], ERR_RUN_FAILED);
    expect_error(c[1], 400, "RUN_FAILED");
    fail_job(i, &again[1], ERR_RUN_CANCELLED); /* not a third time */
    expect_error(c[2], 503, "RUN_CANCELLED");
    fail_job(i, &jobs[0], ERR_RUN_FAILED);
    expect_error(c[0], 400, "RUN_FAILED");
}

/* The tickets of one datagram; how many. */
static unsigned count_pack(void)
{
    struct wire_msg m = WIRE_MSG_NONE;
    unsigned n = 0;
    do {
        assert_int_equal(wire_recv(&w.keeper, &w.inbox, false, &m), OK);
        n++;
    } while (wire_more(&w.inbox));
    return n;
}

/* No more leave at a time than others do: the tickets of 171 did not fit into one datagram, and others' calls failed.
 */
static void test_jobs_that_come_back_in_numbers(void **state)
{
    struct infer *i = load(1);
    struct client *c[CROWD];
    struct msg_job jobs[CROWD];
    (void)state;
    make_short(i, CROWD);
    for (unsigned n = 0; n < CROWD; n++)
        c[n] = post_unseen(request_of(1, "1"));
    turn();
    unsigned first = take_pack(i, jobs);
    assert_int_equal(first + take_pack(i, jobs + first), CROWD);
    assert_int_equal(count_pack(), first);
    assert_int_equal(count_pack(), CROWD - first);
    for (unsigned n = 0; n < CROWD; n++) {
        const struct msg_result r = {.job = jobs[n].job, .result = ERR_RUN_CANCELLED, .slot = jobs[n].slot};
        assert_int_equal(wire_send(&i->job, MSG_RESULT, &r, view_of("", 0), NULL, 0), OK);
    }
    turn();
    assert_int_equal(count_pack(), first);
    assert_int_equal(count_pack(), CROWD - first);
    for (unsigned n = 0; n < CROWD; n++) {
        assert_int_equal(take_pack(i, jobs), 1);
        fail_job(i, jobs, ERR_RUN_FAILED);
        expect_error(c[n], 400, "RUN_FAILED");
    }
}

/* The number that it had is nobody's. */
static void test_a_job_that_comes_back_twice(void **state)
{
    struct infer *i = load_short();
    struct client *c[TOGETHER];
    struct msg_job jobs[TOGETHER], again;
    (void)state;
    post_together(c);
    assert_int_equal(take_pack(i, jobs), TOGETHER);
    fail_job(i, &jobs[1], ERR_RUN_CANCELLED);
    assert_int_equal(take_pack(i, &again), 1);
    fail_job(i, &jobs[1], ERR_RUN_CANCELLED);
    expect_ended(i);
    for (unsigned n = 0; n < TOGETHER; n++)
        expect_error(c[n], 503, "MODEL_DIED");
}

/* Its job is on its way already, or is to go in this turn. */
static void test_clients_that_leave_at_once(void **state)
{
    struct infer *i = load_short();
    struct msg_job jobs[TOGETHER];
    struct wire_msg m = WIRE_MSG_NONE;
    (void)state;
    struct client *stays = post_unseen(request_of(1, "1"));
    leave(post_unseen(request_of(1, "1")));
    turn();
    assert_int_equal(take_pack(i, jobs), 2);
    assert_int_equal(wire_recv(&i->cancel, &w.inbox, false, &m), OK);
    assert_int_equal(((const struct msg_cancel *)m.fixed)->job, jobs[1].job);
    fail_job(i, &jobs[1], ERR_RUN_CANCELLED);
    assert_false(infer_has_job(i));
    fail_job(i, &jobs[0], ERR_RUN_FAILED);
    expect_error(stays, 400, "RUN_FAILED");
}

/* What it did not get another process gets, in the same order. */
static void test_a_process_that_ends_before_the_departure(void **state)
{
    struct infer *i = load_short();
    struct client *c[TOGETHER];
    (void)state;
    for (unsigned n = 0; n < TOGETHER; n++)
        c[n] = post_unseen(request_of(1, n == 0 ? "1" : n == 1 ? "2" : "3"));
    infer_dies(i);
    (void)super_hears(MSG_FRONT_HUNG);
    struct infer *next = super_loads_ready(super_asked(1));
    for (unsigned n = 0; n < TOGETHER; n++) {
        struct job j = infer_takes(next);
        assert_true(j.first == (float)(n + 1));
        infer_fails(next, &j, ERR_RUN_FAILED, "");
        expect_error(c[n], 400, "RUN_FAILED");
    }
}

/* Any of them may have done it; from then on each goes by itself, so that the next time it is known. */
static void test_a_death_in_a_pack(void **state)
{
    struct infer *i = load_short();
    struct client *c[TOGETHER];
    struct msg_job jobs[TOGETHER];
    (void)state;
    for (unsigned n = 0; n < TOGETHER; n++)
        c[n] = post_unseen(request_of(1, n == 0 ? "11" : n == 1 ? "12" : "13"));
    turn();
    assert_int_equal(take_pack(i, jobs), TOGETHER);
    infer_dies(i);
    (void)super_hears(MSG_FRONT_HUNG);
    for (unsigned n = 0; n < TOGETHER; n++)
        expect_error(c[n], 503, "MODEL_DIED");
    struct client *again = post(request_of(1, "13")); /* the last of them, which no worker need have begun */
    struct infer *next = super_loads_ready(super_asked(1));
    (void)infer_takes(next);
    infer_dies(next);
    (void)super_hears(MSG_FRONT_HUNG);
    expect_error(again, 503, "MODEL_DIED");
    again = post(request_of(1, "13"));
    next = super_loads_ready(super_asked(1));
    expect_error(again, 403, "MODEL_KILLED_TWICE");
    make_short(next, TOGETHER);
    post_together(c);
    for (unsigned n = 0; n < TOGETHER; n++) {
        assert_int_equal(take_pack(next, jobs), 1);
        fail_job(next, jobs, ERR_RUN_FAILED);
        expect_error(c[n], 400, "RUN_FAILED");
    }
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
        TEST(test_requests_of_one_turn_go_together),
        TEST(test_deadlines_of_those_that_left_together),
        TEST(test_longer_jobs_go_alone),
        TEST(test_a_job_that_comes_back),
        TEST(test_jobs_that_come_back_in_numbers),
        TEST(test_a_job_that_comes_back_twice),
        TEST(test_clients_that_leave_at_once),
        TEST(test_a_death_in_a_pack),
        TEST(test_a_process_that_ends_before_the_departure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
