/* The server in one thread with its client, over socket pairs: what real clients cannot show. */
#include "front/http.h"

#include "base/mem.h"
#include "front/conn.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WAITING_MAX 8

static struct world {
    uv_loop_t loop;
    struct conf conf;
    struct budget bodies;
    struct http_server *server;
    int begun;
    int bodies_seen;
    int gone;
    int answered;
    int drained;
    struct http_req *waiting[WAITING_MAX]; /* to be answered by the test */
    int n_waiting;
    struct http_req *in_gone; /* to be answered inside on_gone */
    char got[300000];         /* what the client received */
    size_t n_got;
    bool eof;
    size_t record; /* what a stream takes at a time, where a test says so */
} w;

/* ── the handler ── */

static void reply_text(struct http_req *req, const char *text)
{
    struct http_answer a = {.status = 200, .type = "text/plain", .text = view_of(text, strlen(text))};
    w.answered++;
    http_reply(req, &a);
}

static void on_head(void *self, struct http_req *req)
{
    (void)self;
    w.begun++;
    if (view_is(req->path, "/early"))
        reply_text(req, "early");
}

static void reply_big(struct http_req *req)
{
    struct http_answer a = {.status = 200, .type = "text/plain"};
    uint8_t *bytes = NULL;
    buf_init(&a.body, MIB);
    if (lease_take(&a.held, &w.bodies, MIB) != OK || buf_reserve(&a.body, MIB, &bytes) != OK) {
        lease_done(&a.held);
        w.answered++;
        http_reply_error(req, ERR_NOMEM, NULL, 0);
        return;
    }
    memset(bytes, 'b', MIB);
    buf_commit(&a.body, MIB);
    w.answered++;
    http_reply(req, &a);
}

static void on_body(void *self, struct http_req *req)
{
    (void)self;
    w.bodies_seen++;
    if (view_is(req->path, "/wait")) {
        assert_true(w.n_waiting < WAITING_MAX);
        w.waiting[w.n_waiting++] = req;
    } else if (view_is(req->path, "/big")) {
        reply_big(req);
    } else {
        reply_text(req, req->body.len > 0 ? "body" : "none");
    }
}

static void on_gone(void *self, struct http_req *req)
{
    (void)self;
    w.gone++;
    for (int i = 0; i < w.n_waiting; i++)
        if (w.waiting[i] == req)
            w.waiting[i] = NULL;
    if (w.in_gone != NULL)
        reply_text(TAKE_PTR(w.in_gone), "in gone");
}

static void on_drained(void *self)
{
    (void)self;
    w.drained++;
}

static const struct http_handler handler = {on_head, on_body, on_gone, on_drained, NULL, NULL};

/* ── the world ── */

static int begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.conf = (struct conf){.body_max = MIB,
                           .header_max = 8 * KIB,
                           .connections = 100,
                           .idle_ms = 60000,
                           .header_ms = 60000,
                           .body_rate = 1};
    w.bodies.limit = 16 * MIB;
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(http_server_new(&w.loop, &w.conf, &w.bodies, NULL, &handler, NULL, &w.server), OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    http_server_free(&w.server);
    assert_null(w.server);
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    assert_int_equal(w.bodies.used, 0);
    assert_int_equal(w.begun, w.answered + w.gone);
    return 0;
}

