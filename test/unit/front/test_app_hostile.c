/* An infer process that was taken over, clients that pipeline, and what happens when an answer brings the next request
 * at once. */
#include "world.h"

#include "base/fd.h"

#include <sys/mman.h>
#include <unistd.h>

/* ── an infer process that breaks the rules ── */

/* What it does, with a job in its hands, instead of answering it. */
struct act {
    const char *what;
    void (*act)(struct infer *i, const struct job *j);
};

static struct msg_result result_of(const struct job *j)
{
    return (struct msg_result){.job = j->head.job, .bytes = j->head.bytes, .slot = j->head.slot};
}

/* Closes `fd`. */
static void says(struct infer *i, struct msg_result r, size_t count, int fd)
{
    AUTO_BUF struct buf tail = encoded_output(count);
    AUTO_FD int own = fd;
    infer_says(i, &r, buf_view(&tail), own);
}

static void introduces_itself_again(struct infer *i, const struct job *j)
{
    (void)j;
    infer_introduces(i);
}

static void answers_another_job(struct infer *i, const struct job *j)
{
    struct msg_result r = result_of(j);
    r.job++;
    says(i, r, 2, output_area(64 * KIB, SEALS_OUTPUT, &i->outputs[0]));
}

static void answers_in_another_slot(struct infer *i, const struct job *j)
{
    struct msg_result r = result_of(j);
    r.slot++;
    says(i, r, 2, output_area(64 * KIB, SEALS_OUTPUT, &i->outputs[0]));
}

static void answers_in_no_slot(struct infer *i, const struct job *j)
{
    struct msg_result r = result_of(j);
    r.slot = UINT16_MAX;
    says(i, r, 2, output_area(64 * KIB, SEALS_OUTPUT, &i->outputs[0]));
}

static void answers_twice(struct infer *i, const struct job *j)
{
    infer_answers(i, j);
    infer_answers(i, j);
}

static void gives_no_area(struct infer *i, const struct job *j)
{
    says(i, result_of(j), 2, -1);
}

static void gives_an_area_without_seals(struct infer *i, const struct job *j)
{
    says(i, result_of(j), 2, output_area(64 * KIB, SEALS_AREA, &i->outputs[0]));
}

static void gives_a_small_area(struct infer *i, const struct job *j)
{
    says(i, result_of(j), 2, output_area(4, SEALS_OUTPUT, &i->outputs[0]));
}

static void gives_a_huge_area(struct infer *i, const struct job *j)
{
    says(i, result_of(j), 2, output_area(w.conf.output_max + MIB + 1, SEALS_OUTPUT, &i->outputs[0]));
}

static void gives_no_memory_file(struct infer *i, const struct job *j)
{
    says(i, result_of(j), 2, dup(STDERR_FILENO));
}

static void says_more_bytes_than_there_are(struct infer *i, const struct job *j)
{
    struct msg_result r = result_of(j);
    r.bytes = UINT64_MAX;
    says(i, r, 2, output_area(64 * KIB, SEALS_OUTPUT, &i->outputs[0]));
}

static void describes_more_than_its_bytes(struct infer *i, const struct job *j)
{
    says(i, result_of(j), 3, output_area(64 * KIB, SEALS_OUTPUT, &i->outputs[0]));
}

static void describes_nonsense(struct infer *i, const struct job *j)
{
    struct msg_result r = result_of(j);
    AUTO_FD int fd = output_area(64 * KIB, SEALS_OUTPUT, &i->outputs[0]);
    infer_says(i, &r, view_of("nonsense", 8), fd);
}

static void describes_nothing(struct infer *i, const struct job *j)
{
    struct msg_result r = result_of(j);
    AUTO_FD int fd = output_area(64 * KIB, SEALS_OUTPUT, &i->outputs[0]);
    infer_says(i, &r, view_of(NULL, 0), fd);
}

static void sends_noise(struct infer *i, const struct job *j)
{
    (void)j;
    assert_int_equal(write(i->job.fd, "noise", 5), 5);
    turn();
}

static void closes_half(struct infer *i, const struct job *j)
{
    (void)j;
    wire_end_close(&i->job); /* its process lives on */
    turn();
}

