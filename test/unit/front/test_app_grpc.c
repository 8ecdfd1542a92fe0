/* gRPC from the client's frames to the processes behind front and back: what is right, what memory is missing for, and
   who watches the node's health. */
#include "world.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/varint.h"
#include "front/conn.h"
#include "front/grpc_message.h"
#include "front/http2.h"
#include "h2_peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#define SERVICE "/inference.GRPCInferenceService/"
#define WATCH   "/grpc.health.v1.Health/Watch"
#define INPUT   "\0\0\x80\x3f\0\0\0\x40" /* 1, 2 */
#define DOUBLED "\0\0\0\x40\0\0\x80\x40"

static bool connect_one(struct h2_peer *p)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    if (conn_new(w.app->server, &fds[1]) != OK) {
        assert_int_equal(close(fds[0]), 0);
        return false;
    }
    LIST_OF(w.app->server->busy.prev, struct conn, link)->stream.h2 = true;
    h2_peer_open(p, &fds[0]);
    return true;
}

static void pump(struct h2_peer *p)
{
    for (int n = 0; n < 10; n++) {
        h2_peer_turn(p);
        turn();
    }
}

/* The message is copied to memory that lives on: `p` sends it later. */
static struct h2_answer *ask(struct h2_peer *p, const char *path, struct view message)
{
    static const char *const fields[] = {"content-type", "application/grpc", "te", "trailers", NULL};
    static uint8_t framed[4 * KIB];
    assert_true(message.len + GRPC_PREFIX <= sizeof(framed));
    grpc_prefix(framed, message.len);
    if (message.len > 0)
        memcpy(framed + GRPC_PREFIX, message.data, message.len);
    struct h2_answer *a = h2_peer_ask(p, "POST", path, fields, view_of(framed, message.len + GRPC_PREFIX));
    pump(p);
    return a;
}

/* ── messages ── */

static void put_bytes(struct buf *b, unsigned number, struct view v)
{
    assert_ok(varint_put(b, number << 3 | 2));
    assert_ok(varint_put(b, v.len));
    assert_ok(buf_put_view(b, v));
}

/* The name of model 1, as the world's requests have it. */
static struct view model_name(void)
{
    static const char before[] = "{\"ipfs_hash\":\"";
    const char *name = request_of(1, "1") + sizeof(before) - 1;
    return view_of(name, strcspn(name, "\""));
}

/* x = [1, 2] for model 1: model_name 1, inputs 5 (name 1, datatype 2, shape 3), raw_input_contents 7. */
static struct buf infer_request(void)
{
    struct buf b = BUF_WITH(KIB);
    put_bytes(&b, 1, model_name());
    put_bytes(&b, 5,
              view_of("\x0a\x01x\x12\x04"
                      "FP32\x1a\x01\x02",
                      12));
    put_bytes(&b, 7, view_of(INPUT, 8));
    return b;
}

static const char *const stream_fields[] = {"content-type", "application/grpc", NULL};

static struct buf framed(struct view message)
{
    struct buf b = BUF_WITH(KIB);
    uint8_t prefix[GRPC_PREFIX];
    grpc_prefix(prefix, message.len);
    assert_ok(buf_put(&b, prefix, sizeof(prefix)));
    assert_ok(buf_put_view(&b, message));
    return b;
}

static void finish(struct infer *i)
{
    struct job j = infer_takes(i);
    infer_answers(i, &j);
    keeper_signs(j.head.job);
}

/* ── inference ── */

static void expect_doubled(const struct h2_answer *a)
{
    assert_true(a->ended && a->n_body > 8);
    assert_string_equal(a->grpc_status, "0");
    assert_memory_equal(a->body + a->n_body - 8, DOUBLED, 8);
}

static void test_infer(void **state)
{
    AUTO_BUF struct buf request = infer_request();
    struct h2_peer p;
    struct infer *i = load(1);
    (void)state;
    assert_true(connect_one(&p));
    const struct h2_answer *a = ask(&p, SERVICE "ModelInfer", buf_view(&request));
    finish(i);
    pump(&p);
    expect_doubled(a);
    h2_peer_close(&p);
}

