/* HTTP/2 in one thread with its client, over socket pairs: whole and in parts, and every allocation failed in turn. */
#include "front/conn.h"
#include "front/http.h"

#include "base/mem.h"
#include "h2_peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

static struct world {
    uv_loop_t loop;
    struct conf conf;
    struct budget bodies;
    struct http_server *server;
    int begun, answered, gone;
    struct http_req *waiting; /* to be answered by the test */
} w;

/* ── the handler: what it does is the request's path ── */

static void reply(struct http_req *req, const char *text)
{
    struct http_answer a = {.status = 200, .type = "text/plain", .text = text_view(text)};
    if (view_is(req->path, "/trailers")) {
        a.trailers[0] = (struct http_field){"grpc-status", text_view("7")};
        a.n_trailers = 1;
    }
    w.answered++;
    http_reply(req, &a);
}

static void reply_big(struct http_req *req)
{
    struct http_answer a = {.status = 200, .type = "text/plain", .body = BUF_WITH(MIB)};
    uint8_t *bytes = NULL;
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

static void on_head(void *self, struct http_req *req)
{
    (void)self;
    w.begun++;
    req->parts = view_is(req->path, "/parts");
    if (view_is(req->path, "/early"))
        reply(req, "early");
}

static void on_body(void *self, struct http_req *req)
{
    (void)self;
    if (view_is(req->path, "/wait"))
        w.waiting = req;
    else if (view_is(req->path, "/big"))
        reply_big(req);
    else if (view_is(req->path, "/parts"))
        reply(req, "");
    else
        reply(req, req->body.len > 0 ? "body" : "none");
}

/* Says again what came, as it comes. */
static void on_part(void *self, struct http_req *req)
{
    struct http_answer a = {.status = 200, .type = "text/plain", .body = BUF_WITH(MIB)};
    (void)self;
    if (req->body.len == 0 || req->sending)
        return;
    if (buf_put_view(&a.body, buf_view(&req->body)) != OK) {
        w.answered++;
        http_reply_error(req, ERR_NOMEM, NULL, 0);
        return;
    }
    buf_consume(&req->body, req->body.len);
    http_body_more(req);
    http_reply_part(req, &a);
}

static void on_gone(void *self, struct http_req *req)
{
    (void)self;
    w.gone++;
    w.waiting = w.waiting == req ? NULL : w.waiting;
}

static const struct http_handler handler = {on_head, on_body, on_gone, NULL, on_part, NULL};

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
    assert_ok(http_server_new(&w.loop, &w.conf, &w.bodies, NULL, &handler, NULL, &w.server));
    return 0;
}

static int end(void **state)
{
    (void)state;
    http_server_free(&w.server);
    (void)uv_run(&w.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    assert_int_equal(w.bodies.used, 0);
    assert_int_equal(w.begun, w.answered + w.gone);
    return 0;
}

static bool connect_one(struct h2_peer *p)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    if (conn_new(w.server, &fds[1]) != OK) {
        assert_int_equal(close(fds[0]), 0);
        return false;
    }
    LIST_OF(w.server->busy.prev, struct conn, link)->stream.h2 = true;
    h2_peer_open(p, &fds[0]);
    return true;
}

static void pump(struct h2_peer *p)
{
    for (int n = 0; n < 60; n++) {
        h2_peer_turn(p);
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
    }
}

static void pump_out(void)
{
    for (int n = 0; n < 10; n++)
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
}

/* ── tests ── */

static const struct asking {
    const char *method;
    const char *path;
    const char *body; /* NULL: none */
    const char *answer;
} askings[] = {
    {"GET", "/none", NULL, "none"},       {"POST", "/body", "hello", "body"}, {"GET", "/early", NULL, "early"},
    {"POST", "/early", "late", "early"},  {"HEAD", "/none", NULL, NULL},      {"POST", "/trailers", "x", "body"},
    {"POST", "/parts", "again", "again"},
};

static struct view body_of(const struct asking *a)
{
    return a->body != NULL ? text_view(a->body) : NOTHING;
}

static void expect(const struct asking *wanted, const struct h2_answer *got)
{
    assert_true(got->ended);
    assert_int_equal(got->status, 200);
    if (wanted->answer == NULL)
        assert_int_equal(got->n_body, 0);
    else
        assert_string_equal(got->body, wanted->answer);
    assert_string_equal(got->grpc_status, strcmp(wanted->path, "/trailers") == 0 ? "7" : "");
}

