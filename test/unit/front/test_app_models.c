/* Models that come and go: loading, failing, evicting, dying processes, seats, draining. */
#include "world.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static uint32_t infer_of(enum wire_type type)
{
    return ((const struct msg_front_infer *)super_hears(type))->infer;
}

/* ── loading ── */

static void test_one_question_for_all(void **state)
{
    struct client *first = post(request_of(1, "1"));
    struct client *second = post(request_of(1, "2"));
    uint32_t request = super_asked(1);
    (void)state;
    super_hears_nothing();
    super_fails(request, ERR_MODEL_NOT_ONNX, 0, "byte 7: \"x\"\n");
    expect_error(first, 400, "MODEL_NOT_ONNX");
    assert_non_null(strstr(last_answer(), "{\"error\":\"byte 7: \\\"x\\\"\","));
    assert_int_equal(retry_after(), -1);
    expect_error(second, 400, "MODEL_NOT_ONNX");
    first = post(request_of(1, "1"));
    assert_int_not_equal(super_asked(1), request);
    super_fails(request + 1, ERR_MODEL_OVER_BUDGET, 4001, "");
    expect_error(first, 503, "MODEL_OVER_BUDGET");
    assert_int_equal(retry_after(), 5);
    first = post(request_of(1, "1"));
    super_fails(super_asked(1), OK, 0, ""); /* a failure that is none */
    expect_error(first, 500, "INTERNAL");
}

/* Its number is never 0, which is none. */
static void test_question_numbers(void **state)
{
    (void)state;
    w.app->last_request = UINT32_MAX - 1;
    (void)post(request_of(1, "1"));
    (void)post(request_of(2, "1"));
    assert_int_equal(super_asked(1), UINT32_MAX);
    assert_int_equal(super_asked(2), 1);
}

/* As many questions as both sockets can hold, then "later"; once the process ended on the first that did not fit. */
static void test_many_questions(void **state)
{
    uint32_t requests[LOADS_MAX];
    (void)state;
    for (unsigned n = 0; n < LOADS_MAX; n++)
        (void)post(request_of(n, "1"));
    struct client *late = post(request_of(LOADS_MAX, "1"));
    expect_error(late, 503, "OVERLOADED");
    assert_int_equal(retry_after(), 1);
    for (unsigned n = 0; n < LOADS_MAX; n++)
        requests[n] = super_asked(n);
    for (unsigned n = 0; n < LOADS_MAX; n++) /* all at once, none of them read meanwhile */
        assert_int_equal(wire_send(&w.super, MSG_FRONT_FAILED,
                                   &(struct msg_front_failed){.request = requests[n], .reason = ERR_MODEL_NOT_FOUND},
                                   view_of("not there", 9), NULL, 0),
                         OK);
    for (unsigned n = 0; n < LOADS_MAX; n++)
        expect_error(&w.clients[n], 404, "MODEL_NOT_FOUND");
    assert_int_equal(w.app->n_models, 0);
    post_again(late, request_of(LOADS_MAX, "1"));
    (void)super_asked(LOADS_MAX);
}

/* More models one after the other than the table has rows: those that were let go, or failed, make room. */
static void test_table_does_not_fill(void **state)
{
    struct client *c = NULL;
    (void)state;
    for (unsigned n = 0; n < 2 * MODELS_MAX; n++) {
        const char *body = request_of(n, "1");
        if (c == NULL)
            c = post(body);
        else
            post_again(c, body);
        uint32_t request = super_asked(n);
        if (n % 2 == 0) {
            super_fails(request, ERR_MODEL_NOT_FOUND, 0, "");
            assert_int_equal(status_of(c), 404);
            continue;
        }
        struct infer *i = super_loads_ready(request);
        struct job j = infer_takes(i);
        keeper_signs(j.head.job);
        infer_answers(i, &j);
        assert_int_equal(status_of(c), 200);
        super_evicts(i);
        assert_int_equal(infer_of(MSG_FRONT_RELEASED), i->number);
        infer_dies(i);
        w.n_infers--;
    }
    assert_int_equal(w.app->n_models, 0);
}

static void test_full_table(void **state)
{
    (void)state;
    for (unsigned n = 0; n < MODELS_MAX; n++)
        w.app->models[n].state = MODEL_LOADING;
    w.app->n_models = MODELS_MAX;
    expect_error(post(request_of(1, "1")), 503, "OVERLOADED");
    memset(w.app->models, 0, sizeof(w.app->models));
    w.app->n_models = 0;
    (void)load(1);
}

/* ── processes that die ── */

/* The supervisor hears of the dead process before the next question: else it offered the same process again, which used
   up the one retry. */
