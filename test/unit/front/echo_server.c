/* The HTTP server with a handler that repeats what it got, to be driven by real clients:
   echo_server [tls] [key=value...], keys as in struct conf. Prints its port and ends when standard input does. */
#include "base/mem.h"
#include "base/text.h"
#include "front/http.h"
#include "front/tls.h"
#include "stand_in.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct echo {
    uv_loop_t loop;
    struct conf conf;
    struct budget bodies;
    struct http_server *server;
    struct stand_in keeper;
    struct tls *tls;
    uv_pipe_t input;
    uint64_t gone;
    uint64_t bodies_done;
    bool drained;
    uint8_t area[1000];
};

/* An answer that comes later. */
struct later {
    uv_timer_t timer;
    struct http_req *req;
};

static void check(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "echo_server: %s\n", what);
    exit(1);
}

/* ── the handler ── */

static uint64_t number_of(struct view query, uint64_t otherwise)
{
    char text[32] = "";
    if (query.len == 0 || query.len >= sizeof(text))
        return otherwise;
    memcpy(text, query.data, query.len);
    return strtoull(text, NULL, 10);
}

static void reply_text(struct http_req *req, const char *text)
{
    struct http_answer a = {.status = 200, .type = "text/plain", .text = view_of(text, strlen(text))};
    http_reply(req, &a);
}

static void reply_buf(struct http_req *req, struct buf *body)
{
    struct http_answer a = {.status = 200, .type = "application/octet-stream", .body = *body};
    http_reply(req, &a);
}

static void serve_big(struct echo *e, struct http_req *req)
{
    struct http_answer a = {.status = 200, .type = "application/octet-stream"};
    uint8_t *room = NULL;
    size_t n = number_of(req->query, 0);
    buf_init(&a.body, n);
    if (lease_take(&a.held, &e->bodies, n) != OK || buf_reserve(&a.body, n, &room) != OK) {
        lease_done(&a.held);
        http_reply_error(req, ERR_OVERLOADED, NULL, 7);
        return;
    }
    for (size_t i = 0; i < n; i++)
        room[i] = (uint8_t)('a' + i % 23);
    buf_commit(&a.body, n);
    http_reply(req, &a);
}

static void serve_fixed(struct echo *e, struct http_req *req)
{
    (void)e;
    reply_text(req, "{\"ok\":true}");
}

static void serve_facts(struct echo *e, struct http_req *req)
{
    struct view x = http_header(req, "x-test");
    struct buf out;
    (void)e;
    buf_init(&out, 64 * KIB);
    check(buf_printf(&out, "method=%d path=%.*s query=%.*s id=%016" PRIx64 " secure=%d x-test=%s[%.*s]", req->method,
                     (int)req->path.len, (const char *)req->path.data, (int)req->query.len,
                     (const char *)req->query.data, req->id, req->secure, x.data == NULL ? "absent" : "", (int)x.len,
                     (const char *)x.data) == OK,
          "out of memory");
    reply_buf(req, &out);
}

static void serve_counters(struct echo *e, struct http_req *req)
{
    struct buf out;
    buf_init(&out, KIB);
    err_t r = buf_printf(&out, "gone=%" PRIu64 " bodies=%" PRIu64 " used=%zu", e->gone, e->bodies_done, e->bodies.used);
    check(r == OK, "out of memory");
    reply_buf(req, &out);
}

static void reply_field(struct http_req *req, const char *value)
{
    struct http_answer a = {.status = 200, .type = "text/plain", .text = view_of("x", 1), .n_fields = 1};
    a.fields[0] = (struct http_field){"X-Answer", view_of(value, strlen(value))};
    http_reply(req, &a);
}

static void serve_fields(struct echo *e, struct http_req *req)
{
    (void)e;
    reply_field(req, "good");
}

/* All that an answer can have, in a head. */
static void serve_full(struct echo *e, struct http_req *req)
{
    struct http_answer a = {.status = 503, .type = "text/plain", .retry_s = 9};
    (void)e;
    for (a.n_fields = 0; a.n_fields < HTTP_EXTRA_MAX; a.n_fields++)
        a.fields[a.n_fields] = (struct http_field){"X-Field", view_of("f", 1)};
    for (a.n_trailers = 0; a.n_trailers < HTTP_TRAILERS_MAX; a.n_trailers++)
        a.trailers[a.n_trailers] = (struct http_field){"X-Trailer", view_of("t", 1)};
    http_reply(req, &a);
}

