/* Sessions and streams: what the client sends, and the limits on it. */
#include "front/http2.h"

#include "base/mem.h"

#include <string.h>

#define IDLE_DATA   64 /* a DATA frame shorter than this moves nothing */
#define WORTH_DATA  8  /* idle frames that may go with a longer one, */
#define WORTH_BEGIN 8  /* and with a request */

/* ── the account of frames that move nothing ── */

static void meter_earn(struct http2_meter *m, uint64_t n)
{
    m->left = (unsigned)MIN(m->left + MIN(n, H2_IDLE_FRAMES), H2_IDLE_FRAMES);
}

static bool meter_spend(struct http2_meter *m, uint64_t now_ms)
{
    uint64_t earned = (now_ms - m->at_ms) * H2_IDLE_FRAMES_RATE / 1000;
    if (earned > 0) {
        meter_earn(m, earned);
        m->at_ms = now_ms;
    }
    if (m->left == 0)
        return false;
    m->left--;
    return true;
}

static bool is_idle(const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION: /* nghttp2 counts them */
        return false;
    case NGHTTP2_DATA:
        return hd->length < IDLE_DATA && (hd->flags & NGHTTP2_FLAG_END_STREAM) == 0;
    default:
        return true;
    }
}

/* ── streams ── */

static void http2_more(struct request *r);
static void http2_taken(struct request *r, size_t left);
static const struct carrier http2_carrier = {
    .answer = http2_answer, .part = http2_part, .more = http2_more, .taken = http2_taken};

void http2_due_begin(struct http2_stream *st, enum phase phase)
{
    st->due_us = http2_now_us(st->h) + st->h->conn->server->phase_ms[phase] * 1000ULL;
}

void http2_due_earn(struct http2_stream *st, size_t n)
{
    const struct http_server *s = st->h->conn->server;
    uint64_t earned = st->due_us + n * 1000000ULL / s->body_rate;
    st->due_us = MIN(earned, http2_now_us(st->h) + s->phase_ms[PHASE_BODY] * 1000ULL);
}

/* A block for the head as well, whose memory the budget knows. */
static err_t stream_new(struct http2 *h, int32_t id, struct http2_stream **ret)
{
    struct http_server *s = h->conn->server;
    struct lease lease = {0};
    TRY(lease_take(&lease, s->bodies, sizeof(struct http2_stream) + s->header_max));
    struct http2_stream *st = pool_take(&s->http2);
    if (st == NULL) {
        lease_done(&lease);
        return ERR_NOMEM;
    }
    memset(st, 0, offsetof(struct http2_stream, req));
    st->h = h;
    st->id = id;
    st->lease = lease;
    list_init(&st->link);
    list_move(&h->streams, &st->link);
    h->n_streams++;
    request_init(&st->req, s, &http2_carrier, st->head, s->header_max);
    st->req.pub.version = 2;
    *ret = st;
    return OK;
}

void http2_stream_free(struct http2_stream *st)
{
    struct http2 *h = st->h;
    list_remove(&st->link);
    h->n_streams--;
    h->conn->turned = true;
    request_drop(&st->req);
    http2_answer_done(st);
    lease_done(&st->lease);
    pool_give(&h->conn->server->http2, st);
}

static struct http2_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

/* ── a head ── */

static bool is_request(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct http2 *h = self;
    struct http2_stream *st = NULL;
    if (!is_request(frame))
        return 0;
    meter_earn(&h->meter, WORTH_BEGIN);
    if (stream_new(h, frame->hd.stream_id, &st) != OK)
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
    h->in_head = true;
    return nghttp2_session_set_stream_user_data(session, st->id, st);
}

static enum http_method method_of(struct view name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {
        {"GET", METHOD_GET}, {"HEAD", METHOD_HEAD},     {"POST", METHOD_POST},
        {"PUT", METHOD_PUT}, {"DELETE", METHOD_DELETE}, {"OPTIONS", METHOD_OPTIONS},
    };
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (view_is(name, methods[i].name))
            return methods[i].method;
    return METHOD_OTHER;
}

static err_t put_field(struct head *head, struct view name, struct view value)
{
    struct head_field *field = NULL;
    TRY(head_next(head, &field));
    TRY(head_put(head, &field->name, name));
    TRY(head_put(head, &field->value, value));
    head_trim(&field->value);
    return OK;
}

/* RFC 9113 §8.3.1: :authority stands for Host, which a client may send as well. nghttp2 has checked that pseudo fields
   come first, stand once and are not unknown. */