/* A client's end of a new connection, or -1 when the server has no memory for it. */
static int connect_one(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    if (conn_new(w.server, &fds[1]) == OK)
        return fds[0];
    assert_int_equal(fds[1], -1);
    assert_int_equal(close(fds[0]), 0);
    return -1;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void receive(int fd)
{
    ssize_t n = recv(fd, w.got + w.n_got, sizeof(w.got) - 1 - w.n_got, 0);
    if (n > 0)
        w.n_got += (size_t)n;
    w.eof = n == 0;
    w.got[w.n_got] = '\0';
}

/* Lets server and client do what they can. */
static void pump(int fd)
{
    for (int i = 0; i < 4; i++) {
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        receive(fd);
    }
}

static int count(const char *what)
{
    int n = 0;
    for (const char *at = w.got; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST      "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
#define GZIPPED   "POST /body HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED   "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

/* ── tests ── */

static void test_answers_wait_for_their_turn(void **state)
{
    int fd = connect_one();
    (void)state;
    send_text(fd, GET("/wait") GET("/none") GET("/wait") POST "hello");
    pump(fd);
    assert_int_equal(w.n_got, 0);
    assert_int_equal(w.begun, 1);
    reply_text(w.waiting[0], "first");
    pump(fd);
    assert_int_equal(count("HTTP/1.1 200 OK"), 2);
    assert_int_equal(w.begun, 3);
    reply_text(w.waiting[1], "second");
    pump(fd);
    assert_int_equal(count("HTTP/1.1 200 OK"), 4);
    assert_non_null(strstr(strstr(strstr(strstr(w.got, "first"), "none"), "second"), "body"));
    assert_int_equal(close(fd), 0);
}

static void test_client_that_leaves(void **state)
{
    static const char *const requests[] = {
        GET("/wait"), POST "hel", POST "hell", CHUNKED GET("/wait") GET("/none"), "GET / HTTP/1.1\r\nHo", GET("/none")};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        int fd = connect_one();
        send_text(fd, requests[i]);
        pump(fd);
        assert_int_equal(close(fd), 0);
        pump(-1);
    }
    assert_int_equal(w.gone, 4);
    assert_int_equal(w.server->n_conns, 0);
}

/* An answer given inside on_gone of another request, on a connection that it ends. */
static void test_answer_inside_on_gone(void **state)
{
    int leaving = connect_one();
    int staying = connect_one();
    (void)state;
    send_text(staying, "GET /wait HTTP/1.0\r\n\r\n");
    pump(staying);
    send_text(leaving, GET("/wait"));
    pump(leaving);
    w.in_gone = w.waiting[0];
    assert_int_equal(close(leaving), 0);
    pump(staying);
    assert_int_equal(w.gone, 1);
    assert_int_equal(count("in gone"), 1);
    assert_true(w.eof);
    assert_int_equal(close(staying), 0);
}

static void test_end_with_requests_open(void **state)
{
    int fds[3];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = connect_one();
        send_text(fds[i], i == 0 ? POST "x" : GET("/wait"));
        pump(fds[i]);
    }
    http_server_free(&w.server);
    assert_int_equal(w.gone, 3);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        receive(fds[i]);
        assert_true(w.eof);
        assert_int_equal(close(fds[i]), 0);
    }
}

static void test_slow_reader(void **state)
{
    int fd = connect_one();
    size_t total = 0;
    (void)state;
    send_text(fd, GET("/big") GET("/none"));
    for (int i = 0; i < 10; i++)
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
    assert_int_equal(w.bodies.used, MIB);
    assert_int_equal(w.begun, 1);
    while (total < MIB) {
        w.n_got = 0;
        pump(fd);
        assert_true(w.n_got > 0);
        total += w.n_got;
    }
    assert_int_equal(w.bodies.used, 0);
    assert_int_equal(count("none"), 1);
    assert_int_equal(close(fd), 0);
}

/* As a socket with room takes it from TLS: a record at a time. */
static err_t take_record(struct stream *s UNUSED, struct view bytes, size_t *ret_n)
{
    *ret_n = MIN(bytes.len, w.record);
    return OK;
}

/* A turn sends an answer's end at once, or when what waits behind it has been looked at in vain: then that was
   forgotten. */
