/* What requests may hold of the budget in each state, what slots keep, and every allocation that fails. */
#include "world.h"

#include "base/fd.h"
#include "base/mem.h"

#include <stdio.h>
#include <sys/mman.h>

#define VALUES 10000 /* of a large request: 380 KB of text, 40 KB of tensors */

static struct call *first_waiting(void)
{
    assert_false(list_empty(&w.app->models[0].queue));
    return LIST_OF(w.app->models[0].queue.next, struct call, link);
}

static struct client *post_large(unsigned n, size_t count)
{
    char *text = large_request(n, count);
    struct client *c = post(text);
    free(text);
    return c;
}

/* Pages of an area that are there, as infer can see them. */
static size_t pages_of(const struct map *area)
{
    static unsigned char there[1 << 20];
    size_t n = (area->size + 4095) / 4096;
    size_t count = 0;
    if (area->addr == NULL)
        return 0;
    assert_true(n <= sizeof(there));
    assert_int_equal(mincore(area->addr, area->size, there), 0);
    for (size_t i = 0; i < n; i++)
        count += there[i] & 1;
    return count;
}

/* ── text ── */

/* A request that waits for its model holds its numbers, which is counted, and no longer the text they stood in. */
static void test_text_is_counted(void **state)
{
    size_t before = w.app->transfer.used;
    (void)state;
    (void)post_large(1, VALUES);
    const struct call *c = first_waiting();
    assert_int_equal(w.app->transfer.used - before, c->document.bytes);
    assert_int_equal(c->document.bytes, c->as.infer.memory);
    assert_in_range(c->document.bytes, VALUES * 8, VALUES * 16);
    assert_null(c->req->body.data);
}

/* One that waits for a slot has been converted: what is left is a tenth of the text. */
static void test_waiting_for_a_slot_is_cheap(void **state)
{
    struct infer *i = load(1);
    (void)state;
    for (int n = 0; n < 4; n++)
        (void)post(request_of(1, "1"));
    size_t before = w.app->transfer.used;
    struct client *waiting = post_large(1, VALUES);
    assert_int_equal(w.app->transfer.used - before, VALUES * sizeof(float));
    assert_null(first_waiting()->req->body.data);
    struct job j = infer_takes(i);
    infer_fails(i, &j, ERR_RUN_FAILED, "");
    for (int n = 0; n < 4; n++)
        j = infer_takes(i);
    assert_true(j.count == VALUES && j.first == 1.5F);
    keeper_signs(j.head.job);
    infer_answers(i, &j);
    assert_int_equal(status_of(waiting), 200);
}

/* The figures of ResNet-50 (150,528 values) at the default budget of 1 GiB, a fifteenth of it: thirty wait while the
 * model loads. */
static void test_thirty_large_requests(void **state)
{
    (void)state;
    w.app->transfer.limit = GIB / 15;
    for (unsigned n = 0; n < 30; n++)
        (void)post_large(1, VALUES);
    assert_int_equal(answered(30), 0);
    struct infer *i = super_loads_ready(super_asked(1));
    for (unsigned n = 0; n < 30; n++) {
        struct job j = infer_takes(i);
        assert_int_equal(j.count, VALUES);
        keeper_signs(j.head.job);
        infer_answers(i, &j);
        assert_int_equal(status_of(&w.clients[n]), 200);
    }
}

/* And sixty-four when it is loaded. */
static void test_sixty_four_large_requests(void **state)
{
    struct infer *i = load(1);
    (void)state;
    w.app->transfer.limit = GIB / 15;
    for (unsigned n = 0; n < 64; n++)
        (void)post_large(1, VALUES);
    assert_int_equal(answered(65), 0);
    for (unsigned n = 1; n <= 64; n++) {
        struct job j = infer_takes(i);
        keeper_signs(j.head.job);
        infer_answers(i, &j);
        assert_int_equal(status_of(&w.clients[n]), 200);
    }
}

static void test_full_budget(void **state)
{
    unsigned n = 0;
    (void)state;
    w.app->transfer.limit = 4 * MIB;
    do
        assert_true(++n < 40);
    while (status_of(post_large(1, VALUES)) == 0);
    assert_true(n > 20 && w.app->transfer.used <= 4 * MIB);
    expect_error(post("{"), 400, "BAD_JSON");
    expect_error(post_large(1, VALUES), 503, "OVERLOADED");
    (void)super_asked(1);
}

