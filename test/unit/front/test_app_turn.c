/* What a request says of its turn: before whom it is taken, and until when it wants its answer. */
#include "base/clock.h"
#include "world.h"

/* x = [value, 2] for model 1 over the Open Inference Protocol; NULL: without parameters. */
static struct client *ask(const char *value, const char *parameters)
{
    char id[64] = "", json[512], text[1024];
    assert_int_equal(sscanf(request_of(1, "1"), "{\"ipfs_hash\":\"%63[^\"]", id), 1);
    struct client *c = get("/v2/health/live");
    assert_int_equal(status_of(c), 200);
    (void)snprintf(json, sizeof(json),
                   "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[2],\"data\":[%s,2]}]%s%s%s}", value,
                   parameters != NULL ? ",\"parameters\":{" : "", parameters != NULL ? parameters : "",
                   parameters != NULL ? "}" : "");
    (void)snprintf(text, sizeof(text), "POST /v2/models/%s/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                   id, strlen(json), json);
    say(c, text);
    return c;
}

/* Model 1 with a job on each of its four slots. */
static struct infer *busy(struct job ret_jobs[static 4])
{
    struct infer *i = load(1);
    for (int n = 0; n < 4; n++) {
        (void)post(request_of(1, "1"));
        ret_jobs[n] = infer_takes(i);
    }
    return i;
}

static void finish(struct infer *i, const struct job *j)
{
    keeper_signs(j->head.job);
    infer_answers(i, j);
}

/* Of the call that stands at this place of the queue. */
static struct call *waiting(unsigned place)
{
    struct list *at = w.app->models[0].queue.next;
    while (place-- > 0)
        at = at->next;
    assert_true(at != &w.app->models[0].queue);
    return LIST_OF(at, struct call, link);
}

static struct call *running(const struct job *j)
{
    return w.app->calls[j->head.job % CALLS_MAX];
}

/* ── levels ── */

/* Those that wait are taken in this order, by the first element of their input. */
static void expect_order(struct infer *i, struct job *j, const float *wanted, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        finish(i, j);
        *j = infer_takes(i);
        assert_true(j->first == wanted[n]);
    }
    finish(i, j);
    assert_false(infer_has_job(i));
}

static void test_levels(void **state)
{
    static const float wanted[] = {12, 14, 10, 13, 16, 11, 15};
    struct job jobs[4];
    (void)state;
    w.conf.priorities = 3;
    struct infer *i = busy(jobs);
    (void)post(request_of(1, "10")); /* has the default level, which is 2 */
    (void)ask("11", "\"priority\":3");
    (void)ask("12", "\"priority\":1");
    (void)ask("13", "\"priority\":0");
    (void)ask("14", "\"priority\":1");
    (void)ask("15", "\"priority\":3");
    (void)ask("16", NULL);
    assert_int_equal(w.app->waiting, 7);
    expect_order(i, &jobs[0], wanted, COUNT_OF(wanted));
}

static void test_default_levels(void **state)
{
    static const unsigned defaults[] = {0, 1, 1, 2, 2, 3, 3, 4, 4};
    struct job jobs[4];
    (void)state;
    struct infer *i = busy(jobs);
    for (unsigned n = 0; n < COUNT_OF(defaults); n++) {
        w.conf.priorities = n;
        struct client *c = post(request_of(1, "1"));
        assert_int_equal(waiting(0)->level, defaults[n]);
        leave(c);
        turn();
    }
    (void)i;
}

/* An operator who says nothing of levels has none, whatever a client claims. */
static void test_no_levels(void **state)
{
    static const float wanted[] = {10, 11, 12, 13};
    struct job jobs[4];
    (void)state;
    struct infer *i = busy(jobs);
    (void)ask("10", "\"priority\":3");
    (void)ask("11", "\"priority\":1");
    (void)ask("12", "\"priority\":\"high\"");
    (void)ask("13", "\"priority\":-1");
    expect_order(i, &jobs[0], wanted, COUNT_OF(wanted));
}

/* Who waits is not pushed out. */
static void test_full_for_all_levels(void **state)
{
    struct job jobs[4];
    (void)state;
    w.conf.priorities = 2;
    w.conf.queue_model = 2;
    struct infer *i = busy(jobs);
    struct client *low[] = {ask("10", "\"priority\":2"), ask("11", "\"priority\":2")};
    expect_error(ask("12", "\"priority\":1"), 503, "QUEUE_FULL");
    assert_true(retry_after() >= 1);
    for (size_t n = 0; n < COUNT_OF(low); n++)
        assert_int_equal(status_of(low[n]), 0);
    (void)i;
}