/* Two messages of a stream, the second while the first runs: answers come in order, and the end with the second. */
static void test_stream(void **state)
{
    AUTO_BUF struct buf request = infer_request();
    AUTO_BUF struct buf one = framed(buf_view(&request));
    AUTO_BUF struct buf both = BUF_WITH(2 * KIB);
    struct h2_peer p;
    struct infer *i = load(1);
    (void)state;
    assert_true(connect_one(&p));
    assert_ok(buf_put_view(&both, buf_view(&one)));
    assert_ok(buf_put_view(&both, buf_view(&one)));
    const struct h2_answer *a = h2_peer_ask(&p, "POST", SERVICE "ModelStreamInfer", stream_fields, buf_view(&both));
    pump(&p);
    finish(i);
    pump(&p);
    assert_false(a->ended);
    size_t first = a->n_body;
    assert_true(first > 8);
    finish(i);
    pump(&p);
    assert_true(a->ended);
    assert_int_equal(a->n_body, 2 * first);
    assert_string_equal(a->grpc_status, "0");
    h2_peer_close(&p);
}

/* For so long that a deadline of `SHORT_MS` has passed and was looked at. */
#define SHORT_MS 100U
static void pump_long(struct h2_peer *p)
{
    for (uint64_t end = clock_mono_ms() + SHORT_MS + 3ULL * TICK_MS; clock_mono_ms() < end; (void)usleep(1000))
        pump(p);
}

static void pump_until_ended(struct h2_peer *p, const struct h2_answer *a)
{
    for (uint64_t end = clock_mono_ms() + 20000; !a->ended && clock_mono_ms() < end; (void)usleep(1000))
        pump(p);
    assert_true(a->ended);
}

/* Where bodies have little time: a stream with its first message, to be gone on with. */
static const struct h2_answer *begin_stream(struct h2_peer *p, struct view message)
{
    w.app->server->phase_ms[PHASE_BODY] = SHORT_MS;
    assert_true(connect_one(p));
    p->open = true;
    return h2_peer_ask(p, "POST", SERVICE "ModelStreamInfer", stream_fields, message);
}

/* A client that waits for the answer to its first message does not send a body too slowly, however long that takes. */
static void test_stream_whose_model_takes_long(void **state)
{
    AUTO_BUF struct buf request = infer_request();
    AUTO_BUF struct buf message = framed(buf_view(&request));
    struct h2_peer p;
    struct infer *i = load(1);
    (void)state;
    const struct h2_answer *a = begin_stream(&p, buf_view(&message));
    pump_long(&p);
    assert_false(a->ended);
    finish(i);
    pump(&p);
    size_t first = a->n_body;
    assert_true(first > 8);
    h2_peer_more(&p, a, buf_view(&message));
    pump_long(&p);
    assert_false(a->ended);
    finish(i);
    p.open = false;
    h2_peer_more(&p, a, NOTHING);
    pump(&p);
    assert_true(a->ended);
    assert_int_equal(a->n_body, 2 * first);
    assert_string_equal(a->grpc_status, "0");
    h2_peer_close(&p);
}

/* Behind its first message, half of a second one. */
static void test_stream_that_falls_silent(void **state)
{
    AUTO_BUF struct buf request = infer_request();
    AUTO_BUF struct buf message = framed(buf_view(&request));
    struct h2_peer p;
    struct infer *i = load(1);
    (void)state;
    const struct h2_answer *a = begin_stream(&p, buf_view(&message));
    pump(&p);
    finish(i);
    pump(&p);
    assert_true(a->n_body > 8 && !a->ended);
    h2_peer_more(&p, a, view_of(message.data, message.len / 2));
    pump_until_ended(&p, a);
    assert_string_equal(a->grpc_status, "4");
    h2_peer_close(&p);
}

