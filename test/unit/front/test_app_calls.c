/* One request of a model through all its steps, and what the three peers may do to it. */
#include "world.h"

#include "base/clock.h"
#include "base/text.h"

#include <unistd.h>

static const char doubled[] = "{\"output\":[{\"name\":\"y\",\"shape\":[2],\"result\":[3.0,4.0],\"type\":\"number\"}],"
                              "\"model_hash\":\"ab00000000000000000000000000000000000000000000000000000000000000\"}";

static void test_the_whole_way(void **state)
{
    struct client *c = post(request_of(1, "1.5"));
    (void)state;
    assert_int_equal(status_of(c), 0);
    struct infer *i = super_loads(super_asked(1));
    assert_false(infer_has_job(i));
    infer_introduces(i);
    struct job j = infer_takes(i);
    assert_int_equal(j.head.job, UINT64_C(3) << 48 | 1);
    assert_int_equal(j.head.run_ms, 30000);
    assert_true(j.new_area && j.first == 1.5F && j.count == 2);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 0);
    keeper_signs(j.head.job);
    assert_int_equal(status_of(c), 200);
    assert_string_equal(strstr(last_answer(), "\r\n\r\n") + 4, doubled);
    /* [h'73746174656d656e74', h'7a7a', descriptors, descriptors], written by hand from RFC 8949 and RFC 4648 */
    assert_non_null(strstr(last_answer(), "\r\nVeronnx-Receipt: hElzdGF0ZW1lbnRCenp"));
    super_hears_nothing();
}

static void test_receipt_before_result(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    keeper_signs(j.head.job);
    assert_int_equal(status_of(c), 0);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
}

static void test_without_receipts(void **state)
{
    (void)state;
    w.conf.receipts = 0;
    struct client *c = post(request_of(1, "1"));
    struct infer *i = super_loads_ready(super_asked(1));
    struct job j = infer_takes(i);
    keeper_signs(j.head.job); /* it does so all the same */
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
    assert_null(strstr(last_answer(), "Veronnx-Receipt"));
}

static void test_nonces(void **state)
{
    static const struct {
        const char *fields;
        size_t len; /* 0: refused */
    } rows[] = {
        {"Veronnx-Nonce: 000102030405060708090a0b0c0d0e0f\r\n", 16},
        {"Veronnx-Nonce: 000102030405060708090a0b0c0d0e\r\n", 0},
        {"Veronnx-Nonce: 000102030405060708090a0b0c0d0e0\r\n", 0},
        {"Veronnx-Nonce: 000102030405060708090a0b0c0d0e0g\r\n", 0},
        {"Veronnx-Nonce: \r\n", 0},
    };
    struct infer *i = load(1);
    (void)state;
    for (size_t n = 0; n < COUNT_OF(rows); n++) {
        struct client *c = post_with(rows[n].fields, request_of(1, "1"));
        if (rows[n].len == 0) {
            expect_error(c, 400, "NONCE_INVALID");
            continue;
        }
        struct job j = infer_takes(i);
        assert_int_equal(j.head.nonce.len, rows[n].len);
        for (unsigned at = 0; at < rows[n].len; at++)
            assert_int_equal(j.head.nonce.bytes[at], at);
    }
}

#define SETTLE "Veronnx-Settle: 1\r\n"

static void keeper_settles(uint64_t job)
{
    struct msg_settlement s = {.job = job, .timestamp = 1747000000, .input_hash = {0xab}, .output_hash = {0xcd}};
    assert_int_equal(wire_send(&w.keeper, MSG_SETTLEMENT, &s, view_of(NULL, 0), NULL, 0), OK);
    turn();
}

/* The field, decoded. */
static void settled(char ret_json[static 1024])
{
    AUTO_BUF struct buf json = BUF_WITH(1024);
    const char *field = strstr(last_answer(), "\r\nVeronnx-Settlement: ");
    assert_non_null(field);
    field += strlen("\r\nVeronnx-Settlement: ");
    assert_int_equal(base64_decode(view_of(field, strcspn(field, "\r")), &json), OK);
    memcpy(ret_json, json.data, json.len);
    ret_json[json.len] = '\0';
}