/* What would never fit is the client's fault, not the moment's. */
static void test_text_above_its_share(void **state)
{
    static char text[400000];
    (void)state;
    w.app->transfer.limit = MIB;
    memset(text, ' ', sizeof(text) - 1);
    text[0] = '[';
    for (size_t i = 1; i + 3 < sizeof(text); i += 2)
        memcpy(text + i, "1,", 2);
    memcpy(text + sizeof(text) - 4, "1]", 3);
    expect_error(post(text), 413, "TOO_LARGE");
    assert_int_equal(retry_after(), -1);
}

/* The padding that the parser needs is not a reason to double a body that has grown to a power of two. */
static void test_padding(void **state)
{
    static char text[64 * KIB + 1];
    const char *body = request_of(1, "1");
    struct client *c = post("{");
    char head[128];
    (void)state;
    memset(text, ' ', sizeof(text) - 1);
    memcpy(text, body, strlen(body));
    (void)snprintf(head, sizeof(head), "POST /infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                   sizeof(text) - 1);
    expect_error(c, 400, "BAD_JSON");
    say(c, head);
    say(c, text);
    say(c, "\r\n0\r\n\r\n");
    assert_int_equal(first_waiting()->req->body.len, 64 * KIB);
    assert_in_range(first_waiting()->req->body.cap, 64 * KIB, 64 * KIB + 64);
    assert_true(w.app->transfer.used >= first_waiting()->req->body.cap - INFER_BODY_PAD);
}

/* ── what is announced ── */

/* The head and the JSON of a tensor of `n` floats, and nothing of them. */
static struct client *announce(unsigned model, size_t n)
{
    char id[64] = "", json[256], head[512];
    struct client *c = get("/v2/health/live");
    assert_int_equal(status_of(c), 200);
    assert_int_equal(sscanf(request_of(model, "1"), "{\"ipfs_hash\":\"%63[^\"]", id), 1);
    int len = snprintf(json, sizeof(json),
                       "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[%zu],"
                       "\"parameters\":{\"binary_data_size\":%zu}}]}",
                       n, n * sizeof(float));
    (void)snprintf(head, sizeof(head),
                   "POST /v2/models/%s/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: %d\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   id, len, (size_t)len + n * sizeof(float), json);
    say(c, head);
    assert_int_equal(status_of(c), 0);
    return c;
}

/* Areas for tensors that may never come leave half of the memory to others. */
static void test_announced_tensors(void **state)
{
    struct infer *i = load(1);
    (void)state;
    w.app->transfer.limit = 8 * MIB;
    (void)announce(1, 3 * MIB / sizeof(float));
    assert_in_range(w.app->transfer.used, 3 * MIB, 3 * MIB + 64 * KIB);
    for (unsigned n = 0; n < 8; n++)
        (void)announce(1, 3 * MIB / sizeof(float));
    assert_in_range(w.app->transfer.used, 3 * MIB, 4 * MIB);
    run_one(i, 1);
}

/* ── slots ── */

static void finish(struct infer *i, struct client *c, const struct job *j)
{
    keeper_signs(j->head.job);
    infer_answers(i, j);
    assert_int_equal(status_of(c), 200);
}

/* A descriptor travels once; small inputs reuse the memory, growing ones get a new area. */
static void test_areas_are_used_again(void **state)
{
    struct infer *i = load(1);
    struct job j = {0};
    (void)state;
    for (int n = 0; n < 3; n++) {
        struct client *c = post(request_of(1, "1"));
        j = infer_takes(i);
        assert_false(j.new_area);
        finish(i, c, &j);
    }
    assert_int_equal(w.app->kept, 4096);
    struct client *c = post_large(1, 100000);
    j = infer_takes(i);
    assert_true(j.new_area && i->inputs[j.head.slot].size >= 400000);
    finish(i, c, &j);
    c = post(request_of(1, "1"));
    j = infer_takes(i);
    assert_false(j.new_area);
    finish(i, c, &j);
    assert_int_equal(pages_of(&i->inputs[0]), (400000 + 4095) / 4096);
    assert_int_equal(w.app->kept, (400000 + 4095) / 4096 * 4096);
}

/* Above a megabyte it is given back, although infer maps it still. */
static void test_large_areas_are_emptied(void **state)
{
    struct infer *i = load(1);
    struct client *c = post_large(1, 300000);
    (void)state;
    struct job j = infer_takes(i);
    size_t held = w.app->transfer.used;
    assert_in_range(held, 1200000, 1210000);
    assert_in_range(pages_of(&i->inputs[0]), 290, 300);
    finish(i, c, &j);
    assert_int_equal(pages_of(&i->inputs[0]), 0);
    assert_int_equal(w.app->kept, 0);
    assert_int_equal(w.app->transfer.used, 0);
    c = post_large(1, 300000);
    j = infer_takes(i);
    assert_true(!j.new_area && j.first == 1.5F);
    finish(i, c, &j);
}

/* All slots of all lanes together keep an eighth of the budget at most. */
static void test_what_idle_slots_keep(void **state)
{
    struct client *clients[20];
    (void)state;
    w.app->transfer.limit = 8 * MIB;
    for (unsigned n = 0; n < 20; n++) {
        clients[n] = post_large(n, 20000);
        struct infer *i = super_loads_ready(super_asked(n));
        struct job j = infer_takes(i);
        finish(i, clients[n], &j);
        assert_in_range(w.app->kept, 1, MIB);
        assert_int_equal(w.app->kept, w.app->transfer.used);
    }
    assert_in_range(w.app->kept, MIB - 81920, MIB);
}

/* A new area whose descriptor did not go out, because its job failed here: the next job brings it. */
static void test_area_of_a_job_that_failed(void **state)
{
    struct client *c = post(request_of(1, "\"x\""));
    struct infer *i = super_loads_ready(super_asked(1));
    (void)state;
    expect_error(c, 400, "FIELD_VALUE");
    c = post(request_of(1, "1"));
    struct job j = infer_takes(i);
    assert_true(j.new_area && j.first == 1);
    finish(i, c, &j);
    char *text = large_request(1, 100000); /* now one that has been sent must grow, and fails */
    memcpy(strstr(text, "[{\"value\""), "[{\"valuX\"", 9);
    expect_error(post(text), 400, "FIELD_MISSING");
    free(text);
    c = post(request_of(1, "3"));
    j = infer_takes(i);
    assert_true(j.new_area && j.first == 3);
    finish(i, c, &j);
}

/* The room for growing is not there: the area that infer has is still the one that is used. */
static void test_area_that_cannot_grow(void **state)
{
    struct infer *i = load(1);
    struct client *c = NULL;
    (void)state;
    for (int n = 0; n < 4; n++)
        (void)post(request_of(1, "1"));
    (void)post_large(1, 100000); /* converted, waits */
    struct job j = infer_takes(i);
    w.app->transfer.limit = w.app->transfer.used - 300000;
    infer_fails(i, &j, ERR_RUN_FAILED, "");
    expect_error(&w.clients[5], 503, "OVERLOADED");
    w.app->transfer.limit = GIB;
    c = post(request_of(1, "4"));
    for (int n = 0; n < 4; n++)
        j = infer_takes(i);
    assert_true(!j.new_area && j.first == 4);
    finish(i, c, &j);
}

/* Infer sees the model's own tensors and zeros, nothing of what was in this process's memory before. */
static void test_gaps_between_tensors(void **state)
{
    static const int64_t dims[] = {1};
    const struct value_desc inputs[] = {
        {.name = view_of("a", 1), .type = {.dtype = DTYPE_UINT8}, .rank = 1, .dims = dims},
        {.name = view_of("b", 1), .type = {.dtype = DTYPE_UINT8}, .rank = 1, .dims = dims},
    };
    AUTO(signature_done) struct signature s = {0};
    const struct msg_empty none = {0};
    struct client *c = post(request_of(1, "1"));
    const char *cid = strstr(request_of(1, "1"), "\"b");
    char body[300];
    (void)state;
    assert_int_equal(signature_make(inputs, 2, inputs, 1, &s), OK);
    (void)snprintf(body, sizeof(body),
                   "{\"ipfs_hash\":%.61s,\"num_inputs\":[{\"name\":\"a\",\"values\":[255],\"shape\":[1]},"
                   "{\"name\":\"b\",\"values\":[255],\"shape\":[1]}]}",
                   cid);
    struct infer *i = super_loads(super_asked(1));
    assert_int_equal(wire_send(&i->job, MSG_META, &none, s.encoded, NULL, 0), OK);
    expect_error(c, 400, "INPUT_UNKNOWN");
    for (int n = 0; n < 5; n++)
        (void)post(body);
    for (int n = 0; n < 5; n++) {
        struct wire_msg m = WIRE_MSG_NONE;
        struct map area = {0};
        assert_true(infer_has_job(i));
        assert_int_equal(wire_recv(&i->job, &w.inbox, false, &m), OK);
        struct job j = {.head = *(const struct msg_job *)m.fixed};
        assert_int_equal(j.head.bytes, 65);
        assert_int_equal(m.n_fds, n < 4 ? 1 : 0);
        if (n < 4)
            assert_int_equal(map_shared(m.fds[0], 64 * KIB, PROT_READ, &i->inputs[j.head.slot]), OK);
        area = i->inputs[j.head.slot];
        for (size_t at = 0; at < 65; at++)
            assert_int_equal(area.addr[at], at % 64 == 0 ? 255 : 0);
        wire_msg_done(&m);
        infer_fails(i, &j, ERR_RUN_FAILED, "");
    }
}

/* ── answers ── */

static void answer_with(struct infer *i, const struct job *j, size_t count)
{
    AUTO_BUF struct buf tail = encoded_output(count);
    AUTO_FD int fd = output_area(count * sizeof(float), SEALS_OUTPUT, &i->outputs[j->head.slot]);
    struct msg_result r = {.job = j->head.job, .bytes = count * sizeof(float), .slot = j->head.slot};
    infer_says(i, &r, buf_view(&tail), fd);
}

/* 100,000 zeros are 400,000 bytes of text. */
static void test_large_answers(void **state)
{
    struct infer *i = load(1);
    struct lease others = {0};
    (void)state;
    struct client *c = post(request_of(1, "1"));
    struct job j = infer_takes(i);
    answer_with(i, &j, 100000);
    assert_in_range(w.app->transfer.used - w.app->kept, 400000, 800000);
    keeper_signs(j.head.job);
    assert_int_equal(status_of(c), 200);
    assert_int_equal(w.app->transfer.used, w.app->kept);
    c = post(request_of(1, "1"));
    j = infer_takes(i);
    assert_int_equal(lease_take(&others, &w.app->transfer, app_room(w.app) - 399999), OK);
    answer_with(i, &j, 100000);
    expect_error(c, 503, "OVERLOADED");
    lease_done(&others);
    c = post(request_of(1, "1"));
    j = infer_takes(i);
    w.app->transfer.limit = 799998;
    answer_with(i, &j, 100000);
    expect_error(c, 400, "OUTPUT_TOO_LARGE");
    w.app->transfer.limit = GIB;
    run_one(i, 1);
}

/* An area above 4 MiB serves one result, as it does for infer. */
static void test_large_outputs_are_let_go(void **state)
{
    struct infer *i = load(1);
    (void)state;
    for (int n = 0; n < 2; n++) {
        struct client *c = post_large(1, 1100000);
        struct job j = infer_takes(i);
        finish(i, c, &j);
        assert_null(w.app->lanes->slots[0].output.addr);
    }
    run_one(i, 1);
    assert_non_null(w.app->lanes->slots[0].output.addr);
}

/* A model of which it takes 360 KB to tell what it is called, six bytes for each, is told to as many as there is memory
   for: answers that nobody took were not counted. */
static void test_answers_about_models(void **state)
{
    static uint8_t name[60000];
    static const int64_t dims[] = {1};
    const struct value_desc value = {
        .name = view_of(name, sizeof(name)), .type = {.dtype = DTYPE_FLOAT}, .rank = 1, .dims = dims};
    AUTO(signature_done) struct signature s = {0};
    const struct msg_empty none = {0};
    char target[100] = "";
    (void)state;
    memset(name, 1, sizeof(name));
    assert_int_equal(signature_make(&value, 1, NULL, 0, &s), OK);
    assert_int_equal(sscanf(request_of(1, "1"), "{\"ipfs_hash\":\"%63[^\"]", target + strlen("/v2/models/")), 1);
    memcpy(target, "/v2/models/", strlen("/v2/models/"));
    struct client *c = get(target);
    struct infer *i = super_loads(super_asked(1));
    assert_int_equal(wire_send(&i->job, MSG_META, &none, s.encoded, NULL, 0), OK);
    assert_int_equal(status_of(c), 200);
    assert_int_equal(w.app->transfer.used, w.app->kept);
    w.app->transfer.limit = 2 * MIB;
    for (unsigned n = 0; n < 8; n++)
        c = get(target);
    assert_in_range(w.app->transfer.used, MIB, 2 * MIB);
    expect_error(c, 503, "OVERLOADED");
    for (unsigned n = 0; n < 3; n++)
        assert_int_equal(status_of(&w.clients[1 + n]), 200);
    assert_int_equal(status_of(get(target)), 200);
}

/* ── no memory ── */

/* The client gets an answer, at worst one that says so, and the process is none the worse for it. */
static bool starts_without_memory(struct infer *i, long n)
{
    struct client *c = post("{");
    expect_error(c, 400, "BAD_JSON");
    mem_fail_after(n);
    post_again(c, request_of(1, "1"));
    mem_fail_after(-1);
    if (!infer_has_job(i)) {
        expect_error(c, 503, "NOMEM");
        return false;
    }
    struct job j = infer_takes(i);
    finish(i, c, &j);
    return true;
}

static void test_no_memory_for_a_start(void **state)
{
    struct infer *i = load(1);
    long n = 0;
    (void)state;
    while (!starts_without_memory(i, n))
        assert_true(++n < 100);
    assert_true(n > 5);
}

static void test_no_memory_for_a_result(void **state)
{
    struct infer *i = load(1);
    struct client *c = &w.clients[0];
    int status = 503;
    long n = 0;
    (void)state;
    for (; status != 200; n++) {
        AUTO_BUF struct buf tail = encoded_output(2);
        post_again(c, request_of(1, "1"));
        struct job j = infer_takes(i);
        struct msg_result r = {.job = j.head.job, .bytes = j.head.bytes, .slot = j.head.slot};
        mem_fail_after(n);
        infer_says(i, &r, buf_view(&tail), -1);
        keeper_signs(j.head.job);
        mem_fail_after(-1);
        status = status_of(c);
        assert_true(status == 200 || strstr(last_answer(), "\"code\":\"NOMEM\"") != NULL);
        assert_int_equal(w.app->seated, 0);
        assert_true(n < 100);
    }
    assert_true(n > 3);
}

/* A receipt that cannot be kept: infer still works in the slot, so it stays taken. */
static void test_no_memory_for_a_receipt(void **state)
{
    struct infer *i = load(1);
    struct client *c = post(request_of(1, "1"));
    (void)state;
    struct job j = infer_takes(i);
    mem_fail_after(0);
    keeper_signs(j.head.job);
    mem_fail_after(-1);
    expect_error(c, 503, "NOMEM");
    assert_int_equal(w.app->lanes->running, 1);
    infer_answers(i, &j);
    assert_int_equal(w.app->lanes->running, 0);
    run_one(i, 1);
}

static void test_no_memory_for_a_lane(void **state)
{
    struct client *c = post("{");
    long n = 0;
    bool ready = false;
    (void)state;
    expect_error(c, 400, "BAD_JSON");
    for (; !ready; n++) {
        post_again(c, request_of(1, "1"));
        uint32_t request = super_asked(1);
        mem_fail_after(n);
        struct infer *i = super_loads(request);
        mem_fail_after(-1);
        ready = w.app->lanes != NULL;
        if (ready)
            infer_introduces(i);
        else
            assert_int_equal(status_of(c), 503);
        assert_true(n < 20);
    }
    assert_true(n > 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_text_is_counted),
        TEST(test_waiting_for_a_slot_is_cheap),
        TEST(test_thirty_large_requests),
        TEST(test_sixty_four_large_requests),
        TEST(test_full_budget),
        TEST(test_text_above_its_share),
        TEST(test_padding),
        TEST(test_announced_tensors),
        TEST(test_areas_are_used_again),
        TEST(test_large_areas_are_emptied),
        TEST(test_what_idle_slots_keep),
        TEST(test_area_of_a_job_that_failed),
        TEST(test_area_that_cannot_grow),
        TEST(test_gaps_between_tensors),
        TEST(test_large_answers),
        TEST(test_large_outputs_are_let_go),
        TEST(test_answers_about_models),
        TEST(test_no_memory_for_a_start),
        TEST(test_no_memory_for_a_result),
        TEST(test_no_memory_for_a_receipt),
        TEST(test_no_memory_for_a_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
