/* Answers: head, body piece by piece as windows allow, and trailers. */
#include "front/http2.h"

#include "base/text.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX  (HTTP_EXTRA_MAX + HTTP_TRAILERS_MAX) /* an answer of trailers alone has both in its head */
#define FIELDS_MAX (NAMES_MAX + 5)
#define NUMBER_MAX 24

/* ── fields ── */

/* What nghttp2 gets; it copies all of it. Names are lower case in HTTP/2. */
struct fields {
    nghttp2_nv nv[FIELDS_MAX];
    size_t n;
    char names[NAMES_MAX][HTTP_NAME_MAX];
    size_t n_names;
    char numbers[3][NUMBER_MAX];
    bool odd; /* a value is not printable: it would change what the fields after it mean */
};

static bool is_printable(struct view v)
{
    bool odd = false;
    for (size_t i = 0; i < v.len; i++)
        odd |= v.data[i] < ' ' || v.data[i] > '~';
    return !odd;
}

static void put(struct fields *f, const char *name, struct view value, uint8_t flags)
{
    static const uint8_t none[1] = "";
    f->nv[f->n++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)(value.len > 0 ? value.data : none),
                                 strlen(name), value.len, flags};
}

static void put_text(struct fields *f, const char *name, const char *value)
{
    put(f, name, view_of(value, strlen(value)), NGHTTP2_NV_FLAG_NONE);
}

static void put_number(struct fields *f, const char *name, size_t slot, uint64_t n)
{
    int len = snprintf(f->numbers[slot], NUMBER_MAX, "%llu", (unsigned long long)n);
    put(f, name, view_of(f->numbers[slot], (size_t)len), NGHTTP2_NV_FLAG_NONE);
}

static void lower_name(const char *name, char ret[static HTTP_NAME_MAX])
{
    size_t n = 0;
    for (; name[n] != '\0' && n + 1 < HTTP_NAME_MAX; n++)
        ret[n] = (char)(name[n] >= 'A' && name[n] <= 'Z' ? name[n] | 0x20 : name[n]);
    ret[n] = '\0';
}

/* Each value is another one: it would only push others out of the table. */
static void put_extra(struct fields *f, const struct http_field *field)
{
    char *name = f->names[f->n_names++];
    lower_name(field->name, name);
    f->odd = f->odd || !is_printable(field->value);
    put(f, name, field->value, NGHTTP2_NV_FLAG_NO_INDEX);
}

static struct view body_of(const struct http_answer *a)
{
    return a->body.len > 0 ? buf_view(&a->body) : a->text;
}

/* Content-Length only where it is known, i.e. when nothing follows. */
static void fill_head(struct fields *f, const struct http_req *req, const struct http_answer *a, bool whole)
{
    static char id[2 * sizeof(uint64_t) + 1];
    const uint64_t raw = htobe64(req->id);
    put_number(f, ":status", 0, (uint64_t)a->status);
    if (a->type != NULL)
        put_text(f, "content-type", a->type);
    if (whole)
        put_number(f, "content-length", 1, body_of(a).len);
    hex_encode(&raw, sizeof(raw), id);
    put(f, "veronnx-request-id", view_of(id, sizeof(id) - 1), NGHTTP2_NV_FLAG_NO_INDEX);
    if (a->retry_s > 0)
        put_number(f, "retry-after", 2, a->retry_s);
    for (unsigned i = 0; i < MIN(a->n_fields, HTTP_EXTRA_MAX); i++)
        put_extra(f, &a->fields[i]);
}

/* ── trailers ── */

/* They are sent behind the body, when the answer that brought them is gone. False: one does not fit. */
static bool keep_trailers(struct http2_stream *st, const struct http_answer *a)
{
    for (unsigned i = 0; i < a->n_trailers; i++) {
        struct view value = a->trailers[i].value;
        if (value.len >= HTTP_TRAILER_MAX || !is_printable(value))
            return false;
        lower_name(a->trailers[i].name, st->trailer_names[i]);
        memcpy(st->trailer_values[i], value.data, value.len);
        st->trailer_values[i][value.len] = '\0';
    }
    st->n_trailers = a->n_trailers;
    return true;
}

static size_t fill_trailers(const struct http2_stream *st, nghttp2_nv ret[static HTTP_TRAILERS_MAX])
{
    struct fields f = {.n = 0};
    for (unsigned i = 0; i < st->n_trailers; i++)
        put_text(&f, st->trailer_names[i], st->trailer_values[i]);
    memcpy(ret, f.nv, f.n * sizeof(f.nv[0]));
    return f.n;
}

static int send_trailers(struct http2_stream *st)
{
    nghttp2_nv nv[HTTP_TRAILERS_MAX];
    size_t n = fill_trailers(st, nv);
    return nghttp2_submit_trailer(st->h->session, st->id, nv, n);
}

/* ── the body ── */

void http2_answer_done(struct http2_stream *st)
{
    buf_done(&st->body);
    lease_done(&st->held);
    st->rest = (struct view){0};
}