/* What is wrong with a body is said behind the answers that were given; such a stream stayed open for ever. */
static void test_stream_that_is_too_long(void **state)
{
    static const uint8_t beyond[2 * KIB] = {0, 0xff, 0xff, 0xff, 0xff};
    AUTO_BUF struct buf request = infer_request();
    AUTO_BUF struct buf message = framed(buf_view(&request));
    struct h2_peer p;
    struct infer *i = load(1);
    (void)state;
    w.app->server->body_max = KIB;
    assert_true(connect_one(&p));
    p.open = true;
    const struct h2_answer *a = h2_peer_ask(&p, "POST", SERVICE "ModelStreamInfer", stream_fields, buf_view(&message));
    pump(&p);
    finish(i);
    pump(&p);
    assert_true(a->n_body > 8 && !a->ended);
    size_t first = a->n_body;
    h2_peer_more(&p, a, view_of(beyond, sizeof(beyond)));
    pump(&p);
    assert_true(a->ended);
    assert_int_equal(a->n_body, first);
    assert_string_equal(a->grpc_status, "8");
    h2_peer_close(&p);
}

/* A message over and over, behind one that runs a model. */
static struct buf crowd(struct view first, struct view next, size_t count)
{
    struct buf b = BUF_WITH(first.len + count * next.len);
    assert_ok(buf_put_view(&b, first));
    for (size_t n = 0; n < count; n++)
        assert_ok(buf_put_view(&b, next));
    return b;
}

/* Whatever is answered opens the window for its own bytes, not for all that wait behind it. */
static void test_window_of_a_stream(void **state)
{
    AUTO_BUF struct buf request = infer_request();
    AUTO_BUF struct buf message = framed(buf_view(&request));
    AUTO_BUF struct buf body = crowd(buf_view(&message), buf_view(&message), 3 * H2_STREAM_WINDOW / message.len);
    struct h2_peer p;
    struct infer *i = load(1);
    (void)state;
    assert_true(connect_one(&p));
    (void)h2_peer_ask(&p, "POST", SERVICE "ModelStreamInfer", stream_fields, buf_view(&body));
    for (int n = 0; n < 4; n++) {
        for (size_t left = 0; left != p.sending.len;) {
            left = p.sending.len;
            pump(&p);
        }
        finish(i);
    }
    pump(&p);
    assert_in_range(body.len - p.sending.len, H2_STREAM_WINDOW, H2_STREAM_WINDOW + 100 * message.len);
    h2_peer_close(&p);
    turn();
}

/* They are taken one by one from where the last one ended, and what lies before them is not moved away each time. */
static void test_crowd_in_a_stream(void **state)
{
    struct infer *i = load(1);
    AUTO_BUF struct buf request = infer_request();
    AUTO_BUF struct buf first = framed(buf_view(&request));
    AUTO_BUF struct buf empty = framed(NOTHING);
    AUTO_BUF struct buf body = crowd(buf_view(&first), buf_view(&empty), 2000);
    struct h2_peer p;
    (void)state;
    assert_true(connect_one(&p));
    const struct h2_answer *a = h2_peer_ask(&p, "POST", SERVICE "ModelStreamInfer", stream_fields, buf_view(&body));
    while (p.sending.len > 0)
        pump(&p);
    finish(i);
    for (size_t left = 100000; left > 0 && !a->ended; left--)
        pump(&p);
    assert_true(a->ended);
    assert_string_equal(a->grpc_status, "0");
    h2_peer_close(&p);
    turn();
}