static void test_settlement(void **state)
{
    struct infer *i = load(1);
    struct client *c = post_with(SETTLE, request_of(1, "1"));
    char json[1024], zeros[63] = "";
    (void)state;
    struct job j = infer_takes(i);
    assert_int_equal(w.tickets[w.n_tickets - 1].settle, 1);
    infer_answers(i, &j);
    keeper_settles(j.head.job + 1); /* of no job */
    keeper_settles(j.head.job);
    keeper_settles(j.head.job);
    assert_int_equal(status_of(c), 0);
    keeper_signs(j.head.job);
    assert_int_equal(status_of(c), 200);
    assert_non_null(strstr(last_answer(), "\r\nVeronnx-Receipt: "));
    settled(json);
    memset(zeros, '0', sizeof(zeros) - 1);
    assert_non_null(strstr(json, "{\"tee_id\":\"0x"));
    assert_non_null(strstr(json, "\",\"input_hash\":\"ab00"));
    assert_non_null(strstr(json, "\",\"output_hash\":\"cd00"));
    assert_non_null(strstr(json, zeros));
    assert_non_null(strstr(json, "\",\"tee_timestamp\":1747000000}"));
}

/* A ticket says whether it is the only one of a job without an answer. */
static void test_alone(void **state)
{
    struct infer *i = load(1);
    struct job jobs[3];
    (void)state;
    for (size_t n = 0; n < COUNT_OF(jobs); n++) {
        (void)post(request_of(1, "1"));
        jobs[n] = infer_takes(i);
        assert_int_equal(w.tickets[w.n_tickets - 1].alone, n != 1);
        if (n == 0)
            continue;
        for (size_t answered = n == 1 ? 0 : 2; answered <= n; answered++) {
            infer_answers(i, &jobs[answered]);
            keeper_signs(jobs[answered].head.job);
        }
    }
}

static void test_settlement_that_nobody_wants(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    assert_int_equal(w.tickets[w.n_tickets - 1].settle, 0);
    keeper_settles(j.head.job);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
    assert_null(strstr(last_answer(), "Veronnx-Settlement"));
}

/* What was asked for and is not there is not passed over. */
static void test_settlement_that_is_missing(void **state)
{
    struct infer *i = load(1);
    struct client *c = post_with(SETTLE, request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    expect_error(c, 503, "KEEPER_BUSY");
    expect_error(post_with("Veronnx-Settle: true\r\n", request_of(1, "1")), 400, "FIELD_VALUE");
    w.conf.receipts = 0;
    expect_error(post_with(SETTLE, request_of(1, "1")), 400, "FIELD_VALUE");
    w.conf.receipts = 1;
    c = post_with(SETTLE, request_of(1, "1"));
    j = infer_takes(i);
    keeper_settles(j.head.job);
    leave(c);
    turn();
    infer_answers(i, &j);
    keeper_signs(j.head.job);
    run_one(i, 1);
}

static void test_aliases(void **state)
{
    (void)state;
    (void)super_asked(post(request_of(1, "1")) == NULL ? 0 : 1);
    struct msg_front_load load = *(const struct msg_front_load *)w.last.fixed;
    w.conf.n_aliases = 1;
    strcpy(w.conf.aliases[0].name, "my model");
    w.conf.aliases[0].model = load.model;
    struct client *c =
        post("{\"ipfs_hash\":\"my model\",\"num_inputs\":[{\"name\":\"x\",\"values\":[1],\"shape\":[1]}]}");
    super_hears_nothing(); /* it is the same model, which has been asked for */
    struct infer *i = super_loads_ready(load.request);
    assert_int_equal(infer_takes(i).count, 2);
    assert_int_equal(infer_takes(i).count, 1);
    expect_error(post("{\"ipfs_hash\":\"my other model\",\"num_inputs\":[]}"), 400, "MODEL_ID_INVALID");
    assert_int_equal(status_of(c), 0);
}

static void test_infer_says_what_went_wrong(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    keeper_refuses(j.head.job, ERR_RUN_FAILED);
    infer_fails(i, &j, ERR_RUN_FAILED, "input x: \"bad\"\x01\xff");
    expect_error(c, 400, "RUN_FAILED");
    assert_non_null(strstr(last_answer(), "{\"error\":\"input x: \\\"bad\\\"\","));
    c = post(request_of(1, "1"));
    j = infer_takes(i);
    infer_fails(i, &j, ERR_RUN_OUT_OF_MEMORY, "");
    keeper_refuses(j.head.job, ERR_RUN_OUT_OF_MEMORY); /* after the result, of a call that has ended */
    expect_error(c, 503, "RUN_OUT_OF_MEMORY");
    assert_int_equal(retry_after(), 1);
    run_one(i, 1);
}

/* What the keeper says of a call that is no more, twice, or too late. */
static void test_stray_receipts(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    keeper_signs(j.head.job + 1);
    keeper_refuses(j.head.job + 512, ERR_RUN_FAILED);
    keeper_signs(j.head.job - 1);
    keeper_signs(j.head.job);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(c), 200);
    keeper_signs(j.head.job);
    keeper_refuses(j.head.job, ERR_RUN_FAILED);
    run_one(i, 1);
}