static void serve_trailers(struct echo *e, struct http_req *req)
{
    struct http_answer a = {.status = 200, .type = "text/plain", .n_trailers = 2};
    (void)e;
    a.text = view_of("body", req->query.len > 0 ? 0 : 4);
    a.trailers[0] = (struct http_field){"X-First", view_of("1", 1)};
    a.trailers[1] = (struct http_field){"x-second", view_of("two", 3)};
    http_reply(req, &a);
}

/* What is left of a body in parts. */
static void serve_parts(struct echo *e, struct http_req *req)
{
    struct http_answer a = {.status = 200, .n_trailers = 1};
    (void)e;
    a.trailers[0] = (struct http_field){"x-end", view_of("yes", 3)};
    http_reply(req, &a);
}

static void serve_split(struct echo *e, struct http_req *req)
{
    (void)e;
    reply_field(req, "bad\r\nSet-Cookie: a=b");
}

/* A value with one byte of one's own: /byte?PPBB, place and byte in hex. A NUL would end the text. */
static void serve_byte(struct echo *e, struct http_req *req)
{
    char value[] = "a text of 27 characters ...";
    uint8_t byte[2] = {0};
    (void)e;
    check(hex_decode(req->query, byte, sizeof(byte)) == OK && byte[0] < sizeof(value) - 1 && byte[1] != 0,
          "place and byte");
    value[byte[0]] = (char)byte[1];
    reply_field(req, value);
}

static void serve_drain(struct echo *e, struct http_req *req)
{
    http_server_drain(e->server);
    reply_text(req, "draining");
}

static void serve_echo(struct echo *e, struct http_req *req)
{
    struct buf copy;
    (void)e;
    buf_init(&copy, MAX(req->body.len, 1));
    check(buf_put_view(&copy, buf_view(&req->body)) == OK, "out of memory");
    http_body_free(req);
    reply_buf(req, &copy);
}

static void on_later_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
    struct later *l = timer->data;
    struct http_req *req = l->req;
    uv_close((uv_handle_t *)timer, on_later_closed);
    reply_text(req, "later");
}

static void serve_later(struct echo *e, struct http_req *req)
{
    struct later *l = calloc(1, sizeof(*l));
    check(l != NULL && uv_timer_init(&e->loop, &l->timer) == 0, "no timer");
    l->timer.data = l;
    l->req = req;
    req->user = l;
    (void)uv_timer_start(&l->timer, on_later, number_of(req->query, 50), 0);
}

static void on_head(void *self, struct http_req *req)
{
    struct echo *e = self;
    struct why why;
    if (view_is(req->path, "/forbidden"))
        http_reply_error(req, why_set(&why, ERR_MODEL_NOT_ALLOWED, "a \"quoted\" text\n"), &why, 0);
    else if (view_is(req->path, "/early"))
        reply_text(req, "early");
    else if (view_is(req->path, "/small"))
        req->body_max = 100;
    else if (view_is(req->path, "/into"))
        http_body_into(req, e->area, sizeof(e->area));
    else if (view_is(req->path, "/meanwhile"))
        serve_later(e, req);
    else if (view_is(req->path, "/parts"))
        req->parts = req->version == 2;
}

static void on_body(void *self, struct http_req *req)
{
    static const struct {
        const char *path;
        void (*serve)(struct echo *e, struct http_req *req);
    } routes[] = {
        {"/fixed", serve_fixed}, {"/facts", serve_facts},       {"/big", serve_big},
        {"/later", serve_later}, {"/counters", serve_counters}, {"/fields", serve_fields},
        {"/split", serve_split}, {"/drain", serve_drain},       {"/echo", serve_echo},
        {"/small", serve_echo},  {"/into", serve_echo},         {"/trailers", serve_trailers},
        {"/parts", serve_parts}, {"/full", serve_full},         {"/byte", serve_byte},
    };
    struct echo *e = self;
    e->bodies_done++;
    if (req->user != NULL)
        return; /* its answer is on the way */
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        if (view_is(req->path, routes[i].path)) {
            routes[i].serve(e, req);
            return;
        }
    http_reply_error(req, ERR_NOT_FOUND, NULL, 0);
}