static void test_death_before_it_is_introduced(void **state)
{
    struct client *c = post(request_of(1, "1"));
    struct infer *i = super_loads(super_asked(1));
    (void)state;
    infer_dies(i);
    assert_int_equal(infer_of(MSG_FRONT_HUNG), i->number);
    assert_int_equal(status_of(c), 0);
    i = super_loads(super_asked(1));
    infer_dies(i);
    assert_int_equal(infer_of(MSG_FRONT_HUNG), i->number);
    expect_error(c, 503, "MODEL_DIED");
    super_hears_nothing();
    (void)load(1);
}

static void test_no_introduction(void **state)
{
    struct client *c = post(request_of(1, "1"));
    struct infer *i = super_loads(super_asked(1));
    (void)state;
    turn_for(1500);
    super_hears_nothing();
    turn_for(1000);
    assert_int_equal(infer_of(MSG_FRONT_HUNG), i->number);
    expect_ended(i);
    (void)super_loads(super_asked(1));
    time_passes();
    expect_error(c, 503, "MODEL_DIED");
}

/* What ran is lost, what waited runs in the next process. */
static void test_death_with_a_queue(void **state)
{
    struct infer *i = load(1);
    struct client *clients[7];
    (void)state;
    for (int n = 0; n < 7; n++)
        clients[n] = post(request_of(1, "1"));
    assert_int_equal(w.app->lanes->running, 4);
    for (int n = 0; n < 4; n++)
        (void)infer_takes(i);
    infer_dies(i);
    for (int n = 0; n < 4; n++)
        expect_error(clients[n], 503, "MODEL_DIED");
    (void)infer_of(MSG_FRONT_HUNG);
    i = super_loads_ready(super_asked(1));
    for (int n = 4; n < 7; n++) {
        struct job j = infer_takes(i);
        keeper_signs(j.head.job);
        infer_answers(i, &j);
        assert_int_equal(status_of(clients[n]), 200);
    }
}

/* Never after it was handed over: its process may have been killed by it. */
static void test_no_second_try_of_what_ran(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    infer_dies(i); /* the job lies unread in its channel */
    expect_error(c, 503, "MODEL_DIED");
    (void)infer_of(MSG_FRONT_HUNG);
    super_hears_nothing();
}

/* The job could not be sent: it was not handed over. */
static void test_second_try_of_what_could_not_be_sent(void **state)
{
    struct infer *i = load(1);
    struct client *c = NULL;
    (void)state;
    wire_end_close(&i->job); /* front has not seen it yet when the request comes */
    c = post(request_of(1, "1.25"));
    (void)infer_of(MSG_FRONT_HUNG);
    assert_int_equal(status_of(c), 0);
    i = super_loads_ready(super_asked(1));
    struct job j = infer_takes(i);
    assert_true(j.first == 1.25F);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
    wire_end_close(&i->job);
    c = post(request_of(1, "1"));
    (void)infer_of(MSG_FRONT_HUNG);
    i = super_loads(super_asked(1));
    infer_introduces(i);
    assert_true(infer_has_job(i));
}

static void test_second_try_of_what_was_converted(void **state)
{
    struct infer *i = load(1);
    struct client *clients[6];
    (void)state;
    for (int n = 0; n < 6; n++)
        clients[n] = post(request_of(1, n < 4 ? "1" : n == 4 ? "7.5" : "8.5"));
    assert_non_null(LIST_OF(w.app->models[0].queue.next, struct call, link)->tensors);
    struct job j = infer_takes(i);
    struct msg_result failed = {.job = j.head.job, .slot = j.head.slot, .result = ERR_RUN_FAILED};
    assert_int_equal(wire_send(&i->job, MSG_RESULT, &failed, view_of(NULL, 0), NULL, 0), OK);
    wire_end_close(&i->job); /* with jobs unread: what it said before still counts; the next job cannot be sent */
    expect_error(clients[0], 400, "RUN_FAILED");
    for (int n = 1; n < 4; n++)
        expect_error(clients[n], 503, "MODEL_DIED");
    (void)infer_of(MSG_FRONT_HUNG);
    i = super_loads_ready(super_asked(1));
    for (int n = 4; n < 6; n++) {
        j = infer_takes(i);
        assert_true(j.first == (n == 4 ? 7.5F : 8.5F)); /* in the order in which they came */
        keeper_signs(j.head.job);
        infer_answers(i, &j);
        assert_int_equal(status_of(clients[n]), 200);
    }
}

/* ── eviction ── */