static void test_request_behind_a_large_answer(void **state)
{
    (void)state;
    for (w.record = 10000; w.record <= 20000; w.record += 1000) {
        int fd = connect_one();
        struct conn *c = LIST_OF(w.server->busy.prev, struct conn, link);
        static struct stream_ops ops;
        ops = *c->stream.ops;
        ops.write = take_record;
        c->stream.ops = &ops;
        w.bodies_seen = 0;
        send_text(fd, GET("/big") GET("/wait") GET("/none"));
        pump(fd);
        assert_int_equal(w.bodies_seen, 2);
        reply_big(w.waiting[--w.n_waiting]);
        pump(fd);
        assert_int_equal(w.bodies_seen, 3);
        assert_int_equal(c->phase, PHASE_IDLE);
        assert_int_equal(close(fd), 0);
        pump(-1);
    }
}

static void test_drain(void **state)
{
    int idle = connect_one();
    int busy = connect_one();
    (void)state;
    send_text(idle, GET("/none"));
    send_text(busy, GET("/wait"));
    pump(idle);
    http_server_drain(w.server);
    assert_int_equal(w.drained, 0);
    pump(idle);
    assert_true(w.eof);
    assert_int_equal(close(idle), 0);
    w.n_got = 0;
    reply_text(w.waiting[0], "last");
    pump(busy);
    assert_int_equal(count("Connection: close"), 1);
    assert_true(w.eof);
    assert_int_equal(w.drained, 0);
    assert_int_equal(close(busy), 0);
    pump(-1);
    assert_int_equal(w.drained, 1);
}

static void test_drain_when_idle(void **state)
{
    (void)state;
    http_server_drain(w.server);
    assert_int_equal(w.drained, 1);
}

/* A request in steady state allocates nothing. */
static void test_no_allocation(void **state)
{
    int fd = connect_one();
    (void)state;
    send_text(fd, GET("/none"));
    pump(fd);
    mem_fail_after(0);
    for (int i = 0; i < 100; i++) {
        send_text(fd, GET("/none"));
        pump(fd);
    }
    mem_fail_after(-1);
    assert_int_equal(count("HTTP/1.1 200 OK"), 101);
    assert_int_equal(close(fd), 0);
}

/* Every allocation fails in turn: an answer, an error or a closed connection, and nothing is left over. */
static void test_no_memory(void **state)
{
    static const char *const requests[] = {
        GET("/none"),  GET("/big"),        POST "hello", CHUNKED, GET("/none") GET("/none"),
        GET("/early"), "nonsense\r\n\r\n", GZIPPED};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        for (long n = 0; n < 12; n++) {
            mem_fail_after(n);
            int fd = connect_one();
            if (fd >= 0) {
                send_text(fd, requests[i]);
                pump(fd);
                assert_true(w.eof || w.n_got > 0);
                assert_int_equal(close(fd), 0);
            }
            mem_fail_after(-1);
            pump(-1);
            assert_int_equal(w.bodies.used, 0);
            assert_int_equal(w.server->n_conns, 0);
            w.n_got = 0;
            w.eof = false;
            pool_done(&w.server->conns);
            pool_done(&w.server->http1);
        }
    }
}

static void test_server_without_memory(void **state)
{
    struct http_server *s = NULL;
    err_t e = ERR_NOMEM;
    (void)state;
    for (long n = 0; e != OK; n++) {
        mem_fail_after(n);
        e = http_server_new(&w.loop, &w.conf, &w.bodies, NULL, &handler, NULL, &s);
        mem_fail_after(-1);
        assert_true(e == OK || (e == ERR_NOMEM && s == NULL));
    }
    http_server_free(&s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_answers_wait_for_their_turn),
        TEST(test_client_that_leaves),
        TEST(test_answer_inside_on_gone),
        TEST(test_end_with_requests_open),
        TEST(test_slow_reader),
        TEST(test_request_behind_a_large_answer),
        TEST(test_drain),
        TEST(test_drain_when_idle),
        TEST(test_no_allocation),
        TEST(test_no_memory),
        TEST(test_server_without_memory),
    };
#undef TEST
    if (http_setup() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