/* A call that could not be handed over is the first of its level again, and no more than that. */
static void test_taken_back(void **state)
{
    static const float wanted[] = {11, 10, 13, 12, 14};
    struct job jobs[4];
    (void)state;
    w.conf.priorities = 3;
    struct infer *i = busy(jobs);
    (void)ask("10", "\"priority\":1");
    (void)ask("11", "\"priority\":1");
    (void)ask("12", "\"priority\":2");
    (void)ask("13", "\"priority\":2");
    (void)ask("14", "\"priority\":3");
    for (unsigned place = 1; place <= 4; place += place == 1 ? 2 : 1) {
        struct call *c = waiting(place);
        models_leave(c);
        models_requeue(&w.app->models[0], c);
    }
    expect_order(i, &jobs[0], wanted, COUNT_OF(wanted));
}

static void test_refused(void **state)
{
    static const struct {
        const char *parameters;
        const char *code;
        const char *said;
    } rows[] = {
        {"\"timeout\":\"5\"", "FIELD_TYPE", "parameters.timeout: a number from 0"},
        {"\"timeout\":true", "FIELD_TYPE", "parameters.timeout: a number from 0"},
        {"\"timeout\":-1", "FIELD_VALUE", "parameters.timeout: a number from 0"},
        {"\"timeout\":1.5", "FIELD_VALUE", "parameters.timeout: a number from 0"},
        {"\"timeout\":18446744073709551616", "FIELD_VALUE", "parameters.timeout: a number from 0"},
        {"\"timeout\":86400000001", "FIELD_VALUE", "parameters.timeout: at most 86400000000"},
        {"\"timeout\":1,\"timeout\":1", "FIELD_DUPLICATE", "timeout: stands twice"},
        {"\"priority\":\"1\"", "FIELD_TYPE", "parameters.priority: a number from 0"},
        {"\"priority\":-1", "FIELD_VALUE", "parameters.priority: a number from 0"},
        {"\"priority\":1.0", "FIELD_VALUE", "parameters.priority: a number from 0"},
        {"\"priority\":4", "FIELD_VALUE", "parameters.priority: at most 3"},
        {"\"priority\":256", "FIELD_VALUE", "parameters.priority: at most 3"},
    };
    (void)state;
    w.conf.priorities = 3;
    for (size_t n = 0; n < COUNT_OF(rows); n++) {
        expect_error(ask("1", rows[n].parameters), 400, rows[n].code);
        if (strstr(last_answer(), rows[n].said) == NULL)
            fail_msg("not \"%s\": %s", rows[n].said, last_answer());
    }
    super_hears_nothing();
}

/* ── timeouts ── */

static void test_time_to_wait(void **state)
{
    struct job jobs[4];
    (void)state;
    struct infer *i = busy(jobs);
    struct client *patient = ask("10", "\"timeout\":0");
    struct client *pressed = ask("11", "\"timeout\":20000000");
    struct client *last = ask("12", "\"timeout\":86400000000");
    uint64_t now_ms = clock_mono_ms();
    assert_true(waiting(0)->until_ns == UINT64_MAX);
    assert_in_range(waiting(1)->until_ns / 1000000, now_ms + 20000 - 5000, now_ms + 20000);
    models_tick(w.app, now_ms + 10000);
    assert_int_equal(w.app->waiting, 3);
    models_tick(w.app, now_ms + 20001);
    expect_error(pressed, 503, "QUEUE_TIMEOUT");
    assert_non_null(strstr(last_answer(), "parameters.timeout"));
    assert_true(retry_after() >= 1);
    assert_int_equal(w.app->waiting, 2);
    models_tick(w.app, now_ms + w.conf.run_ms + 1); /* no client can ask for more */
    expect_error(patient, 503, "QUEUE_TIMEOUT");
    assert_null(strstr(last_answer(), "parameters.timeout"));
    expect_error(last, 503, "QUEUE_TIMEOUT");
    finish(i, &jobs[0]);
    assert_false(infer_has_job(i));
}

/* The node's own limit begins when the model is there, a client's with its request; the clock runs though nothing does.
 */
static void test_time_to_load(void **state)
{
    (void)state;
    struct client *pressed = ask("1", "\"timeout\":400000");
    struct client *patient = ask("1", NULL);
    uint32_t request = super_asked(1);
    turn_for(1000); /* behind the first look at the clock */
    expect_error(pressed, 503, "QUEUE_TIMEOUT");
    assert_int_equal(status_of(patient), 0);
    struct infer *i = super_loads_ready(request);
    struct job j = infer_takes(i);
    finish(i, &j);
    assert_int_equal(status_of(patient), 200);
    assert_false(infer_has_job(i));
}

/* What nobody waits for any more is not begun, though nobody has looked at the clock. */
static void test_turn_too_late(void **state)
{
    struct job jobs[4];
    (void)state;
    struct infer *i = busy(jobs);
    struct client *late = ask("10", "\"timeout\":20000000");
    struct client *next = ask("11", "\"timeout\":20000000");
    waiting(0)->until_ns = clock_mono_ns();
    finish(i, &jobs[0]);
    expect_error(late, 503, "QUEUE_TIMEOUT");
    struct job j = infer_takes(i);
    assert_true(j.first == 11);
    finish(i, &j);
    assert_int_equal(status_of(next), 200);
    expect_error(ask("12", "\"timeout\":1"), 503, "QUEUE_TIMEOUT");
    assert_false(infer_has_job(i));
    assert_int_equal(w.app->seated, 3);
}