/* The process is let go after what runs in it and after the receipts, which would be lost with it. */
static void test_evict_while_it_runs(void **state)
{
    struct infer *i = load(1);
    struct client *running = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    super_evicts(i);
    super_hears_nothing();
    struct client *next = post(request_of(1, "1"));
    assert_false(infer_has_job(i));
    infer_answers(i, &j);
    super_hears_nothing();
    keeper_signs(j.head.job);
    assert_int_equal(status_of(running), 200);
    assert_int_equal(infer_of(MSG_FRONT_RELEASED), i->number);
    i = super_loads_ready(super_asked(1));
    assert_true(infer_has_job(i));
    assert_int_equal(status_of(next), 0);
}

/* Who waited for the process when it was asked to leave is served; who came later waits for the next one. */
static void test_evict_before_it_is_introduced(void **state)
{
    struct client *c = post(request_of(1, "1"));
    struct infer *i = super_loads(super_asked(1));
    (void)state;
    super_evicts(i);
    struct client *late = post(request_of(1, "2"));
    super_hears_nothing();
    infer_introduces(i);
    struct job j = infer_takes(i);
    assert_true(j.first == 1);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
    assert_int_equal(infer_of(MSG_FRONT_RELEASED), i->number);
    i = super_loads_ready(super_asked(1));
    assert_true(infer_takes(i).first == 2);
    assert_int_equal(status_of(late), 0);
}

/* Nobody is left of those that waited: no reason to stay. */
static void test_evict_when_who_waited_has_left(void **state)
{
    struct client *c = post(request_of(1, "1"));
    struct infer *i = super_loads(super_asked(1));
    (void)state;
    super_evicts(i);
    super_hears_nothing();
    leave(c);
    infer_introduces(i);
    assert_int_equal(infer_of(MSG_FRONT_RELEASED), i->number);
}

/* The two messages may cross. */
static void test_evict_of_what_has_ended(void **state)
{
    struct infer *i = load(1);
    (void)state;
    infer_dies(i);
    assert_int_equal(infer_of(MSG_FRONT_HUNG), i->number);
    super_evicts(i);
    assert_int_equal(infer_of(MSG_FRONT_RELEASED), i->number);
    super_hears_nothing();
}

static void test_hung_while_it_leaves(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    super_evicts(i);
    super_evicts(i);
    infer_dies(i);
    expect_error(c, 503, "MODEL_DIED");
    assert_int_equal(infer_of(MSG_FRONT_HUNG), i->number);
    super_hears_nothing();
}

/* ── limits ── */

static void test_seats(void **state)
{
    struct infer *i = load(1);
    (void)state;
    for (unsigned n = 0; n < CALLS_MAX; n++)
        w.app->calls[n] = w.app->calls[0] != NULL ? w.app->calls[0] : calloc(1, sizeof(struct call));
    w.app->calls[0]->deadline_ms = UINT64_MAX;
    w.app->seated = CALLS_MAX;
    expect_error(post(request_of(1, "1")), 503, "QUEUE_FULL");
    free(w.app->calls[0]);
    memset(w.app->calls, 0, sizeof(w.app->calls));
    w.app->seated = 0;
    run_one(i, 1);
}

/* A slow call's seat is passed over; numbers rise all the same. */
static void test_seat_that_is_taken(void **state)
{
    struct infer *i = load(1);
    struct client *slow = post(request_of(1, "1"));
    struct job first = infer_takes(i);
    uint64_t last = first.head.job;
    (void)state;
    w.app->counter += CALLS_MAX - 3;
    for (int n = 0; n < 4; n++) {
        struct client *c = post(request_of(1, "1"));
        struct job j = infer_takes(i);
        assert_true(j.head.job > last);
        assert_int_not_equal(j.head.job % CALLS_MAX, first.head.job % CALLS_MAX);
        last = j.head.job;
        keeper_signs(j.head.job);
        infer_answers(i, &j);
        assert_int_equal(status_of(c), 200);
    }
    keeper_signs(first.head.job);
    infer_answers(i, &first);
    assert_int_equal(status_of(slow), 200);
}

/* An infer that reports nothing to the keeper does not take every seat. */
static void test_results_without_reports(void **state)
{
    struct infer *i = load(1);
    struct job jobs[SIGNING_MAX];
    (void)state;
    w.conf.queue_model = 512;
    for (unsigned n = 0; n < SIGNING_MAX; n++) {
        (void)post(request_of(1, "1"));
        jobs[n] = infer_takes(i);
        infer_answers(i, &jobs[n]);
    }
    struct client *c = post(request_of(1, "1"));
    assert_false(infer_has_job(i));
    keeper_signs(jobs[0].head.job);
    assert_true(infer_has_job(i));
    time_passes();
    for (unsigned n = 1; n < SIGNING_MAX; n++)
        expect_error(&w.clients[n + 1], 503, "KEEPER_BUSY");
    (void)c;
}