static const struct act acts[] = {
#define ACT(name)                                                                                                      \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
    ACT(introduces_itself_again),
    ACT(answers_another_job),
    ACT(answers_in_another_slot),
    ACT(answers_in_no_slot),
    ACT(gives_no_area),
    ACT(gives_an_area_without_seals),
    ACT(gives_a_small_area),
    ACT(gives_a_huge_area),
    ACT(gives_no_memory_file),
    ACT(says_more_bytes_than_there_are),
    ACT(describes_more_than_its_bytes),
    ACT(describes_nonsense),
    ACT(describes_nothing),
    ACT(sends_noise),
    ACT(closes_half),
#undef ACT
};

/* Its clients get a code, the supervisor is told to end it, and nobody else notices. */
static void test_broken_rules(void **state)
{
    struct infer *good = load(1);
    (void)state;
    for (size_t n = 0; n < COUNT_OF(acts); n++) {
        (void)printf("%s\n", acts[n].what);
        struct client *c = post(request_of(2, "1"));
        struct infer *i = super_loads_ready(super_asked(2));
        struct job j = infer_takes(i);
        acts[n].act(i, &j);
        expect_error(c, 503, "MODEL_DIED");
        const struct msg_front_hung *hung = super_hears(MSG_FRONT_HUNG);
        assert_int_equal(hung->infer, i->number);
        assert_int_equal((int)hung->reason, i->job.fd >= 0 ? ERR_PROTOCOL : ERR_MODEL_DIED);
        super_hears_nothing();
        if (i->job.fd >= 0)
            expect_ended(i);
        run_one(good, 1);
    }
}

static void test_answer_that_comes_twice(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    answers_twice(i, &j);
    (void)super_hears(MSG_FRONT_HUNG);
    assert_int_equal(status_of(c), 0); /* the first was in order, and its receipt may come */
    keeper_signs(j.head.job);
    assert_int_equal(status_of(c), 200);
}

static void test_before_it_is_introduced(void **state)
{
    static const char *const nonsense[] = {"", "nonsense"};
    struct msg_result r = {.job = 1};
    const struct msg_empty none = {0};
    (void)state;
    for (size_t n = 0; n < 3; n++) {
        struct client *c = post(request_of(1, "1"));
        for (int again = 0; again < 2; again++) {
            struct infer *i = super_loads(super_asked(1));
            if (n < 2)
                assert_int_equal(
                    wire_send(&i->job, MSG_META, &none, view_of(nonsense[n], strlen(nonsense[n])), NULL, 0), OK);
            else
                assert_int_equal(wire_send(&i->job, MSG_RESULT, &r, view_of(NULL, 0), NULL, 0), OK);
            (void)super_hears(MSG_FRONT_HUNG);
        }
        expect_error(c, 503, "MODEL_DIED");
    }
}

/* A job of somebody else's. */
static void test_answer_to_another_lane(void **state)
{
    struct infer *good = load(1);
    struct infer *bad = load(2);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(good);
    struct msg_result r = result_of(&j);
    says(bad, r, 2, -1);
    expect_ended(bad);
    keeper_signs(j.head.job);
    infer_answers(good, &j);
    assert_int_equal(status_of(c), 200);
}

/* Values that are not what their descriptors say are the client's bad luck, not a breach: a model may do it too. */
static void test_payload_that_is_nonsense(void **state)
{
    AUTO(value_set_done) struct value_set set = {0};
    AUTO_BUF struct buf tail = BUF_WITH(WIRE_TAIL_MAX);
    const struct value_desc y = {.name = view_of("y", 1), .type = {.kind = VALUE_SEQUENCE, .dtype = DTYPE_FLOAT}};
    const uint64_t len = 64;
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    struct msg_result r = result_of(&j);
    AUTO_FD int fd = output_area(64 * KIB, SEALS_OUTPUT, &i->outputs[j.head.slot]);
    memset(i->outputs[j.head.slot].addr, 0xff, 64);
    r.bytes = 64;
    assert_int_equal(value_set_make(&y, 1, &len, 64, &set), OK);
    assert_int_equal(value_set_encode(&set, &tail), OK);
    infer_says(i, &r, buf_view(&tail), fd);
    expect_error(c, 400, "OUTPUT_UNSUPPORTED");
    run_one(i, 1);
}