static void test_answers(void **state)
{
    struct h2_peer p;
    (void)state;
    assert_true(connect_one(&p));
    for (size_t i = 0; i < COUNT_OF(askings); i++) {
        struct h2_answer *a = h2_peer_ask(&p, askings[i].method, askings[i].path, NULL, body_of(&askings[i]));
        pump(&p);
        expect(&askings[i], a);
    }
    assert_int_equal(w.answered, COUNT_OF(askings));
    h2_peer_close(&p);
}

/* One that waits does not keep the others; a large answer goes as far as the client's window, and on as it opens. */
static void test_streams(void **state)
{
    struct h2_peer p;
    (void)state;
    assert_true(connect_one(&p));
    struct h2_answer *late = h2_peer_ask(&p, "GET", "/wait", NULL, NOTHING);
    struct h2_answer *big = h2_peer_ask(&p, "GET", "/big", NULL, NOTHING);
    struct h2_answer *small = h2_peer_ask(&p, "GET", "/none", NULL, NOTHING);
    pump(&p);
    assert_true(!late->ended && small->ended);
    for (int n = 0; n < 20 && !big->ended; n++)
        pump(&p);
    assert_int_equal(big->n_body, MIB);
    assert_int_equal(strspn(big->body, "b"), MIB);
    assert_non_null(w.waiting);
    reply(w.waiting, "late");
    pump(&p);
    assert_string_equal(late->body, "late");
    h2_peer_close(&p);
}

static void test_client_that_takes_back(void **state)
{
    struct h2_peer p;
    (void)state;
    assert_true(connect_one(&p));
    struct h2_answer *a = h2_peer_ask(&p, "GET", "/wait", NULL, NOTHING);
    pump(&p);
    assert_non_null(w.waiting);
    assert_int_equal(nghttp2_submit_rst_stream(p.session, NGHTTP2_FLAG_NONE, a->id, NGHTTP2_CANCEL), 0);
    pump(&p);
    assert_int_equal(w.gone, 1);
    assert_null(w.waiting);
    a = h2_peer_ask(&p, "GET", "/none", NULL, NOTHING);
    pump(&p);
    assert_string_equal(a->body, "none");
    h2_peer_close(&p);
    pump_out();
    assert_int_equal(w.server->n_conns, 0);
}

static void test_end_with_requests_open(void **state)
{
    struct h2_peer p;
    (void)state;
    assert_true(connect_one(&p));
    (void)h2_peer_ask(&p, "GET", "/wait", NULL, NOTHING);
    pump(&p);
    h2_peer_close(&p);
    pump_out();
    assert_int_equal(w.gone, 1);
    assert_int_equal(w.server->n_conns, 0);
}

/* Asks with the n-th allocation and all later ones failing: the answer is right, or says so, or the stream or the
   connection ends; afterwards nothing is left. True: nothing was missing. */
static bool ask_without_memory(const struct asking *asking, long n)
{
    struct h2_peer p;
    bool fine = false;
    mem_fail_after(n);
    if (connect_one(&p)) {
        const struct h2_answer *a = h2_peer_ask(&p, asking->method, asking->path, NULL, body_of(asking));
        pump(&p);
        if (!a->ended && !p.eof && !p.goaway)
            fail_msg("%s %s: nothing is heard after %ld allocations", asking->method, asking->path, n);
        assert_true(!a->ended || a->error != 0 || a->status == 200 || a->status == 503);
        fine = a->ended && a->error == 0 && a->status == 200;
        if (fine)
            expect(asking, a);
        h2_peer_close(&p);
    }
    pump_out();
    mem_fail_after(-1);
    assert_int_equal(w.bodies.used, 0);
    assert_int_equal(w.server->n_conns, 0);
    pool_done(&w.server->conns);
    pool_done(&w.server->http2);
    pool_done(&w.server->http2_out);
    return fine;
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(askings); i++) {
        long n = 0;
        while (!ask_without_memory(&askings[i], n))
            assert_true(++n < 200);
        assert_true(n > 5);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_answers),   TEST(test_streams), TEST(test_client_that_takes_back), TEST(test_end_with_requests_open),
        TEST(test_no_memory),
    };
    if (http_setup() != OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