static err_t take_field(struct http2_stream *st, struct view name, struct view value)
{
    struct head *head = &st->req.head;
    if (name.data[0] != ':') {
        bool again = view_is(name, "host") && head_find(head, "host").data != NULL;
        if (again && !view_equal(head_find(head, "host"), value))
            return why_set(&st->why, ERR_BAD_REQUEST, "the header field host differs from :authority");
        return again ? OK : put_field(head, name, value);
    }
    if (view_is(name, ":path"))
        return head_put(head, &head->target, value);
    if (view_is(name, ":method"))
        st->req.pub.method = method_of(value);
    return view_is(name, ":authority") ? put_field(head, view_of("host", 4), value) : OK;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags UNUSED, void *self UNUSED)
{
    struct http2_stream *st = stream_of(session, frame->hd.stream_id);
    if (st == NULL || !is_request(frame) || st->failed != OK || name_len == 0)
        return 0;
    st->failed = take_field(st, view_of(name, name_len), view_of(value, value_len));
    if (st->failed == ERR_HEADERS_TOO_LARGE)
        (void)why_set(&st->why, ERR_HEADERS_TOO_LARGE, "a request head may have %d fields and %zu bytes",
                      HTTP_FIELDS_MAX, st->req.head.size);
    return 0;
}

/* ── a request ── */

static err_t say_continue(struct http2_stream *st)
{
    static const nghttp2_nv status = {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "100", 7, 3,
                                      NGHTTP2_NV_FLAG_NONE};
    int rc = nghttp2_submit_headers(st->h->session, NGHTTP2_FLAG_NONE, st->id, NULL, &status, 1, NULL);
    return rc == 0 ? OK : ERR_NOMEM;
}

/* nghttp2 has read the number, and compares it with what comes. */
static void read_length(const struct view *known, bool *ret_sized, uint64_t *ret_length)
{
    struct view text = known[KNOWN_CONTENT_LENGTH];
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n = n * 10 + (uint64_t)(text.data[i] - '0');
    *ret_sized = text.data != NULL;
    *ret_length = n;
}

static err_t begin_request(struct http2_stream *st, bool bodiless)
{
    struct head *head = &st->req.head;
    bool sized = false;
    bool expects = false;
    uint64_t length = 0;
    TRY(st->failed);
    TRY(head_check(head, &st->why));
    if (head->known[KNOWN_HOST].data == NULL)
        return why_set(&st->why, ERR_BAD_REQUEST, "the header field host is missing");
    TRY(head_expects(head, &expects));
    read_length(head->known, &sized, &length);
    st->in = H2_BODY;
    request_begin(&st->req, st->req.pub.method);
    if (!st->req.owed)
        return OK;
    if (st->req.pub.limit_ms > 0)
        st->limit_us = http2_now_us(st->h) + st->req.pub.limit_ms * 1000ULL;
    TRY(request_frame(&st->req, sized || bodiless, length, &st->why));
    if (bodiless)
        return OK;
    http2_due_begin(st, PHASE_BODY);
    return expects ? say_continue(st) : OK;
}

static void end_request(struct http2_stream *st)
{
    st->in = H2_DONE;
    if (!st->req.owed)
        return;
    if (st->rest.len == 0)
        st->due_us = 0;
    err_t e = request_end(&st->req);
    if (e != OK)
        http2_refuse(st, e);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct http2 *h = self;
    struct http2_stream *st = stream_of(session, frame->hd.stream_id);
    bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_SETTINGS)
        h->greeted = true;
    if (frame->hd.type == NGHTTP2_HEADERS)
        h->in_head = false;
    if (st == NULL || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    if (is_request(frame)) {
        err_t e = begin_request(st, last);
        if (e != OK)
            http2_refuse(st, e);
    }
    if (last)
        end_request(st);
    return 0;
}

/* What the handler wants piece by piece opens the window when it asks for more; else memory is bounded by the budget.
 */
static int on_data(nghttp2_session *session, uint8_t flags UNUSED, int32_t id, const uint8_t *bytes, size_t n,
                   void *self UNUSED)
{
    struct http2_stream *st = stream_of(session, id);
    if (st == NULL || !st->req.owed)
        return nghttp2_session_consume(session, id, n);
    if (st->due_us != 0)
        http2_due_earn(st, n);
    st->uncredited += st->req.pub.parts ? n : 0;
    err_t e = request_body(&st->req, view_of(bytes, n), &st->why);
    if (e != OK)
        http2_refuse(st, e);
    return st->req.pub.parts ? nghttp2_session_consume_connection(session, n) : nghttp2_session_consume(session, id, n);
}