/* ── the supervisor is slow ── */

/* Most of what is there, but nothing that comes later. */
static void *read_later(void *unused)
{
    static struct wire_inbox inbox;
    (void)usleep(200000);
    assert_int_equal(wire_inbox_init(&inbox, CHAN_FRONT), OK);
    for (int n = 0; n < 250; n++) {
        struct wire_msg m = WIRE_MSG_NONE;
        assert_int_equal(wire_recv(&w.super, &inbox, false, &m), OK);
    }
    wire_inbox_done(&inbox);
    return unused;
}

/* What must be said waits until it has read; once a full socket was the end of the process. */
static void test_full_control_socket(void **state)
{
    struct msg_front_active active = {.infer = 1};
    pthread_t reader;
    (void)state;
    while (wire_send(&w.app->control, MSG_FRONT_ACTIVE, &active, view_of(NULL, 0), NULL, 0) == OK)
        continue;
    assert_int_equal(pthread_create(&reader, NULL, read_later, NULL), 0);
    struct client *c = post(request_of(1, "1"));
    assert_int_equal(pthread_join(reader, NULL), 0);
    struct infer *i = super_loads_ready(super_asked(1));
    assert_true(infer_has_job(i));
    (void)c;
}

/* Which lanes are active can be told a second later. */
static void test_full_control_socket_and_active(void **state)
{
    struct infer *i = load(1);
    struct msg_front_infer none = {.infer = 1};
    (void)state;
    while (wire_send(&w.app->control, MSG_FRONT_HUNG, &none, view_of(NULL, 0), NULL, 0) == OK)
        continue;
    turn_for(300);
    while (infer_of(MSG_FRONT_HUNG) == 1 && poll(&(struct pollfd){w.super.fd, POLLIN, 0}, 1, 0) == 1)
        continue;
    run_one(i, 1);
    turn_for(1200);
    assert_int_equal(infer_of(MSG_FRONT_ACTIVE), i->number);
}

/* ── draining ── */

static void test_drain_with_calls(void **state)
{
    struct infer *i = load(1);
    struct client *running = post(request_of(1, "1"));
    struct client *waiting = post(request_of(2, "1"));
    struct client *idle = post("{");
    struct msg_drain drain = {.ms = 1000};
    (void)state;
    assert_int_equal(status_of(idle), 400);
    struct job j = infer_takes(i);
    uint32_t request = super_asked(2);
    super_says(MSG_FRONT_DRAIN, &drain, "");
    assert_int_equal(status_of(idle), 0);
    assert_true(idle->eof);
    leave(idle);
    leave(&w.clients[0]);
    super_hears_nothing();
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(running), 200);
    leave(running);
    struct infer *other = super_loads_ready(request);
    j = infer_takes(other);
    keeper_signs(j.head.job);
    infer_answers(other, &j);
    assert_int_equal(status_of(waiting), 200);
    super_hears_nothing();
    leave(waiting);
    (void)super_hears(MSG_FRONT_DRAINED);
}

/* A front that is started again while the node ends: this once was a null pointer. */
static void test_drain_before_it_serves(void **state)
{
    struct msg_drain drain = {.ms = 1000};
    struct msg_empty none = {0};
    (void)state;
    world_prepare();
    assert_int_equal(wire_send(&w.super, MSG_FRONT_DRAIN, &drain, view_of(NULL, 0), NULL, 0), OK);
    assert_int_equal(wire_send(&w.super, MSG_FRONT_EVICT, &none, view_of(NULL, 0), NULL, 0), OK);
    w.app->draining = true; /* as the message sets it while there is no server */
    world_serve();
    (void)super_hears(MSG_FRONT_DRAINED);
    world_end(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_question_for_all),
        TEST(test_question_numbers),
        TEST(test_many_questions),
        TEST(test_table_does_not_fill),
        TEST(test_full_table),
        TEST(test_death_before_it_is_introduced),
        TEST(test_no_introduction),
        TEST(test_death_with_a_queue),
        TEST(test_no_second_try_of_what_ran),
        TEST(test_second_try_of_what_could_not_be_sent),
        TEST(test_second_try_of_what_was_converted),
        TEST(test_evict_while_it_runs),
        TEST(test_evict_before_it_is_introduced),
        TEST(test_evict_when_who_waited_has_left),
        TEST(test_evict_of_what_has_ended),
        TEST(test_hung_while_it_leaves),
        TEST(test_seats),
        TEST(test_seat_that_is_taken),
        TEST(test_results_without_reports),
        TEST(test_full_control_socket),
        TEST(test_full_control_socket_and_active),
        TEST(test_drain_with_calls),
        cmocka_unit_test(test_drain_before_it_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