static void expect_cancelled(struct infer *i, const struct job *j)
{
    struct wire_msg m = WIRE_MSG_NONE;
    assert_int_equal(wire_recv(&i->cancel, &w.inbox, false, &m), OK);
    assert_int_equal(((const struct msg_cancel *)m.fixed)->job, j->head.job);
    wire_msg_done(&m);
}

/* The run is stopped as that of a client who has left: its slot is free when infer has answered, and nobody else is the
 * worse for it. */
static void test_time_to_run(void **state)
{
    struct infer *i = load(1);
    struct client *pressed = ask("10", "\"timeout\":20000000");
    struct job j = infer_takes(i), k = {0};
    struct client *other = ask("11", NULL);
    (void)state;
    k = infer_takes(i);
    calls_tick(w.app, clock_mono_ms() + 10000);
    assert_int_equal(status_of(pressed), 0);
    calls_tick(w.app, clock_mono_ms() + 20001);
    expect_error(pressed, 504, "TIMEOUT");
    assert_non_null(strstr(last_answer(), "parameters.timeout"));
    assert_int_equal(retry_after(), -1);
    expect_cancelled(i, &j);
    assert_int_equal(w.app->counts.failures[METRIC_REASON_CANCELED], 1);
    assert_int_equal(w.app->lanes->running, 2);
    calls_tick(w.app, clock_mono_ms() + 20001); /* once is enough */
    assert_int_equal(w.app->counts.failures[METRIC_REASON_CANCELED], 1);
    infer_fails(i, &j, ERR_RUN_CANCELLED, "");
    keeper_refuses(j.head.job, ERR_RUN_CANCELLED);
    assert_int_equal(w.app->lanes->running, 1);
    finish(i, &k);
    assert_int_equal(status_of(other), 200);
    super_hears_nothing();
    post_again(pressed, request_of(1, "12")); /* its connection goes on */
    j = infer_takes(i);
    finish(i, &j);
    assert_int_equal(status_of(pressed), 200);
}

/* The result is there, the receipt is not. */
static void test_time_to_sign(void **state)
{
    struct infer *i = load(1);
    struct client *c = ask("10", "\"timeout\":20000000");
    struct job j = infer_takes(i);
    (void)state;
    infer_answers(i, &j);
    running(&j)->until_ns = clock_mono_ns();
    calls_tick(w.app, clock_mono_ms() + 1);
    expect_error(c, 504, "TIMEOUT");
    assert_int_equal(w.app->seated, 0);
    keeper_signs(j.head.job);
    run_one(i, 1);
}

/* A process that takes no cancellations is ended, inside the end of the request. */
static void test_cancellation_that_cannot_be_sent(void **state)
{
    struct infer *i = load(1);
    struct client *c = ask("10", "\"timeout\":20000000"), *other = ask("11", NULL);
    struct job j = infer_takes(i);
    (void)state;
    wire_end_close(&i->cancel);
    running(&j)->until_ns = clock_mono_ns();
    calls_tick(w.app, clock_mono_ms() + 1);
    expect_error(c, 504, "TIMEOUT");
    expect_error(other, 503, "MODEL_DIED");
    (void)super_hears(MSG_FRONT_HUNG);
    expect_ended(i);
}

/* Between its turn and its departure it cannot be taken back: it goes, and is cancelled then. */
static void test_time_to_leave(void **state)
{
    struct job jobs[4];
    (void)state;
    struct infer *i = busy(jobs);
    struct client *c = ask("10", "\"timeout\":20000000");
    struct call *call = waiting(0);
    models_leave(call);
    finish(i, &jobs[0]); /* a slot is free, and nobody is there to take it */
    call_start(call, w.app->lanes);
    assert_int_equal(call->state, CALL_LEAVING);
    calls_tick(w.app, clock_mono_ms() + 20001);
    expect_error(c, 504, "TIMEOUT");
    struct job j = infer_takes(i);
    assert_true(j.first == 10);
    expect_cancelled(i, &j);
    infer_fails(i, &j, ERR_RUN_CANCELLED, "");
    keeper_refuses(j.head.job, ERR_RUN_CANCELLED);
    assert_int_equal(w.app->lanes->running, 3);
    run_one(i, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_levels),        TEST(test_default_levels),
        TEST(test_no_levels),     TEST(test_full_for_all_levels),
        TEST(test_taken_back),    TEST(test_refused),
        TEST(test_time_to_wait),  TEST(test_time_to_load),
        TEST(test_turn_too_late), TEST(test_time_to_run),
        TEST(test_time_to_sign),  TEST(test_cancellation_that_cannot_be_sent),
        TEST(test_time_to_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
