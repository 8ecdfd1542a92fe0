/* The whole path of a request from bytes, without TLS. The first byte chooses how the rest is cut into pieces: cut or
   in one piece, the answers must be the same, every request must end exactly once, and no memory may stay reserved. */
#include "front/conn.h"
#include "front/http.h"

#include "base/fd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define INPUT_MAX  (48 * 1024) /* fits into a socket */
#define ANSWER_MAX (1024 * 1024)

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

static struct {
    uv_loop_t loop;
    struct conf conf;
    struct budget bodies;
    struct http_server *server;
    struct http_req *open; /* one at a time on one connection */
    bool waits;            /* to be answered later */
} w;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void reply(struct http_req *req)
{
    static const char long_text[40000] = "text";
    struct http_answer a = {
        .status = 200, .type = "text/plain", .text = view_of(long_text, req->query.len % 3 * 15000)};
    if (req->body.len > 0) {
        buf_init(&a.body, req->body.len);
        REQUIRE(buf_put_view(&a.body, buf_view(&req->body)) == OK);
    }
    REQUIRE(req == w.open);
    w.open = NULL;
    w.waits = false;
    http_reply(req, &a);
}

static void on_head(void *self, struct http_req *req)
{
    static uint8_t area[100];
    (void)self;
    REQUIRE(w.open == NULL && req->path.len > 0 && req->path.data[0] == '/');
    REQUIRE(http_header(req, "host").data != NULL || http_header(req, "x").len < 100000);
    w.open = req;
    if (req->path.len == 2 && req->path.data[1] == 'e')
        reply(req);
    else if (req->path.len == 2 && req->path.data[1] == 'l')
        http_body_into(req, area, sizeof(area));
    else if (req->path.len == 2 && req->path.data[1] == 's')
        req->body_max = 10;
    else if (req->path.len == 2 && req->path.data[1] == 'v')
        req->prefix = 4;
}

/* Longer bodies do not fit. */
static void on_prefix(void *self, struct http_req *req)
{
    static uint8_t areas[60];
    static struct http_piece pieces[3];
    (void)self;
    REQUIRE(w.open == req && req->body.len == 4);
    pieces[0] = (struct http_piece){areas, 3};
    pieces[1] = (struct http_piece){areas + 3, 0};
    pieces[2] = (struct http_piece){areas + 10, 50};
    http_body_scatter(req, pieces, COUNT_OF(pieces));
}

static void on_body(void *self, struct http_req *req)
{
    (void)self;
    REQUIRE(w.open == req && req->body.len <= req->body_max);
    w.waits = req->path.len == 2 && req->path.data[1] == 'w';
    if (!w.waits)
        reply(req);
}

static void on_gone(void *self, struct http_req *req)
{
    (void)self;
    REQUIRE(w.open == req);
    w.open = NULL;
    w.waits = false;
}

static void begin(void)
{
    static const struct http_handler handler = {on_head, on_body, on_gone, NULL, NULL, on_prefix};
    if (w.server != NULL)
        return;
    REQUIRE(http_setup() == OK && uv_loop_init(&w.loop) == 0);
    w.conf = (struct conf){.body_max = 100000,
                           .header_max = 4096,
                           .connections = 10,
                           .idle_ms = 1U << 30,
                           .header_ms = 1U << 30,
                           .body_rate = 1};
    w.bodies.limit = 150000;
    REQUIRE(http_server_new(&w.loop, &w.conf, &w.bodies, NULL, &handler, NULL, &w.server) == OK);
}

struct answers {
    uint8_t bytes[ANSWER_MAX];
    size_t len;
};

/* The loop runs until nothing happens any more. */
static void pump(int fd, struct answers *a)
{
    size_t before = SIZE_MAX;
    for (int quiet = 0; quiet < 2; quiet = before == a->len ? quiet + 1 : 0) {
        before = a->len;
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        if (w.waits)
            reply(w.open);
        ssize_t n = recv(fd, a->bytes + a->len, ANSWER_MAX - a->len, 0);
        if (n > 0)
            a->len += (size_t)n;
    }
}

static void talk(const uint8_t *data, size_t size, uint32_t seed, struct answers *a)
{
    int fds[2];
    a->len = 0;
    bool whole = seed == 0;
    w.server->id = 1; /* the same request ids each time */
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    REQUIRE(conn_new(w.server, &fds[1]) == OK);
    for (size_t sent = 0; sent < size;) {
        seed = seed * 1664525 + 1013904223;
        size_t piece = whole ? size : MIN(size - sent, 1 + (seed >> 20) % (size / 8 + 1));
        ssize_t n = send(fds[0], data + sent, piece, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
        pump(fds[0], a);
    }
    pump(fds[0], a);
    fd_close(&fds[0]);
    while (w.server->n_conns > 0)
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
    REQUIRE(w.open == NULL && w.bodies.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct answers whole;
    static struct answers pieces;
    if (size < 2 || size > INPUT_MAX)
        return 0;
    begin();
    talk(data + 1, size - 1, 0, &whole);
    talk(data + 1, size - 1, 1 + data[0] * 77777U, &pieces);
    REQUIRE(whole.len == pieces.len && memcmp(whole.bytes, pieces.bytes, whole.len) == 0);
    return 0;
}