/* Receipts that came together go to whom they belong, whoever of them has left meanwhile. */
static void test_receipts_together(void **state)
{
    struct infer *i = load(1);
    struct client *clients[3];
    struct job jobs[3];
    uint64_t numbers[5] = {7, UINT64_C(3) << 48 | 400}; /* two that nobody waits for */
    (void)state;
    for (size_t n = 0; n < 3; n++) {
        clients[n] = post(request_of(1, "1"));
        jobs[n] = infer_takes(i);
        numbers[4 - n] = jobs[n].head.job;
        infer_answers(i, &jobs[n]);
    }
    leave(clients[1]);
    turn();
    keeper_signs_all(numbers, COUNT_OF(numbers));
    assert_int_equal(status_of(clients[0]), 200);
    assert_int_equal(status_of(clients[2]), 200);
    assert_int_equal(w.app->seated, 0);
    run_one(i, 1);
}

/* Infer told the client's side ok and the keeper's side not: nobody waited a second for a receipt that cannot come. */
static void test_infer_with_two_faces(void **state)
{
    (void)state;
    for (int keeper_first = 0; keeper_first < 2; keeper_first++) {
        struct infer *i = load(1);
        struct client *c = post(request_of(1, "1"));
        struct job j = infer_takes(i);
        if (keeper_first)
            keeper_refuses(j.head.job, ERR_RUN_FAILED);
        infer_answers(i, &j);
        if (!keeper_first)
            keeper_refuses(j.head.job, ERR_RUN_FAILED);
        expect_error(c, 503, "MODEL_DIED");
        assert_int_equal(((const struct msg_front_infer *)super_hears(MSG_FRONT_HUNG))->infer, i->number);
        expect_ended(i);
    }
}

/* The keeper, whose clock was wrong, signed nothing of runs that were right: each of them cost its model a process. */
static void test_keeper_signs_nothing(void **state)
{
    struct infer *i = load(1);
    (void)state;
    for (int keeper_first = 0; keeper_first < 2; keeper_first++) {
        struct client *c = post(request_of(1, "1"));
        struct job j = infer_takes(i);
        if (keeper_first)
            keeper_refuses(j.head.job, ERR_CLOCK_WRONG);
        infer_answers(i, &j);
        if (!keeper_first)
            keeper_refuses(j.head.job, ERR_CLOCK_WRONG);
        expect_error(c, 503, "CLOCK_WRONG");
        assert_int_equal(retry_after(), 1);
    }
    struct client *gone = post(request_of(1, "1"));
    struct job j = infer_takes(i);
    leave(gone);
    turn();
    keeper_refuses(j.head.job, ERR_CLOCK_WRONG);
    infer_answers(i, &j);
    assert_int_equal(w.app->seated, 0);
    super_hears_nothing();
    run_one(i, 1);
}

/* ── the client leaves ── */

static void test_client_leaves_while_it_waits(void **state)
{
    (void)state;
    leave(post(request_of(1, "1")));
    turn();
    assert_int_equal(w.app->waiting, 0);
    struct infer *i = super_loads_ready(super_asked(1));
    assert_false(infer_has_job(i));
    run_one(i, 1);
}