/* All but `left` bytes. */
static void credit(struct http2_stream *st, size_t left)
{
    struct http2 *h = st->h;
    size_t n = st->uncredited - MIN(left, st->uncredited);
    if (!h->ended && nghttp2_session_consume_stream(h->session, st->id, n) != 0)
        h->failed = true;
    st->uncredited -= n;
}

static void http2_more(struct request *r)
{
    credit(LIST_OF(r, struct http2_stream, req), 0);
}

static void http2_taken(struct request *r, size_t left)
{
    struct http2_stream *st = LIST_OF(r, struct http2_stream, req);
    credit(st, left);
    st->due_us = 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code UNUSED, void *self UNUSED)
{
    struct http2_stream *st = stream_of(session, id);
    if (st != NULL)
        http2_stream_free(st);
    return 0;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *self)
{
    struct http2 *h = self;
    h->in_head = h->in_head && hd->type == NGHTTP2_CONTINUATION;
    if (!is_idle(hd)) {
        if (hd->type == NGHTTP2_DATA)
            meter_earn(&h->meter, WORTH_DATA);
        return 0;
    }
    if (meter_spend(&h->meter, uv_now(h->conn->server->loop)))
        return 0;
    h->leaving = true;
    return nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* The answer was complete before the request was: the client need not go on (RFC 9113 §8.1). */
static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct http2 *h = self;
    const struct http2_stream *st = stream_of(session, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_DATA && frame->hd.length > 0)
        meter_earn(&h->meter, WORTH_DATA);
    bool last = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!last || st == NULL || st->in == H2_DONE)
        return 0;
    return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_NO_ERROR);
}

/* ── sessions ── */

static void *h2_alloc(size_t n, void *self UNUSED)
{
    return mem_resize(NULL, n);
}

static void h2_free(void *p, void *self UNUSED)
{
    mem_free(p);
}

static void *h2_zero(size_t count, size_t size, void *self UNUSED)
{
    return mem_alloc(count, size);
}

static void *h2_resize(void *p, size_t n, void *self UNUSED)
{
    return mem_resize(p, n);
}

static void set_callbacks(nghttp2_session_callbacks *cb)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
}

static void set_options(nghttp2_option *o)
{
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_outbound_ack(o, H2_ACKS_MAX);
    nghttp2_option_set_max_continuations(o, H2_CONTINUATIONS_MAX);
    nghttp2_option_set_stream_reset_rate_limit(o, H2_RESETS_BURST, H2_RESETS_RATE);
}

static void callbacks_done(nghttp2_session_callbacks **cb)
{
    nghttp2_session_callbacks_del(*cb);
}

static void option_done(nghttp2_option **o)
{
    nghttp2_option_del(*o);
}

static err_t session_new(struct http2 *h)
{
    static nghttp2_mem mem = {NULL, h2_alloc, h2_free, h2_zero, h2_resize};
    AUTO(callbacks_done) nghttp2_session_callbacks *cb = NULL;
    AUTO(option_done) nghttp2_option *option = NULL;
    if (nghttp2_session_callbacks_new(&cb) != 0 || nghttp2_option_new(&option) != 0)
        return ERR_NOMEM;
    set_callbacks(cb);
    set_options(option);
    return nghttp2_session_server_new3(&h->session, cb, h, option, &mem) == 0 ? OK : ERR_NOMEM;
}

static err_t greet(struct http2 *h)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)h->conn->server->header_max},
    };
    if (nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, COUNT_OF(settings)) != 0 ||
        nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, H2_CONN_WINDOW) != 0)
        return ERR_NOMEM;
    return OK;
}

void http2_free(struct http2 *h)
{
    nghttp2_session_del(h->session);
    mem_free(h);
}

err_t http2_open(struct conn *c)
{
    struct http2 *h = mem_alloc(1, sizeof(*h));
    if (h == NULL)
        return ERR_NOMEM;
    h->conn = c;
    h->meter = (struct http2_meter){H2_IDLE_FRAMES, uv_now(c->server->loop)};
    list_init(&h->streams);
    err_t e = session_new(h);
    if (e == OK)
        e = greet(h);
    if (e != OK) {
        http2_free(h);
        return e;
    }
    c->state = h;
    return OK;
}