/* An infer that answers jobs which it has not read fills its channel: a job that cannot be sent is its own fault. */
static void test_jobs_that_are_not_read(void **state)
{
    struct infer *i = load(1);
    unsigned n = 0;
    (void)state;
    for (; n < 400 && w.app->lanes != NULL; n++) {
        struct client *c = post(request_of(1, "1"));
        (void)tickets();
        if (w.app->lanes == NULL)
            break;
        const struct call *call = w.app->calls[w.app->counter % CALLS_MAX];
        struct msg_result r = {.job = call->job, .slot = (uint16_t)call->slot, .result = ERR_RUN_FAILED};
        infer_says(i, &r, view_of(NULL, 0), -1);
        expect_error(c, 400, "RUN_FAILED");
        w.n_clients--;
        leave(c);
    }
    assert_in_range(n, 32, 399);
    (void)super_hears(MSG_FRONT_HUNG);
    (void)super_asked(1); /* the one that could not be handed over */
}

/* A model with so many inputs that the jobs of all slots would not fit into the channel gets fewer slots. Once the
   ticket of the job that did not fit stayed with the keeper, until its table was full and front was ended for it. */
static void test_model_with_large_jobs(void **state)
{
    static char names[1000][40];
    static struct value_desc inputs[1000];
    static const int64_t dims[] = {1};
    static char body[200000];
    AUTO(signature_done) struct signature s = {0};
    const struct msg_empty none = {0};
    size_t len = 0;
    (void)state;
    for (size_t n = 0; n < COUNT_OF(inputs); n++) {
        size_t name = (size_t)snprintf(names[n], sizeof(names[n]), "a rather long name of an input %04zu", n);
        inputs[n] = (struct value_desc){
            .name = view_of(names[n], name), .type = {.dtype = DTYPE_FLOAT}, .rank = 1, .dims = dims};
    }
    assert_int_equal(signature_make(inputs, COUNT_OF(inputs), inputs, 1, &s), OK);
    len = (size_t)sprintf(body, "%.*s", (int)(strstr(request_of(1, "1"), "model_inputs") - request_of(1, "1")),
                          request_of(1, "1"));
    len += (size_t)sprintf(body + len, "num_inputs\":[");
    for (size_t n = 0; n < COUNT_OF(inputs); n++)
        len +=
            (size_t)sprintf(body + len, "%s{\"name\":\"%s\",\"values\":[1],\"shape\":[1]}", n > 0 ? "," : "", names[n]);
    (void)sprintf(body + len, "]}");
    for (int n = 0; n < 8; n++)
        (void)post(body);
    struct infer *i = super_loads(super_asked(1));
    assert_int_equal(wire_send(&i->job, MSG_META, &none, s.encoded, NULL, 0), OK);
    for (int n = 0; n < 8; n++) {
        struct wire_msg m = WIRE_MSG_NONE;
        assert_true(infer_has_job(i));
        assert_int_equal(tickets(), n + 1);
        assert_int_equal(wire_recv(&i->job, &w.inbox, false, &m), OK);
        struct job j = {.head = *(const struct msg_job *)m.fixed};
        wire_msg_done(&m);
        infer_fails(i, &j, ERR_RUN_FAILED, "");
        expect_error(&w.clients[n], 400, "RUN_FAILED");
    }
}

/* ── an answer brings the next request of the connection ── */

/* The lane is taken out of every table before its clients hear of it: else the next request, which is read inside the
   answer, ran on the dead lane and was left with a pointer to it. */
static void test_next_request_inside_the_end_of_a_lane(void **state)
{
    struct infer *i = load(1);
    struct client *clients[6];
    (void)state;
    for (int n = 0; n < 6; n++) { /* four run, two wait */
        clients[n] = post(request_of(1, "1"));
        post_again(clients[n], request_of(1, "2.5"));
        post_again(clients[n], "{");
    }
    infer_dies(i);
    for (int n = 0; n < 4; n++)
        expect_error(clients[n], 503, "MODEL_DIED");
    (void)super_hears(MSG_FRONT_HUNG);
    i = super_loads_ready(super_asked(1));
    super_hears_nothing();
    for (int n = 0; n < 8; n++) {
        struct job j = infer_takes(i);
        keeper_signs(j.head.job);
        infer_answers(i, &j);
    }
    for (int n = 0; n < 6; n++) {
        assert_int_equal(status_of(clients[n]), 200);
        if (n >= 4)
            assert_int_equal(status_of(clients[n]), 200);
        expect_error(clients[n], 400, "BAD_JSON");
    }
    assert_int_equal(w.app->seated, 0);
}

