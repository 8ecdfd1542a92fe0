/* Moves bytes between the socket and the protocol, and keeps phase, deadline and interest of the connection. */
#include "front/conn.h"

#include "base/fd.h"
#include "front/http1.h"
#include "front/http2.h"
#include "front/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define SEND_AT_ONCE (256 * KIB) /* then other connections have their turn */
#define AHEAD_MAX    (2 * STREAM_ROOM)

static const struct {
    bool paced;
    bool spare;
} phases[] = {
#define PHASE_ROW(name, after, paced, spare) [PHASE_##name] = {paced, spare},
    PHASE_TABLE(PHASE_ROW)
#undef PHASE_ROW
};

static uint64_t now_us(const struct conn *c)
{
    return uv_now(c->server->loop) * 1000;
}

/* ── ends ── */

static void on_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;
    struct http_server *s = c->server;
    pool_give(&s->conns, c);
    server_release(s);
}

void conn_drop(struct conn *c)
{
    if (c->protocol != NULL)
        c->protocol->end(c);
    c->stream.ops->done(&c->stream);
    buf_done(&c->ahead);
    buf_done(&c->sealed);
    list_remove(&c->link);
    list_remove(&c->answered);
    uv_close((uv_handle_t *)&c->poll, on_closed);
    fd_close(&c->fd);
    c->server->n_conns--;
    server_room(c->server);
}

/* The last answer is on its way. Closing now would destroy it while the client still sends: the client goes first. */
static void say_goodbye(struct conn *c)
{
    if (c->protocol != NULL)
        c->protocol->end(c);
    c->stream.ops->finish(&c->stream);
    c->stream.ops->done(&c->stream);
    buf_done(&c->ahead);
    (void)shutdown(c->fd, SHUT_WR);
}

static void discard_input(struct conn *c)
{
    size_t n = 0;
    c->stream.may_read = true;
    err_t e = stream_recv(&c->stream, c->server->plain, STREAM_ROOM, &n);
    if (e != OK && e != ERR_WOULD_BLOCK)
        conn_drop(c);
}

/* ── phases ── */

static void enter(struct conn *c, enum phase phase)
{
    uint32_t ms = c->server->phase_ms[phase];
    c->phase = phase;
    c->turned = false;
    c->due_us = ms > 0 ? now_us(c) + ms * 1000ULL : 0;
    list_move(phases[phase].spare ? &c->server->spare : &c->server->busy, &c->link);
}

/* Bytes went either way: they earn time at the least rate, but never more than the phase gives at its beginning. */
static void progress(struct conn *c, size_t n)
{
    if (!phases[c->phase].paced || c->due_us == 0)
        return;
    uint64_t earned = c->due_us + n * 1000000ULL / c->server->body_rate;
    c->due_us = MIN(earned, now_us(c) + c->server->phase_ms[c->phase] * 1000ULL);
}

static void on_event(uv_poll_t *handle, int status, int events);

/* Asks the loop for the events that matter now; it is only told when they change. While there is input that waits for
   its turn, no more is read, but a client that leaves is noticed. */
static void watch(struct conn *c, bool writable)
{
    int input = c->ahead.len == 0 ? UV_READABLE : UV_DISCONNECT;
    int events = (c->closed ? 0 : input) | (writable ? UV_WRITABLE : 0);
    if (events == c->events)
        return;
    c->events = events;
    if (events != 0)
        (void)uv_poll_start(&c->poll, events, on_event);
    else
        (void)uv_poll_stop(&c->poll);
}

static enum phase phase_of(const struct conn *c)
{
    if (c->protocol == NULL)
        return PHASE_HANDSHAKE;
    enum phase phase = c->protocol->phase(c);
    return phase == PHASE_IDLE && c->server->draining ? PHASE_LINGER : phase;
}

/* After everything that could be done was done. */
static void settle(struct conn *c, err_t e)
{
    enum phase phase = phase_of(c);
    if (e != OK || (c->closed && phase != PHASE_SEND)) {
        conn_drop(c);
        return;
    }
    if (phase == PHASE_LINGER)
        say_goodbye(c);
    if (phase != c->phase || c->turned)
        enter(c, phase);
    watch(c, phase != PHASE_LINGER && (c->protocol != NULL ? c->protocol->output(c).len > 0 : c->stream.wants_write));
}

/* ── moving bytes ── */

static err_t flush(struct conn *c)
{
    for (size_t total = 0; total < SEND_AT_ONCE;) {
        struct view out = c->protocol->output(c);
        size_t n = 0;
        if (out.len == 0)
            return OK;
        err_t e = c->stream.ops->write(&c->stream, out, &n);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        TRY(e);
        progress(c, n);
        c->protocol->sent(c, n);
        total += n;
    }
    return OK;
}

/* Offers bytes to the protocol as long as it takes some; answers given at once are sent before it is asked for more.
   With the last of an answer a request may have ended, which alone was in the way of what follows. */
static err_t feed(struct conn *c, struct view *in)
{
    for (size_t before = 0; in->len > 0 && (in->len != before || c->state == NULL);) {
        before = in->len;
        TRY(c->protocol->input(c, in));
        TRY(flush(c));
    }
    return OK;
}

static err_t feed_ahead(struct conn *c)
{
    struct view in = buf_view(&c->ahead);
    TRY(feed(c, &in));
    buf_consume(&c->ahead, c->ahead.len - in.len);
    if (c->ahead.len == 0)
        buf_done(&c->ahead);
    return OK;
}