/* The slot stays taken until infer has answered; once a call that failed meanwhile gave it to the next job. */
static void test_client_leaves_while_it_runs(void **state)
{
    struct infer *i = load(1);
    (void)state;
    for (int said_ok = 0; said_ok < 2; said_ok++) {
        struct wire_msg m = WIRE_MSG_NONE;
        struct client *c = post(request_of(1, "1"));
        struct job j = infer_takes(i);
        leave(c);
        turn();
        assert_string_equal(err_name(wire_recv(&i->cancel, &w.inbox, false, &m)), "OK");
        assert_int_equal(((const struct msg_cancel *)m.fixed)->job, j.head.job);
        assert_int_equal(w.app->lanes->running, 1);
        (void)post(request_of(1, "1"));
        struct job other = infer_takes(i);
        assert_int_not_equal(other.head.slot, j.head.slot);
        if (said_ok)
            infer_answers(i, &j);
        else
            infer_fails(i, &j, ERR_RUN_CANCELLED, "");
        assert_int_equal(w.app->lanes->running, 1);
        infer_fails(i, &other, ERR_RUN_FAILED, "");
        assert_int_equal(w.app->seated, 0);
    }
}

static void test_client_leaves_while_it_is_signed(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    infer_answers(i, &j);
    leave(c);
    turn();
    assert_int_equal(w.app->seated, 0);
    keeper_signs(j.head.job);
    run_one(i, 1);
}

/* Nobody reads cancellations: that is infer's own affair. */
static void test_cancellations_pile_up(void **state)
{
    struct infer *i = load(1);
    (void)state;
    for (int n = 0; n < 400; n++) {
        struct client *c = post(request_of(1, "1"));
        struct job j = infer_takes(i);
        leave(c);
        turn();
        infer_fails(i, &j, ERR_RUN_CANCELLED, "");
        w.n_clients--;
    }
    run_one(i, 1);
}

/* ── time ── */

/* With the real clock: the keeper has a second. */
static void test_slow_keeper(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    infer_answers(i, &j);
    turn_for(700);
    assert_int_equal(status_of(c), 0);
    turn_for(700);
    expect_error(c, 503, "KEEPER_BUSY");
    assert_int_equal(retry_after(), 1);
    keeper_signs(j.head.job);
    run_one(i, 1);
    super_hears_nothing();
}

/* A receipt that lay unread while this process was busy is not late. */
static void test_late_reader(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    infer_answers(i, &j);
    (void)usleep(1200000);
    keeper_signs(j.head.job);
    assert_int_equal(status_of(c), 200);
}

static void test_full_ticket_socket(void **state)
{
    struct infer *i = load(1);
    struct msg_ticket none = {.job = 1};
    (void)state;
    while (wire_send(&w.app->ticket, MSG_TICKET, &none, view_of(NULL, 0), NULL, 0) == OK)
        continue;
    expect_error(post(request_of(1, "1")), 503, "KEEPER_BUSY");
    assert_false(infer_has_job(i));
    (void)tickets();
    run_one(i, 1);
}

/* Only what was late is told so; what ran beside it was killed by it. */
static void test_hung_infer(void **state)
{
    struct infer *i = load(1);
    struct client *late = post(request_of(1, "1"));
    struct client *other = post(request_of(1, "1"));
    (void)state;
    w.app->calls[infer_takes(i).head.job % CALLS_MAX]->deadline_ms = 0;
    (void)infer_takes(i);
    turn_for(250);
    expect_error(late, 504, "RUN_TIMEOUT");
    expect_error(other, 503, "MODEL_DIED");
    const struct msg_front_hung *hung = super_hears(MSG_FRONT_HUNG);
    assert_int_equal(hung->infer, i->number);
    assert_int_equal((int)hung->reason, ERR_RUN_TIMEOUT);
    super_hears_nothing();
    expect_ended(i);
}

static uint64_t deadline_of(const struct job *j)
{
    return w.app->calls[j->head.job % CALLS_MAX]->deadline_ms;
}