/* The second death of the process while a call waits: once its model had no lane then, but was said to be ready. */
static void test_next_request_inside_the_second_death(void **state)
{
    struct infer *i = load(1);
    struct client *clients[9];
    (void)state;
    for (int n = 0; n < 9; n++) /* four run and die, then four more, and the ninth has waited twice */
        clients[n] = post(request_of(1, "1"));
    post_again(clients[8], request_of(1, "2"));
    infer_dies(i);
    (void)super_hears(MSG_FRONT_HUNG);
    i = super_loads_ready(super_asked(1));
    assert_int_equal(w.app->waiting, 1);
    infer_dies(i);
    (void)super_hears(MSG_FRONT_HUNG);
    for (int n = 0; n < 9; n++)
        expect_error(clients[n], 503, "MODEL_DIED");
    i = super_loads_ready(super_asked(1));
    struct job j = infer_takes(i);
    assert_true(j.first == 2);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(clients[8]), 200);
}

static void test_next_request_inside_a_failed_load(void **state)
{
    struct client *clients[3];
    (void)state;
    for (int n = 0; n < 3; n++) {
        clients[n] = post(request_of(1, "1"));
        for (int again = 0; again < 5; again++)
            post_again(clients[n], request_of(1, "1"));
    }
    for (int round = 0; round < 6; round++) {
        super_fails(super_asked(1), ERR_MODEL_NOT_FOUND, 0, "");
        for (int n = 0; n < 3; n++)
            expect_error(clients[n], 404, "MODEL_NOT_FOUND");
    }
    super_hears_nothing();
}

/* Each failure makes room for the next one, and each answer brings another request. */
static void test_queue_of_bad_inputs(void **state)
{
    struct client *clients[60];
    (void)state;
    for (int n = 0; n < 60; n++) {
        clients[n] = post(request_of(1, "\"x\""));
        post_again(clients[n], request_of(1, "\"y\""));
        post_again(clients[n], request_of(1, "\"z\""));
    }
    struct infer *i = super_loads_ready(super_asked(1));
    for (int n = 0; n < 60; n++)
        for (int again = 0; again < 3; again++)
            expect_error(clients[n], 400, "FIELD_VALUE");
    assert_false(infer_has_job(i));
    assert_int_equal(tickets(), 0);
    assert_int_equal(w.app->lanes->running, 0);
    run_one(i, 1);
}

/* Clients leave with requests in every state, all at once. */
static void test_server_that_ends(void **state)
{
    struct infer *i = load(1);
    (void)state;
    for (int n = 0; n < 10; n++)
        (void)post(request_of(1, "1"));
    (void)post(request_of(2, "1"));
    struct job j = infer_takes(i);
    infer_answers(i, &j);
    j = infer_takes(i);
    wire_end_close(&i->cancel); /* a cancellation that cannot be sent ends the lane, inside the end of the client */
    leave(&w.clients[2]);
    turn();
    assert_null(w.app->lanes);
}

/* A lane that leaves and a call that fails inside it. */
static void test_release_inside_a_failure(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    post_again(c, request_of(1, "3"));
    struct job j = infer_takes(i);
    super_evicts(i);
    infer_fails(i, &j, ERR_RUN_FAILED, "");
    expect_error(c, 400, "RUN_FAILED");
    assert_int_equal(((const struct msg_front_infer *)super_hears(MSG_FRONT_RELEASED))->infer, i->number);
    expect_ended(i);
    i = super_loads_ready(super_asked(1));
    assert_true(infer_takes(i).first == 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_broken_rules),
        TEST(test_answer_that_comes_twice),
        TEST(test_before_it_is_introduced),
        TEST(test_answer_to_another_lane),
        TEST(test_payload_that_is_nonsense),
        TEST(test_jobs_that_are_not_read),
        TEST(test_model_with_large_jobs),
        TEST(test_next_request_inside_the_end_of_a_lane),
        TEST(test_next_request_inside_the_second_death),
        TEST(test_next_request_inside_a_failed_load),
        TEST(test_queue_of_bad_inputs),
        TEST(test_server_that_ends),
        TEST(test_release_inside_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