/* Reads the socket once and uses up what came. */
static err_t pull(struct conn *c)
{
    c->stream.may_read = true;
    do {
        size_t n = 0;
        err_t e = c->stream.ops->read(&c->stream, c->server->plain, STREAM_ROOM, &n);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        c->closed = e == ERR_CLOSED;
        if (c->closed)
            return OK;
        TRY(e);
        struct view in = view_of(c->server->plain, n);
        progress(c, n);
        if (c->ahead.len == 0)
            TRY(feed(c, &in));
        if (in.len > 0)
            TRY(buf_put_view(&c->ahead, in));
    } while (c->stream.more);
    return OK;
}

/* The stream's memory is the next one's. */
static err_t keep_sealed(struct conn *c)
{
    struct buf kept = BUF_WITH(STREAM_ROOM);
    err_t e = c->stream.sealed.len > 0 ? buf_put_view(&kept, c->stream.sealed) : OK;
    buf_done(&c->sealed);
    c->sealed = kept;
    return e;
}

static err_t shake_hands(struct conn *c, bool readable)
{
    c->stream.may_read = readable;
    c->stream.sealed = buf_view(&c->sealed);
    err_t e = c->stream.ops->open(&c->stream);
    if (e == ERR_WOULD_BLOCK)
        TRY(keep_sealed(c));
    TRY(e);
    c->server->handshakes += c->stream.tls != NULL;
    c->protocol = c->stream.h2 ? &http2_protocol : &http1_protocol;
    return OK;
}

static err_t work(struct conn *c, bool readable)
{
    if (c->protocol == NULL) {
        err_t e = shake_hands(c, readable);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        TRY(e);
        readable = readable || c->sealed.len > 0;
    }
    TRY(flush(c));
    if (c->ahead.len > 0)
        TRY(feed_ahead(c));
    return readable && c->ahead.len == 0 ? pull(c) : OK;
}

static void run(struct conn *c, bool readable)
{
    if (c->running)
        return; /* an answer from inside the handler: the call below us goes on with it */
    c->running = true;
    list_remove(&c->answered);
    err_t e = work(c, readable);
    c->stream.sealed = (struct view){0};
    if (c->protocol != NULL)
        buf_done(&c->sealed);
    settle(c, e);
    c->running = false;
}

void conn_run(struct conn *c)
{
    run(c, false);
}

void conn_wake(struct conn *c)
{
    if (!c->running)
        list_move(&c->server->answered, &c->answered);
}

static void on_event(uv_poll_t *handle, int status, int events)
{
    struct conn *c = handle->data;
    c->closed = c->closed || (events & UV_DISCONNECT) != 0;
    if (status != 0)
        conn_drop(c);
    else if (c->phase == PHASE_LINGER)
        discard_input(c);
    else
        run(c, (events & UV_READABLE) != 0);
}

/* ── the server's side ── */

void conn_retire(struct conn *c)
{
    if (c->protocol != NULL && c->protocol->retire != NULL && c->protocol->retire(c)) {
        conn_run(c);
        return;
    }
    if (c->running || c->phase != PHASE_IDLE)
        return;
    say_goodbye(c);
    enter(c, PHASE_LINGER);
    watch(c, false);
}

static bool is_over(const struct conn *c, uint64_t now)
{
    return c->due_us != 0 && c->due_us <= now;
}

bool conn_is_due(const struct conn *c, uint64_t now)
{
    uint64_t due = c->protocol != NULL && c->protocol->due != NULL ? c->protocol->due(c) : 0;
    return is_over(c, now) || (due != 0 && due <= now);
}

/* What answers have to say waits until all have been looked at: the last one may end the connection. */
static void expire_requests(struct conn *c)
{
    c->running = true;
    c->protocol->tick(c, now_us(c));
    c->running = false;
    conn_run(c);
}

void conn_expire(struct conn *c)
{
    if (!is_over(c, now_us(c)))
        expire_requests(c);
    else if (c->phase == PHASE_IDLE)
        conn_retire(c);
    else if (c->protocol != NULL && c->phase != PHASE_LINGER && c->protocol->expire(c))
        conn_run(c);
    else
        conn_drop(c);
}

static err_t open_stream(struct conn *c)
{
    if (c->server->tls != NULL)
        return tls_stream(c->server->tls, &c->stream, c->fd);
    stream_plain(&c->stream, c->fd);
    return OK;
}

static void give_back(struct conn *c)
{
    fd_close(&c->fd);
    pool_give(&c->server->conns, c);
}

err_t conn_new(struct http_server *s, int *fd)
{
    struct conn *c = pool_take(&s->conns);
    if (c == NULL) {
        fd_close(fd);
        return ERR_NOMEM;
    }
    *c = (struct conn){.server = s, .fd = TAKE_FD(*fd)};
    int on = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not every listener is TCP */
    err_t e = open_stream(c);
    if (e != OK) {
        give_back(c);
        return e;
    }
    if (uv_poll_init(s->loop, &c->poll, c->fd) != 0) {
        c->stream.ops->done(&c->stream);
        give_back(c);
        return ERR_IO;
    }
    c->poll.data = c;
    buf_init(&c->ahead, AHEAD_MAX);
    list_init(&c->link);
    list_init(&c->answered);
    s->n_conns++;
    server_hold(s);
    enter(c, PHASE_HANDSHAKE);
    watch(c, false);
    return OK;
}
