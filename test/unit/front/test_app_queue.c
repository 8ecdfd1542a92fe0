/* Queues: how long they may be in number and in time, and how long a request may stand there. */
#include "base/clock.h"
#include "world.h"

static void test_queue_of_a_model(void **state)
{
    struct infer *i = NULL;
    (void)state;
    w.conf.queue_model = 5;
    for (int n = 0; n < 5; n++)
        (void)post(request_of(1, "1"));
    expect_error(post(request_of(1, "1")), 503, "QUEUE_FULL");
    assert_int_equal(retry_after(), 1);
    w.app->models[0].asked_ms -= 7500;
    expect_error(post(request_of(1, "1")), 503, "QUEUE_FULL");
    assert_int_equal(retry_after(), 8);
    w.app->models[0].asked_ms -= 3600000;
    expect_error(post(request_of(1, "1")), 503, "QUEUE_FULL");
    assert_int_equal(retry_after(), 30);
    i = super_loads_ready(super_asked(1));
    for (int n = 0; n < 4; n++) /* four run, one waits */
        (void)post(request_of(1, "1"));
    expect_error(post(request_of(1, "1")), 503, "QUEUE_FULL");
    assert_int_equal(retry_after(), 1);
    w.app->lanes->mean_us = 10000000; /* 5 × 10 s ÷ 4 slots */
    expect_error(post(request_of(1, "1")), 503, "QUEUE_FULL");
    assert_int_equal(retry_after(), 13);
    (void)i;
}

/* A request that need not wait is not refused because others wait, nor is the first one of a model: four slow models once took the whole
   node. */
static void test_queue_of_all(void **state)
{
    struct infer *i = load(1);
    (void)state;
    w.conf.queue_all = 3;
    for (int n = 0; n < 3; n++)
        (void)post(request_of(2, "1"));
    expect_error(post(request_of(2, "1")), 503, "QUEUE_FULL");
    run_one(i, 1);
    (void)super_asked(2);
    struct client *c = post(request_of(3, "1"));
    expect_error(post(request_of(3, "1")), 503, "QUEUE_FULL");
    struct infer *third = super_loads_ready(super_asked(3));
    struct job j = infer_takes(third);
    keeper_signs(j.head.job);
    infer_answers(third, &j);
    assert_int_equal(status_of(c), 200);
}

/* Jobs of 20 s on four slots: with seven that wait the next one's turn is 35 s away. */
static void test_queue_of_dear_jobs(void **state)
{
    struct infer *i = load(1);
    (void)state;
    w.app->lanes->mean_us = 20000000;
    for (int n = 0; n < 4 + 7; n++)
        assert_int_equal(status_of(post(request_of(1, "1"))), 0);
    expect_error(post(request_of(1, "1")), 503, "QUEUE_FULL");
    assert_int_equal(retry_after(), 30);
    (void)i;
}

static struct model *last_row(void)
{
    return &w.app->models[w.app->n_models - 1];
}

/* All that wait for its model have stood there for so long, when its queue is looked at. */
static void stood_for(uint64_t ms)
{
    struct model *m = last_row();
    for (struct list *at = m->queue.next; at != &m->queue; at = at->next)
        LIST_OF(at, struct call, link)->queued_ms = clock_mono_ms() - ms;
    models_tick(w.app, clock_mono_ms());
    turn();
}

/* Once a request could wait for the run time of all that stood before it. */
static void test_waiting_has_an_end(void **state)
{
    struct infer *gone = load(2), *i = load(1);
    struct client *clients[6];
    (void)state;
    infer_dies(gone); /* its row is free again, and stands before ours */
    (void)super_hears(MSG_FRONT_HUNG);
    for (size_t n = 0; n < COUNT_OF(clients); n++) /* four run */
        clients[n] = post(request_of(1, "1"));
    last_row()->ready_ms -= 60000;
    stood_for(w.conf.run_ms - 5000);
    for (size_t n = 0; n < COUNT_OF(clients); n++)
        assert_int_equal(status_of(clients[n]), 0);
    stood_for(w.conf.run_ms);
    for (size_t n = 0; n < 4; n++)
        assert_int_equal(status_of(clients[n]), 0);
    expect_error(clients[4], 503, "QUEUE_TIMEOUT");
    assert_true(retry_after() >= 1);
    expect_error(clients[5], 503, "QUEUE_TIMEOUT");
    assert_int_equal(w.app->waiting, 0);
    (void)i;
}

/* The time that loading took does not count. */
static void test_waiting_begins_when_the_model_is_there(void **state)
{
    struct client *clients[5];
    (void)state;
    for (size_t n = 0; n < COUNT_OF(clients); n++)
        clients[n] = post(request_of(1, "1"));
    stood_for(2 * w.conf.run_ms);
    (void)super_loads_ready(super_asked(1));
    stood_for(2 * w.conf.run_ms);
    assert_int_equal(status_of(clients[4]), 0);
    last_row()->ready_ms -= w.conf.run_ms;
    stood_for(2 * w.conf.run_ms);
    expect_error(clients[4], 503, "QUEUE_TIMEOUT");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_queue_of_a_model),
        TEST(test_queue_of_all),
        TEST(test_queue_of_dear_jobs),
        TEST(test_waiting_has_an_end),
        TEST(test_waiting_begins_when_the_model_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
