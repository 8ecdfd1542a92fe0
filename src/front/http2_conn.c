/* A connection of HTTP/2: bytes for its session and from it, its phase, its deadlines and its end. */
#include "front/http2.h"

#include <string.h>

static err_t http2_input(struct conn *c, struct view *in)
{
    struct view taken = {0};
    if (c->state == NULL)
        TRY(http2_open(c));
    struct http2 *h = c->state;
    ssize_t n = nghttp2_session_mem_recv(h->session, in->data, in->len);
    if (n < 0)
        return ERR_PROTOCOL;
    return view_take(in, (size_t)n, &taken);
}

/* Moves what the session wants written behind what is there. */
static void fill(struct http2 *h)
{
    while (h->out_len < H2_OUT_ROOM) {
        if (h->frame.len == 0) {
            ssize_t n = nghttp2_session_mem_send(h->session, &h->frame.data);
            h->failed = h->failed || n < 0;
            if (n <= 0)
                return;
            h->frame.len = (size_t)n;
        }
        if (h->out == NULL)
            h->out = pool_take(&h->conn->server->http2_out);
        h->failed = h->failed || h->out == NULL;
        if (h->failed)
            return;
        size_t n = MIN(h->frame.len, H2_OUT_ROOM - h->out_len);
        memcpy(h->out + h->out_len, h->frame.data, n);
        h->out_len += n;
        h->frame.data += n;
        h->frame.len -= n;
    }
}

static struct view http2_output(const struct conn *c)
{
    struct http2 *h = c->state;
    if (h == NULL)
        return (struct view){0};
    if (h->out_len == 0 && !h->failed)
        fill(h);
    return h->failed || h->out == NULL ? (struct view){0} : view_of(h->out + h->out_sent, h->out_len - h->out_sent);
}

/* The handler may end streams only through the session, which is not running: the list stays as it is. */
static void wake(struct http2 *h)
{
    if (!h->wakes)
        return;
    h->wakes = false;
    for (struct list *at = h->streams.next; at != &h->streams; at = at->next) {
        struct http2_stream *st = LIST_OF(at, struct http2_stream, link);
        if (st->woken && st->req.owed)
            request_part_sent(&st->req);
        st->woken = false;
    }
}

static void http2_sent(struct conn *c, size_t n)
{
    struct http2 *h = c->state;
    h->out_sent += n;
    if (h->out_sent < h->out_len)
        return;
    pool_give(&c->server->http2_out, TAKE_PTR(h->out));
    h->out_sent = h->out_len = 0;
    wake(h);
}

static bool is_over(const struct http2 *h)
{
    return h->failed || (nghttp2_session_want_read(h->session) == 0 && nghttp2_session_want_write(h->session) == 0);
}

static enum phase http2_phase(const struct conn *c)
{
    const struct http2 *h = c->state;
    if (h == NULL)
        return PHASE_HEAD;
    if (http2_output(c).len > 0)
        return PHASE_SEND;
    if (is_over(h))
        return PHASE_LINGER;
    if (h->in_head || !h->greeted)
        return PHASE_HEAD;
    return h->n_streams > 0 ? PHASE_WORK : PHASE_IDLE;
}

/* A head that does not come, or a client that takes nothing: there is no use in telling it. */
static bool http2_expire(struct conn *c UNUSED)
{
    return false;
}

static void http2_end(struct conn *c)
{
    struct http2 *h = c->state;
    if (h == NULL)
        return;
    h->ended = true;
    while (!list_empty(&h->streams))
        http2_stream_free(LIST_OF(h->streams.next, struct http2_stream, link));
    pool_give(&c->server->http2_out, h->out);
    http2_free(h);
    c->state = NULL;
}

static bool http2_retire(struct conn *c)
{
    struct http2 *h = c->state;
    if (h == NULL || h->leaving || h->failed)
        return false;
    h->leaving = true;
    int rc = nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session),
                                   NGHTTP2_NO_ERROR, NULL, 0);
    return rc == 0;
}

static uint64_t http2_due(const struct conn *c)
{
    struct http2 *h = c->state;
    uint64_t due = UINT64_MAX;
    if (h == NULL)
        return 0;
    for (struct list *at = h->streams.next; at != &h->streams; at = at->next) {
        const struct http2_stream *st = LIST_OF(at, struct http2_stream, link);
        due = st->due_us != 0 ? MIN(due, st->due_us) : due;
        due = st->limit_us != 0 ? MIN(due, st->limit_us) : due;
    }
    return due == UINT64_MAX ? 0 : due;
}

/* A body that does not come gets an answer; an answer that is not taken cannot. */
static void expire_stream(struct http2_stream *st, uint64_t now)
{
    bool limit = st->limit_us != 0 && st->limit_us <= now;
    bool waits = st->out == H2_OPEN && st->rest.len == 0 && !limit;
    st->due_us = st->limit_us = 0;
    if (st->out == H2_WAIT || waits)
        http2_refuse(st, limit ? ERR_TIMEOUT : ERR_BODY_TIMEOUT);
    else if (nghttp2_submit_rst_stream(st->h->session, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_CANCEL) != 0)
        st->h->failed = true;
}

/* Refusing one can end others: the search begins anew. */
static void http2_tick(struct conn *c, uint64_t now)
{
    struct http2 *h = c->state;
    struct list *at = h->streams.next;
    while (at != &h->streams) {
        struct http2_stream *st = LIST_OF(at, struct http2_stream, link);
        bool due = (st->due_us != 0 && st->due_us <= now) || (st->limit_us != 0 && st->limit_us <= now);
        if (due)
            expire_stream(st, now);
        at = due ? h->streams.next : at->next;
    }
}

const struct protocol http2_protocol = {
    .input = http2_input,
    .output = http2_output,
    .sent = http2_sent,
    .phase = http2_phase,
    .expire = http2_expire,
    .end = http2_end,
    .retire = http2_retire,
    .due = http2_due,
    .tick = http2_tick,
};