static void on_gone(void *self, struct http_req *req)
{
    struct echo *e = self;
    struct later *l = req->user;
    e->gone++;
    if (l != NULL)
        uv_close((uv_handle_t *)&l->timer, on_later_closed);
}

/* A body in parts: each part goes back when the one before has gone. */
static void on_part(void *self, struct http_req *req)
{
    struct http_answer a = {.status = 200, .type = "application/octet-stream"};
    (void)self;
    if (req->body.len == 0 || req->sending)
        return;
    http_body_more(req);
    buf_init(&a.body, req->body.len);
    check(buf_put_view(&a.body, buf_view(&req->body)) == OK, "out of memory");
    buf_consume(&req->body, req->body.len);
    if (view_is(req->query, "last"))
        http_reply(req, &a);
    else
        http_reply_part(req, &a);
}

static void stop(struct echo *e)
{
    http_server_free(&e->server);
    if (!uv_is_closing((uv_handle_t *)&e->input))
        uv_close((uv_handle_t *)&e->input, NULL);
}

static void on_drained(void *self)
{
    struct echo *e = self;
    e->drained = true;
    uv_stop(&e->loop);
}

static const struct http_handler handler = {on_head, on_body, on_gone, on_drained, on_part, NULL};

/* ── the program ── */

static void set(struct conf *c, const char *option)
{
    static const struct {
        const char *name;
        size_t offset;
        size_t size;
    } options[] = {
#define OPTION(name) {#name "=", offsetof(struct conf, name), sizeof(((struct conf *)0)->name)}
        OPTION(body_max), OPTION(header_max), OPTION(transfer_memory), OPTION(connections),
        OPTION(idle_ms),  OPTION(header_ms),  OPTION(body_rate),
#undef OPTION
    };
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        size_t n = strlen(options[i].name);
        if (strncmp(option, options[i].name, n) != 0)
            continue;
        uint64_t value = strtoull(option + n, NULL, 10);
        memcpy((char *)c + options[i].offset, &value, options[i].size); /* little-endian */
        return;
    }
    check(false, "unknown option");
}

static int listen_somewhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0, "no socket");
    check(bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 1024) == 0, "cannot listen");
    check(getsockname(fd, (struct sockaddr *)&a, &len) == 0, "cannot listen");
    printf("%d\n", ntohs(a.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    static char room[64];
    (void)handle;
    (void)size;
    *ret = uv_buf_init(room, sizeof(room));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct echo *e = stream->data;
    (void)bytes;
    if (n < 0)
        uv_stop(&e->loop);
}

int main(int argc, char **argv)
{
    static struct echo e;
    e.conf = (struct conf){.body_max = 64 * MIB,
                           .header_max = 32 * KIB,
                           .transfer_memory = 256 * MIB,
                           .connections = 10000,
                           .idle_ms = 60000,
                           .header_ms = 10000,
                           .body_rate = 16 * KIB};
    bool secure = argc > 1 && strcmp(argv[1], "tls") == 0;
    for (int i = secure ? 2 : 1; i < argc; i++)
        set(&e.conf, argv[i]);
    check(http_setup() == OK, "http_setup failed");
    e.bodies.limit = e.conf.transfer_memory;
    if (secure) {
        stand_in_start(&e.keeper);
        check(tls_new(&e.keeper.front, view_of(e.keeper.der, e.keeper.der_len), &e.tls) == OK, "tls_new failed");
    }
    check(uv_loop_init(&e.loop) == 0, "no loop");
    check(http_server_new(&e.loop, &e.conf, &e.bodies, e.tls, &handler, &e, &e.server) == OK, "no server");
    int fd = listen_somewhere();
    check(http_server_listen(e.server, &fd) == OK, "cannot listen");
    e.input.data = &e;
    check(uv_pipe_init(&e.loop, &e.input, 0) == 0 && uv_pipe_open(&e.input, 0) == 0 &&
              uv_read_start((uv_stream_t *)&e.input, on_room, on_input) == 0,
          "standard input must be a pipe");
    (void)uv_run(&e.loop, UV_RUN_DEFAULT);
    stop(&e);
    (void)uv_run(&e.loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&e.loop) == 0, "something is still open");
    check(e.bodies.used == 0, "memory is still reserved");
    tls_free(e.tls);
    if (secure)
        stand_in_stop(&e.keeper);
    printf("%s\n", e.drained ? "drained" : "stopped");
    return 0;
}
