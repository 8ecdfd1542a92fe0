/* Requests and answers without regard to how they travel. */
#include "front/request.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "front/server.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

static struct request *request_of(struct http_req *req)
{
    return (struct request *)req;
}

/* ── receiving ── */

void request_init(struct request *r, struct http_server *s, const struct carrier *carrier, uint8_t *bytes, size_t size)
{
    r->pub = (struct http_req){.id = server_id(s), .secure = s->tls != NULL, .version = 1};
    r->carrier = carrier;
    r->server = s;
    r->owed = false;
    r->body = (struct body){0};
    head_init(&r->head, bytes, size);
}

static void take_id(struct request *r)
{
    uint64_t id = 0;
    if (hex_decode(r->head.known[KNOWN_REQUEST_ID], &id, sizeof(id)) == OK)
        r->pub.id = be64toh(id);
}

static void split_target(struct http_req *req, struct view target)
{
    const uint8_t *mark = memchr(target.data, '?', target.len);
    size_t path = mark != NULL ? (size_t)(mark - target.data) : target.len;
    req->path = view_of(target.data, path);
    req->query = mark != NULL ? view_of(mark + 1, target.len - path - 1) : (struct view){0};
}

void request_begin(struct request *r, enum http_method method)
{
    struct http_server *s = r->server;
    take_id(r);
    split_target(&r->pub, r->head.target);
    r->pub.method = method;
    r->pub.start_ns = clock_mono_ns();
    r->pub.body_max = s->body_max;
    r->owed = true;
    s->handler->on_head(s->self, &r->pub);
}

static err_t explain(struct request *r, err_t e, struct why *why)
{
    return e == ERR_BODY_TOO_LARGE ? why_set(why, e, "the request body may have %zu bytes", r->pub.body_max) : e;
}

err_t request_frame(struct request *r, bool sized, uint64_t length, struct why *why)
{
    struct body_frame frame = {.sized = sized, .length = length};
    r->pub.body_max = MIN(r->pub.body_max, r->server->body_max);
    TRY(head_coding(&r->head, &frame.coding));
    if (!sized || frame.coding != CODING_NONE || r->pub.prefix >= length)
        r->pub.prefix = 0;
    frame.prefix = r->pub.prefix;
    return explain(r, body_begin(&r->body, &r->pub.body, r->pub.body_max, r->server->bodies, &frame), why);
}

/* The beginning of the body, alone. */
static err_t put_prefix(struct request *r, struct view *part, struct why *why)
{
    struct view first = {0};
    TRY(view_take(part, MIN(part->len, r->pub.prefix - r->pub.body.len), &first));
    TRY(explain(r, body_put(&r->body, &r->pub.body, first), why));
    if (r->pub.body.len < r->pub.prefix)
        return OK;
    r->pub.prefix = 0;
    r->server->handler->on_prefix(r->server->self, &r->pub);
    return OK;
}

err_t request_body(struct request *r, struct view part, struct why *why)
{
    if (r->pub.prefix > 0)
        TRY(put_prefix(r, &part, why));
    TRY(explain(r, body_put(&r->body, &r->pub.body, part), why));
    if (r->pub.parts)
        r->server->handler->on_part(r->server->self, &r->pub);
    return OK;
}

void request_part_sent(struct request *r)
{
    r->pub.sending = false;
    r->server->handler->on_part(r->server->self, &r->pub);
}

err_t request_end(struct request *r)
{
    TRY(body_end(&r->body));
    r->server->handler->on_body(r->server->self, &r->pub);
    return OK;
}

void request_drop(struct request *r)
{
    if (r->owed) {
        r->owed = false;
        r->server->handler->on_gone(r->server->self, &r->pub);
    }
    body_done(&r->body, &r->pub.body);
}

/* ── what a handler calls ── */

struct view http_header(const struct http_req *req, const char *name)
{
    const struct request *r = (const struct request *)req;
    return head_find(&r->head, name);
}