/* With two workers the third and fourth job begin when one before them ends: once waiting for that counted as hanging. */
static void test_jobs_that_wait_for_a_worker(void **state)
{
    struct infer *i = load(1);
    struct job jobs[4];
    (void)state;
    for (int n = 0; n < 4; n++) {
        (void)post(request_of(1, "1"));
        jobs[n] = infer_takes(i);
    }
    uint64_t latest = clock_mono_ms() + 31000;
    assert_in_range(deadline_of(&jobs[0]), latest - 5000, latest);
    assert_in_range(deadline_of(&jobs[1]), latest - 5000, latest);
    assert_true(deadline_of(&jobs[2]) == UINT64_MAX && deadline_of(&jobs[3]) == UINT64_MAX);
    (void)usleep(10000);
    uint64_t earliest = clock_mono_ms() + 31000;
    infer_fails(i, &jobs[1], ERR_RUN_FAILED, "");
    assert_in_range(deadline_of(&jobs[2]), earliest, earliest + 5000);
    assert_true(deadline_of(&jobs[3]) == UINT64_MAX);
    (void)post(request_of(1, "1")); /* behind the fourth */
    struct job fifth = infer_takes(i);
    infer_fails(i, &jobs[0], ERR_RUN_FAILED, "");
    assert_true(deadline_of(&jobs[3]) >= earliest && deadline_of(&jobs[3]) != UINT64_MAX);
    assert_true(deadline_of(&fifth) == UINT64_MAX);
}

/* Infer answers what it cannot have begun: nobody else's time begins. */
static void test_answer_out_of_order(void **state)
{
    struct infer *i = load(1);
    struct job jobs[4];
    (void)state;
    for (int n = 0; n < 4; n++) {
        (void)post(request_of(1, "1"));
        jobs[n] = infer_takes(i);
    }
    infer_fails(i, &jobs[2], ERR_RUN_FAILED, "");
    assert_true(deadline_of(&jobs[3]) == UINT64_MAX);
    infer_dies(i);
    assert_int_equal(w.app->seated, 0);
}

/* A result whose report was lost with its process: the keeper is not to blame. */
static void test_report_that_died(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    infer_answers(i, &j);
    infer_dies(i);
    assert_int_equal(status_of(c), 0); /* the keeper may have it */
    time_passes();
    expect_error(c, 503, "MODEL_DIED");
}

static void test_receipt_after_the_end_of_infer(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    infer_answers(i, &j);
    infer_dies(i);
    keeper_signs(j.head.job);
    assert_int_equal(status_of(c), 200);
}

static void test_active_lanes_are_told(void **state)
{
    struct infer *i = load(1);
    (void)state;
    turn_for(1200);
    assert_int_equal(((const struct msg_front_active *)super_hears(MSG_FRONT_ACTIVE))->infer, i->number);
    super_hears_nothing();
    assert_false(uv_is_active((uv_handle_t *)&w.app->tick));
    run_one(i, 1);
    turn_for(1200);
    (void)super_hears(MSG_FRONT_ACTIVE);
}

/* Told when it is found out, and when it is over: the supervisor lets others go first meanwhile. */
static void test_long_runs_are_told(void **state)
{
    struct infer *i = load(1);
    (void)state;
    turn_for(1200);
    (void)super_hears(MSG_FRONT_ACTIVE);
    struct client *c = post(request_of(1, "1"));
    struct job j = infer_takes(i);
    const struct msg_front_active *active = NULL;
    turn_for(400);
    while (active == NULL || !active->slow) {
        active = super_hears(MSG_FRONT_ACTIVE);
        assert_int_equal(active->infer, i->number);
    }
    infer_answers(i, &j);
    turn_for(400);
    while (active->slow)
        active = super_hears(MSG_FRONT_ACTIVE);
    keeper_signs(j.head.job);
    assert_int_equal(status_of(c), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_whole_way),
        TEST(test_receipt_before_result),
        TEST(test_without_receipts),
        TEST(test_nonces),
        TEST(test_alone),
        TEST(test_settlement),
        TEST(test_settlement_that_nobody_wants),
        TEST(test_settlement_that_is_missing),
        TEST(test_aliases),
        TEST(test_infer_says_what_went_wrong),
        TEST(test_stray_receipts),
        TEST(test_receipts_together),
        TEST(test_infer_with_two_faces),
        TEST(test_keeper_signs_nothing),
        TEST(test_client_leaves_while_it_waits),
        TEST(test_client_leaves_while_it_runs),
        TEST(test_client_leaves_while_it_is_signed),
        TEST(test_cancellations_pile_up),
        TEST(test_slow_keeper),
        TEST(test_late_reader),
        TEST(test_full_ticket_socket),
        TEST(test_hung_infer),
        TEST(test_jobs_that_wait_for_a_worker),
        TEST(test_answer_out_of_order),
        TEST(test_report_that_died),
        TEST(test_receipt_after_the_end_of_infer),
        TEST(test_active_lanes_are_told),
        TEST(test_long_runs_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