/* The trace is the stream's: in its messages it became a settlement, and was written over the text of an error. */
static void test_trace_of_a_stream(void **state)
{
    static const char *const traced[] = {"content-type", "application/grpc", "traceparent",
                                         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL};
    AUTO_BUF struct buf request = infer_request();
    AUTO_BUF struct buf message = framed(buf_view(&request));
    AUTO_BUF struct buf empty = framed(NOTHING);
    AUTO_BUF struct buf both = crowd(buf_view(&empty), buf_view(&message), 1);
    const char *const *const fields[] = {stream_fields, traced};
    const struct h2_answer *a[COUNT_OF(fields)];
    struct h2_peer p;
    struct infer *i = load(1);
    (void)state;
    assert_true(connect_one(&p));
    for (size_t n = 0; n < COUNT_OF(fields); n++) {
        a[n] = h2_peer_ask(&p, "POST", SERVICE "ModelStreamInfer", fields[n], buf_view(&both));
        pump(&p);
        finish(i);
        pump(&p);
        assert_true(a[n]->ended);
    }
    const size_t error_len = GRPC_PREFIX + (size_t)a[0]->body[GRPC_PREFIX - 1];
    assert_in_range(error_len, 20, a[0]->n_body - 20);
    assert_memory_equal(a[0]->body, a[1]->body, error_len);
    assert_int_equal(a[0]->n_body, a[1]->n_body);
    h2_peer_close(&p);
}

/* ── no memory: an answer, one that says so, or an end, and nobody else is the worse for it ── */

static bool is_told(const struct h2_peer *p, const struct h2_answer *a)
{
    return a->ended || p->eof || p->goaway;
}

static bool infers_without_memory(struct infer *i, long n)
{
    AUTO_BUF struct buf request = infer_request();
    struct h2_peer p;
    assert_true(connect_one(&p));
    pump(&p);
    mem_fail_after(n);
    const struct h2_answer *a = ask(&p, SERVICE "ModelInfer", buf_view(&request));
    mem_fail_after(-1);
    if (infer_has_job(i)) {
        finish(i);
        pump(&p);
    }
    if (!is_told(&p, a))
        fail_msg("nothing is heard after %ld allocations", n);
    bool fine = a->ended && a->error == 0 && strcmp(a->grpc_status, "0") == 0;
    if (fine)
        expect_doubled(a);
    else if (a->status != 0)
        assert_string_equal(a->grpc_status, "14");
    h2_peer_close(&p);
    turn();
    assert_int_equal(w.app->seated, 0);
    return fine;
}

static void test_infer_without_memory(void **state)
{
    struct infer *i = load(1);
    long n = 0;
    (void)state;
    while (!infers_without_memory(i, n))
        assert_true(++n < 100);
    assert_true(n > 8);
    run_one(i, 1);
}

static bool asks_without_memory(const char *path, struct view message, long n)
{
    struct h2_peer p;
    assert_true(connect_one(&p));
    pump(&p);
    mem_fail_after(n);
    const struct h2_answer *a = ask(&p, path, message);
    mem_fail_after(-1);
    if (!is_told(&p, a))
        fail_msg("%s: nothing is heard after %ld allocations", path, n);
    bool fine = a->ended && a->error == 0 && strcmp(a->grpc_status, "0") == 0;
    assert_true(fine || a->status == 0 || a->error != 0 || strcmp(a->grpc_status, "14") == 0);
    h2_peer_close(&p);
    turn();
    return fine;
}

static void test_questions_without_memory(void **state)
{
    static const char *const methods[] = {
        SERVICE "ServerLive",      SERVICE "ServerReady",     SERVICE "ServerMetadata",
        SERVICE "ModelReady",      SERVICE "ModelMetadata",   SERVICE "ModelConfig",
        SERVICE "ModelStatistics", SERVICE "RepositoryIndex", "/grpc.health.v1.Health/Check"};
    AUTO_BUF struct buf name = BUF_WITH(KIB);
    struct infer *i = load(1);
    (void)state;
    put_bytes(&name, 1, model_name());
    for (size_t m = 0; m < COUNT_OF(methods); m++) {
        long n = 0;
        bool about_model = strstr(methods[m], "/Model") != NULL;
        while (!asks_without_memory(methods[m], about_model ? buf_view(&name) : NOTHING, n))
            assert_true(++n < 100);
        assert_true(n > 2);
    }
    run_one(i, 1);
}

/* ── health ── */