static ssize_t end_body(struct http2_stream *st, uint32_t *flags)
{
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (st->n_trailers == 0)
        return 0;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return send_trailers(st) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* It is the client's turn, or the handler's if the client has said all. */
static void await_more(struct http2_stream *st)
{
    st->due_us = 0;
    if (st->in != H2_DONE)
        http2_due_begin(st, st->req.pub.body.len > 0 ? PHASE_BODY : PHASE_IDLE);
}

static ssize_t read_body(nghttp2_session *session UNUSED, int32_t id UNUSED, uint8_t *to, size_t room, uint32_t *flags,
                         nghttp2_data_source *source, void *self UNUSED)
{
    struct http2_stream *st = source->ptr;
    size_t n = MIN(room, st->rest.len);
    if (n == 0 && st->out == H2_OPEN) {
        st->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n > 0 && view_copy(&st->rest, to, n) != OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (st->due_us != 0)
        http2_due_earn(st, n);
    if (st->rest.len > 0)
        return (ssize_t)n;
    http2_answer_done(st);
    if (st->out == H2_OPEN) {
        await_more(st);
        st->woken = st->h->wakes = true;
        return (ssize_t)n;
    }
    ssize_t rc = end_body(st, flags);
    return rc == 0 ? (ssize_t)n : rc;
}

static void take_body(struct http2_stream *st, struct http_answer *a)
{
    st->rest = body_of(a);
    st->body = a->body;
    st->held = a->held;
    a->body = (struct buf){0};
    a->held = (struct lease){0};
    if (st->rest.len > 0)
        http2_due_begin(st, PHASE_SEND);
}

/* ── answers ── */

static void drop(struct http_answer *a)
{
    buf_done(&a->body);
    lease_done(&a->held);
    *a = (struct http_answer){0};
}

/* Head and what of the body is there. An answer of trailers alone has them in its head. */
static int submit_head(struct http2_stream *st, struct http_answer *a)
{
    struct fields f = {.n = 0};
    const nghttp2_data_provider provider = {.source.ptr = st, .read_callback = read_body};
    bool head = st->req.pub.method == METHOD_HEAD;
    bool open = st->out == H2_OPEN;
    bool alone = !open && a->n_trailers > 0 && body_of(a).len == 0;
    fill_head(&f, &st->req.pub, a, !open && a->n_trailers == 0);
    for (unsigned i = 0; alone && i < a->n_trailers; i++)
        put_extra(&f, &a->trailers[i]);
    if (f.odd || (!alone && !keep_trailers(st, a))) {
        drop(a);
        http_answer_error(a, ERR_INTERNAL, NULL, 0);
        st->out = H2_ANSWER;
        return submit_head(st, a);
    }
    bool bodiless = alone || head || (!open && body_of(a).len == 0 && st->n_trailers == 0);
    int rc = nghttp2_submit_response(st->h->session, st->id, f.nv, f.n, bodiless ? NULL : &provider);
    if (bodiless)
        drop(a);
    else
        take_body(st, a);
    return rc;
}

static int submit_more(struct http2_stream *st, struct http_answer *a)
{
    if (!keep_trailers(st, a))
        return nghttp2_submit_rst_stream(st->h->session, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_INTERNAL_ERROR);
    if (st->rest.len == 0)
        take_body(st, a);
    if (!st->deferred)
        return 0;
    st->deferred = false;
    return nghttp2_session_resume_data(st->h->session, st->id);
}

static void submit(struct http2_stream *st, struct http_answer *a, enum http2_out out)
{
    struct http2 *h = st->h;
    bool begun = st->out == H2_OPEN;
    st->out = out;
    if (out == H2_ANSWER)
        st->limit_us = 0;
    if (h->ended) {
        drop(a);
        return;
    }
    int rc = begun ? submit_more(st, a) : submit_head(st, a);
    drop(a);
    h->failed = h->failed || rc != 0;
    conn_wake(h->conn);
}

void http2_answer(struct request *r, struct http_answer *a)
{
    submit(LIST_OF(r, struct http2_stream, req), a, H2_ANSWER);
}

void http2_part(struct request *r, struct http_answer *a)
{
    submit(LIST_OF(r, struct http2_stream, req), a, H2_OPEN);
}

/* Behind a part there is no place for what would be said. */
static void cut(struct http2_stream *st, struct http_answer *a)
{
    drop(a);
    if (nghttp2_submit_rst_stream(st->h->session, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_CANCEL) != 0)
        st->h->failed = true;
}

void http2_refuse(struct http2_stream *st, err_t e)
{
    struct http_answer a = {0};
    request_drop(&st->req);
    if (st->out == H2_ANSWER)
        return;
    if (st->rest.len == 0)
        st->due_us = 0;
    http_refusal(&st->req.pub, &a, e, &st->why, 0);
    request_count(&st->req, a.status);
    if (st->out == H2_WAIT || a.n_trailers > 0)
        submit(st, &a, H2_ANSWER);
    else
        cut(st, &a);
}