void http_body_into(struct http_req *req, uint8_t *area, size_t size)
{
    request_of(req)->body.lent = true;
    req->body = (struct buf){.data = area, .cap = size, .max = size};
    req->body_max = MIN(req->body_max, size);
}

void http_body_scatter(struct http_req *req, struct http_piece *pieces, size_t count)
{
    request_of(req)->body.pieces = pieces;
    request_of(req)->body.n_pieces = count;
}

void http_body_free(struct http_req *req)
{
    body_done(&request_of(req)->body, &req->body);
}

void request_count(const struct request *r, int status)
{
    r->server->answers[r->pub.kind][metric_code(status)]++;
}

static void add_trace(struct request *r, struct http_answer *a)
{
    if (!r->carrier->within && a->n_fields < HTTP_EXTRA_MAX &&
        trace_answer(head_find(&r->head, "traceparent"), r->pub.id, r->trace))
        a->fields[a->n_fields++] = (struct http_field){"Traceparent", view_of(r->trace, TRACE_LEN)};
}

void http_reply(struct http_req *req, struct http_answer *a)
{
    struct request *r = request_of(req);
    assert(r->owed && (!req->sending || a->body.len + a->text.len == 0));
    r->owed = false;
    body_done(&r->body, &req->body);
    request_count(r, a->status);
    add_trace(r, a);
    r->carrier->answer(r, a);
}

void http_reply_part(struct http_req *req, struct http_answer *a)
{
    struct request *r = request_of(req);
    assert(r->owed && !req->sending && r->carrier->part != NULL);
    req->sending = true;
    add_trace(r, a);
    r->carrier->part(r, a);
}

void http_body_more(struct http_req *req)
{
    request_of(req)->carrier->more(request_of(req));
}

void http_body_taken(struct http_req *req, size_t left)
{
    request_of(req)->carrier->taken(request_of(req), left);
}

void http_refusal(const struct http_req *req, struct http_answer *a, err_t e, const struct why *why, uint32_t retry_s)
{
    if (req->refuse != NULL)
        req->refuse(a, e, why, retry_s);
    else
        http_answer_error(a, e, why, retry_s);
}

void http_reply_error(struct http_req *req, err_t e, const struct why *why, uint32_t retry_s)
{
    struct http_answer a = {0};
    http_refusal(req, &a, e, why, retry_s);
    if (err_http(e) >= 500)
        log_event(LOG_REQUEST_FAILED, (int64_t)req->id, err_http(e), (int64_t)e,
                  (int64_t)((clock_mono_ns() - req->start_ns) / 1000));
    http_reply(req, &a);
}

/* ── the error form ── */

/* Text inside a JSON string. A model's own names may stand in it, so what is not printable ASCII is replaced. */
static err_t put_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            TRY(buf_put_u8(out, '\\'));
        TRY(buf_put_u8(out, *text >= ' ' && *text <= '~' ? (uint8_t)*text : '?'));
    }
    return OK;
}

static err_t put_error(struct buf *out, err_t e, const char *text)
{
    TRY(buf_put_text(out, "{\"error\":\""));
    TRY(put_escaped(out, text));
    TRY(buf_put_text(out, "\",\"code\":\""));
    TRY(buf_put_text(out, err_name(e)));
    return buf_put_text(out, "\"}");
}

void http_answer_error(struct http_answer *a, err_t e, const struct why *why, uint32_t retry_s)
{
    static const char no_memory[] = "{\"error\":\"out of memory\",\"code\":\"NOMEM\"}";
    a->status = err_http(e);
    a->type = "application/json";
    a->retry_s = a->status == 503 ? MAX(retry_s, 1) : 0;
    buf_init(&a->body, 2 * sizeof(why->text) + 128);
    if (put_error(&a->body, e, why != NULL && why->text[0] != '\0' ? why->text : err_text(e)) == OK)
        return;
    buf_done(&a->body);
    a->status = err_http(ERR_NOMEM);
    a->retry_s = 1;
    a->text = view_of(no_memory, sizeof(no_memory) - 1);
}
