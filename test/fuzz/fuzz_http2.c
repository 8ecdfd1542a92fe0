/* Frames behind the preface of HTTP/2, without TLS. The first byte chooses how they are cut into pieces. Every request
   must end exactly once, and no memory may stay reserved. */
#include "front/conn.h"
#include "front/http.h"

#include "base/fd.h"

#include <stdlib.h>
#include <sys/socket.h>

#define INPUT_MAX (48 * 1024) /* fits into a socket */

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

/* What the handler knows of a request, behind `user`. */
struct known {
    struct list link;
    struct http_req *req;
    struct http_piece pieces[2];
};

static struct {
    uv_loop_t loop;
    struct conf conf;
    struct budget bodies;
    struct http_server *server;
    struct list open;    /* requests that were begun and have not ended */
    struct list waiting; /* those to be answered later */
} w;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void forget(struct http_req *req)
{
    struct known *k = TAKE_PTR(req->user);
    REQUIRE(k != NULL && k->req == req);
    list_remove(&k->link);
    free(k);
}

static void reply(struct http_req *req)
{
    static const char long_text[40000] = "text";
    struct http_answer a = {.status = 200, .type = "text/plain", .n_trailers = req->query.len % 2};
    a.trailers[0] = (struct http_field){"X-End", view_of("1", 1)};
    if (!req->sending)
        a.text = view_of(long_text, req->query.len % 3 * 15000);
    forget(req);
    http_reply(req, &a);
}

static void on_head(void *self, struct http_req *req)
{
    static uint8_t area[100];
    struct known *k = calloc(1, sizeof(*k));
    (void)self;
    REQUIRE(k != NULL && req->user == NULL && req->version == 2 && req->path.len > 0 && req->path.data[0] == '/');
    REQUIRE(http_header(req, "host").data != NULL);
    k->req = req;
    req->user = k;
    list_init(&k->link);
    list_move(&w.open, &k->link);
    uint8_t kind = req->path.len == 2 ? req->path.data[1] : 0;
    if (kind == 'e')
        reply(req);
    else if (kind == 'l')
        http_body_into(req, area, sizeof(area));
    else if (kind == 's')
        req->body_max = 10;
    else if (kind == 'v')
        req->prefix = 4;
    else
        req->parts = kind == 'p';
}

/* Longer bodies do not fit. What is written last stays there: several may be under way. */
static void on_prefix(void *self, struct http_req *req)
{
    static uint8_t areas[60];
    struct known *k = req->user;
    (void)self;
    REQUIRE(k->req == req && req->body.len == 4);
    k->pieces[0] = (struct http_piece){areas, 3};
    k->pieces[1] = (struct http_piece){areas + 10, 50};
    http_body_scatter(req, k->pieces, COUNT_OF(k->pieces));
}

static void on_body(void *self, struct http_req *req)
{
    struct known *k = req->user;
    (void)self;
    REQUIRE(req->body.len <= req->body_max);
    if (req->path.len == 2 && req->path.data[1] == 'w')
        list_move(&w.waiting, &k->link);
    else
        reply(req);
}

static void on_part(void *self, struct http_req *req)
{
    struct http_answer a = {.status = 200};
    (void)self;
    if (req->body.len == 0 || req->sending)
        return;
    buf_init(&a.body, req->body.len);
    REQUIRE(buf_put_view(&a.body, buf_view(&req->body)) == OK);
    buf_consume(&req->body, req->body.len);
    http_body_more(req);
    http_reply_part(req, &a);
}

static void on_gone(void *self, struct http_req *req)
{
    (void)self;
    forget(req);
}

static void begin(void)
{
    static const struct http_handler handler = {on_head, on_body, on_gone, NULL, on_part, on_prefix};
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
    list_init(&w.open);
    list_init(&w.waiting);
    REQUIRE(http_server_new(&w.loop, &w.conf, &w.bodies, NULL, &handler, NULL, &w.server) == OK);
}

/* The loop runs until nothing happens any more. */
static void pump(int fd)
{
    static uint8_t bytes[64 * 1024];
    bool got = true;
    for (int quiet = 0; quiet < 2; quiet = got ? 0 : quiet + 1) {
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
        if (!list_empty(&w.waiting))
            reply(LIST_OF(w.waiting.next, struct known, link)->req);
        got = recv(fd, bytes, sizeof(bytes), 0) > 0 || !list_empty(&w.waiting);
    }
}

static void send_all(int fd, const void *bytes, size_t n)
{
    (void)send(fd, bytes, n, MSG_NOSIGNAL); /* the server may have closed */
    pump(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    int fds[2];
    if (size < 2 || size > INPUT_MAX)
        return 0;
    begin();
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    REQUIRE(conn_new(w.server, &fds[1]) == OK);
    LIST_OF(w.server->busy.next, struct conn, link)->stream.h2 = true;
    send_all(fds[0], preface, sizeof(preface));
    size_t piece = data[0] == 0 ? size : 1 + data[0] * size / 256;
    for (size_t sent = 1; sent < size; sent += piece)
        send_all(fds[0], data + sent, MIN(piece, size - sent));
    fd_close(&fds[0]);
    while (w.server->n_conns > 0)
        (void)uv_run(&w.loop, UV_RUN_NOWAIT);
    REQUIRE(list_empty(&w.open) && list_empty(&w.waiting) && w.bodies.used == 0);
    return 0;
}