static void told(struct h2_peer *p, const struct h2_answer *a, const char *statuses)
{
    pump(p);
    assert_int_equal(a->n_body, 7 * strlen(statuses));
    for (size_t i = 0; statuses[i] != '\0'; i++) {
        assert_memory_equal(a->body + 7 * i, "\0\0\0\0\2\x08", 6);
        assert_int_equal(a->body[7 * i + 6], statuses[i] - '0');
    }
}

static void test_watch(void **state)
{
    const struct msg_empty none = {0};
    const struct msg_drain drain = {0};
    struct h2_peer p, other;
    (void)state;
    w.app->preloading = true;
    assert_true(connect_one(&p) && connect_one(&other));
    const struct h2_answer *first = ask(&p, WATCH, NOTHING);
    const struct h2_answer *unknown = ask(&p, WATCH, text_view("\x0a\x01x"));
    const struct h2_answer *far = ask(&other, WATCH, NOTHING);
    told(&p, first, "2");
    told(&p, unknown, "3");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(w.app->watches[i].req->limit_ms, 600000);
    super_says(MSG_FRONT_PRELOADED, &none, "");
    told(&p, first, "21");
    told(&p, unknown, "3");
    told(&other, far, "21");
    h2_peer_close(&other);
    turn();
    super_says(MSG_FRONT_DRAIN, &drain, "");
    told(&p, first, "212");
    told(&p, unknown, "3");
    assert_true(first->ended && unknown->ended);
    assert_string_equal(first->grpc_status, "14");
    h2_peer_close(&p);
    turn();
    (void)super_hears(MSG_FRONT_DRAINED);
}

/* As many as there are places; who leaves makes one free. */
static void test_watches(void **state)
{
    struct h2_peer peers[WATCHES_MAX / 8 + 1];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(peers); i++)
        assert_true(connect_one(&peers[i]));
    for (size_t i = 0; i < WATCHES_MAX; i++)
        told(&peers[i / 8], ask(&peers[i / 8], WATCH, NOTHING), "1");
    struct h2_peer *last = &peers[WATCHES_MAX / 8];
    assert_string_equal(ask(last, WATCH, NOTHING)->grpc_status, "14");
    h2_peer_close(&peers[0]);
    turn();
    told(last, ask(last, WATCH, NOTHING), "1");
    for (size_t i = 1; i < COUNT_OF(peers); i++)
        h2_peer_close(&peers[i]);
    turn();
    for (size_t i = 0; i < WATCHES_MAX; i++)
        assert_null(w.app->watches[i].req);
}

static bool watches_without_memory(long n)
{
    const struct msg_empty none = {0};
    struct h2_peer p;
    w.app->preloading = true;
    assert_true(connect_one(&p));
    pump(&p);
    mem_fail_after(n);
    const struct h2_answer *a = ask(&p, WATCH, NOTHING);
    super_says(MSG_FRONT_PRELOADED, &none, "");
    pump(&p);
    mem_fail_after(-1);
    bool fine = a->n_body == 14;
    if (!fine && !is_told(&p, a))
        fail_msg("nothing is heard after %ld allocations", n);
    h2_peer_close(&p);
    turn();
    for (size_t i = 0; i < WATCHES_MAX; i++)
        assert_null(w.app->watches[i].req);
    return fine;
}

static void test_watch_without_memory(void **state)
{
    long n = 0;
    (void)state;
    while (!watches_without_memory(n))
        assert_true(++n < 100);
    assert_true(n > 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(test_infer),
        TEST(test_stream),
        TEST(test_stream_whose_model_takes_long),
        TEST(test_stream_that_falls_silent),
        TEST(test_stream_that_is_too_long),
        TEST(test_window_of_a_stream),
        TEST(test_crowd_in_a_stream),
        TEST(test_trace_of_a_stream),
        TEST(test_infer_without_memory),
        TEST(test_questions_without_memory),
        TEST(test_watch),
        TEST(test_watches),
        TEST(test_watch_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
