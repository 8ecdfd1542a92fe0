/* Listening, accepting, deadlines, draining and the end. */
#include "front/server.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "front/conn.h"
#include "front/http1.h"
#include "front/http2.h"
#include "front/tls.h"

#include <string.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>

#define ACCEPT_AT_ONCE 32   /* then other connections have their turn */
#define QUIET_MS       1000 /* between two records of the log about the limit */
#define POOL_KEEP      256
#define HEADER_MIN     (1 * KIB) /* what the configuration may not go below or above */
#define HEADER_LIMIT   (1 * MIB)

/* ── request ids: splitmix64, so that a wrong guess says nothing about others ── */

uint64_t server_id(struct http_server *s)
{
    uint64_t z = s->id += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* ── the end ── */

void server_hold(struct http_server *s)
{
    s->handles++;
}

void server_release(struct http_server *s)
{
    s->handles--;
    if (!s->ended || s->handles > 0)
        return;
    pool_done(&s->conns);
    pool_done(&s->http1);
    pool_done(&s->http2);
    pool_done(&s->http2_out);
    mem_free(s->plain);
    mem_free(s);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    server_release(l->server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    server_release(handle->data);
}

static void close_listeners(struct http_server *s)
{
    for (unsigned i = 0; i < s->n_listeners; i++) {
        struct listener *l = &s->listeners[i];
        if (l->fd < 0)
            continue;
        uv_close((uv_handle_t *)&l->poll, on_listener_closed);
        fd_close(&l->fd);
    }
}

static void drop_all(struct list *ring)
{
    while (!list_empty(ring))
        conn_drop(LIST_OF(ring->next, struct conn, link));
}

void http_server_free(struct http_server **server)
{
    struct http_server *s = TAKE_PTR(*server);
    if (s == NULL)
        return;
    s->ended = true;
    close_listeners(s);
    drop_all(&s->busy);
    drop_all(&s->spare);
    uv_close((uv_handle_t *)&s->tick, on_handle_closed);
    uv_close((uv_handle_t *)&s->flush, on_handle_closed);
}

/* ── accepting ── */

static void on_connection(uv_poll_t *handle, int status, int events);

static void watch_listeners(struct http_server *s, bool on)
{
    s->paused = !on;
    for (unsigned i = 0; i < s->n_listeners; i++) {
        if (s->listeners[i].fd < 0)
            continue;
        if (on)
            (void)uv_poll_start(&s->listeners[i].poll, UV_READABLE, on_connection);
        else
            (void)uv_poll_stop(&s->listeners[i].poll);
    }
}

/* Closes the connection that has been idle for longest, if there is one. */
static bool make_room(struct http_server *s)
{
    if (list_empty(&s->spare))
        return false;
    conn_drop(LIST_OF(s->spare.next, struct conn, link));
    return true;
}

/* Everything is in use. The listeners, readable all the time now, rest until a connection ends or the next tick. */
static void pause_listeners(struct http_server *s)
{
    uint64_t now = uv_now(s->loop);
    watch_listeners(s, false);
    if (now < s->quiet_ms)
        return;
    s->quiet_ms = now + QUIET_MS;
    log_event(LOG_CONNECTION_LIMIT, s->n_conns);
}

/* The error of accept: true when it was that one connection's and the next can be taken. */
static bool accept_again(struct http_server *s, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        if (!make_room(s))
            pause_listeners(s);
        return false;
    default: /* accept(2): pending network errors of the new socket, and EINTR */
        return true;
    }
}

static void accept_some(struct http_server *s, int listener)
{
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        bool full = s->n_conns >= s->max_conns;
        if (full && list_empty(&s->spare)) {
            pause_listeners(s);
            return;
        }
        AUTO_FD int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && !accept_again(s, errno))
            return;
        if (fd < 0)
            continue;
        if (full)
            (void)make_room(s);
        if (conn_new(s, &fd) != OK)
            return; /* no memory; the client sees a closed connection */
    }
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
    struct listener *l = handle->data;
    (void)events;
    if (status == 0)
        accept_some(l->server, l->fd);
}

static void tell_drained(struct http_server *s)
{
    if (s->draining && s->n_conns == 0 && s->handler->on_drained != NULL)
        s->handler->on_drained(s->self);
}

void server_room(struct http_server *s)
{
    if (s->ended)
        return;
    if (s->paused)
        watch_listeners(s, true);
    tell_drained(s);
}

err_t http_server_listen(struct http_server *s, int *fd)
{
    if (s->n_listeners == CONF_LISTEN_MAX)
        return ERR_TOO_LARGE;
    struct listener *l = &s->listeners[s->n_listeners];
    TRY(fd_set_nonblocking(*fd, true));
    if (uv_poll_init(s->loop, &l->poll, *fd) != 0)
        return ERR_IO;
    server_hold(s);
    l->poll.data = l;
    l->server = s;
    l->fd = TAKE_FD(*fd);
    s->n_listeners++;
    return uv_poll_start(&l->poll, UV_READABLE, on_connection) == 0 ? OK : ERR_IO;
}

/* ── deadlines ── */

/* A connection that acts on its deadline can end others, so the ones that are due are set apart first. */
static void expire(struct list *ring, uint64_t now)
{
    struct list due;
    list_init(&due);
    for (struct list *at = ring->next, *next = at->next; at != ring; at = next, next = at->next) {
        const struct conn *c = LIST_OF(at, struct conn, link);
        if (conn_is_due(c, now))
            list_move(&due, at);
    }
    while (!list_empty(&due)) {
        struct list *first = due.next;
        list_move(ring, first);
        conn_expire(LIST_OF(first, struct conn, link));
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct http_server *s = timer->data;
    uint64_t now = uv_now(s->loop) * 1000;
    expire(&s->busy, now);
    expire(&s->spare, now);
    if (s->paused && !s->draining)
        watch_listeners(s, true);
}

/* ── answers ── */

bool http_server_flush(struct http_server *s)
{
    if (s == NULL || list_empty(&s->answered))
        return false;
    while (!list_empty(&s->answered))
        conn_run(LIST_OF(s->answered.next, struct conn, answered));
    return true;
}

static void on_flush(uv_prepare_t *flush)
{
    (void)http_server_flush(flush->data);
}

/* ── beginning and draining ── */

static void take_limits(struct http_server *s, const struct conf *conf)
{
    s->header_max = MIN(MAX(conf->header_max, HEADER_MIN), HEADER_LIMIT);
    s->body_max = conf->body_max;
    s->max_conns = MAX(conf->connections, 1);
    s->body_rate = MAX(conf->body_rate, 1);
#define PHASE_TIME(name, after, paced, spare) s->phase_ms[PHASE_##name] = (after);
    PHASE_TABLE(PHASE_TIME)
#undef PHASE_TIME
}

static err_t server_alloc(struct http_server **ret)
{
    struct http_server *s = mem_alloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    s->plain = mem_alloc(1, STREAM_ROOM);
    if (s->plain == NULL || getrandom(&s->id, sizeof(s->id), 0) != sizeof(s->id)) {
        mem_free(s->plain);
        mem_free(s);
        return ERR_NOMEM;
    }
    *ret = s;
    return OK;
}

err_t http_server_new(uv_loop_t *loop, const struct conf *conf, struct budget *bodies, struct tls *tls,
                      const struct http_handler *handler, void *self, struct http_server **ret)
{
    struct http_server *s = NULL;
    TRY(server_alloc(&s));
    s->loop = loop;
    s->bodies = bodies;
    s->tls = tls;
    s->handler = handler;
    s->self = self;
    take_limits(s, conf);
    pool_init(&s->conns, sizeof(struct conn), POOL_KEEP);
    pool_init(&s->http1, sizeof(struct http1) + s->header_max, POOL_KEEP);
    pool_init(&s->http2, sizeof(struct http2_stream) + s->header_max, POOL_KEEP);
    pool_init(&s->http2_out, H2_OUT_ROOM, POOL_KEEP);
    list_init(&s->busy);
    list_init(&s->spare);
    list_init(&s->answered);
    (void)uv_timer_init(loop, &s->tick); /* none of these can fail */
    (void)uv_prepare_init(loop, &s->flush);
    s->tick.data = s->flush.data = s;
    server_hold(s);
    server_hold(s);
    (void)uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
    (void)uv_prepare_start(&s->flush, on_flush);
    *ret = s;
    return OK;
}

/* Each one changes the rings, so those that are there now are set apart first. */
static void retire_all(struct list *ring)
{
    struct list now;
    list_init(&now);
    while (!list_empty(ring))
        list_move(&now, ring->next);
    while (!list_empty(&now)) {
        struct list *first = now.next;
        list_move(ring, first);
        conn_retire(LIST_OF(first, struct conn, link));
    }
}

void http_server_count(const struct http_server *s, struct front_counts *counts)
{
    memcpy(counts->answers, s->answers, sizeof(counts->answers));
    counts->handshakes = s->handshakes;
    counts->connections = s->n_conns;
}

void http_server_drain(struct http_server *s)
{
    if (s->draining)
        return;
    (void)http_server_flush(s); /* clients like to hear their answers before they hear that it ends */
    s->draining = true;
    close_listeners(s);
    retire_all(&s->spare);
    retire_all(&s->busy);
    tell_drained(s);
}

static void *loop_alloc(size_t n)
{
    return mem_resize(NULL, n);
}

err_t http_setup(void)
{
    TRY(tls_setup());
    return uv_replace_allocator(loop_alloc, mem_resize, mem_alloc, mem_free) == 0 ? OK : ERR_SELF_TEST;
}
