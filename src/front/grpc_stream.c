/* ModelStreamInfer: one message after the other, each a request of its own whose answer is a part of the stream's. */
#include "front/grpc.h"
#include "front/request.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/varint.h"
#include <inference.pb-c.h>

#include <assert.h>
#include <string.h>

#define RESPONSE_TAG  (2 << 3 | 2) /* infer_response of ModelStreamInferResponse: bytes */
#define PARAMETER_TAG (4 << 3 | 2) /* parameters of ModelInferResponse: bytes */
#define LENGTH_BYTES  5            /* of the length behind RESPONSE_TAG, which is written last */
#define ERROR_MAX     (1 * KIB)

struct grpc_stream {
    struct app *app;
    struct http_req *parent;
    struct request sub; /* the message that is worked on */
    bool busy;          /* there is one */
    size_t taken;       /* bytes of the body in front of the next one */
    bool ended;         /* the client has sent its last */
};

/* ── answers ── */

/* The room that grpc_stream_write left and the prefix that it moved are filled. */
static void seal(struct buf *b)
{
    size_t len = b->len - GRPC_PREFIX - 1 - LENGTH_BYTES;
    grpc_prefix(b->data, b->len - GRPC_PREFIX);
    b->data[GRPC_PREFIX] = RESPONSE_TAG;
    for (unsigned i = 0; i < LENGTH_BYTES; i++, len >>= 7)
        b->data[GRPC_PREFIX + 1 + i] = (uint8_t)((len & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
}

err_t grpc_stream_write(const struct grpc_infer *g, struct view model_name, const struct value_set *outputs,
                        struct view area, struct buf *out, struct why *why)
{
    static const uint8_t room[1 + LENGTH_BYTES];
    TRY(buf_put(out, room, sizeof(room)));
    TRY(grpc_infer_write(g, model_name, outputs, area, out, why));
    seal(out);
    return OK;
}

/* Only the first answer of a stream has a head, so what would stand there becomes a parameter. */
static err_t put_parameter(struct buf *out, const char *name, struct view value)
{
    Inference__InferParameter p = INFERENCE__INFER_PARAMETER__INIT;
    Inference__ParameterEntry e = INFERENCE__PARAMETER_ENTRY__INIT;
    p.parameter_choice_case = INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_STRING_PARAM;
    p.string_param = grpc_text(value);
    e.key = grpc_literal(name);
    e.value = &p;
    out->max = MAX(out->max, out->len + value.len + ERROR_MAX);
    TRY(buf_put_u8(out, PARAMETER_TAG));
    TRY(varint_put(out, protobuf_c_message_get_packed_size(&e.base)));
    return grpc_put(&e.base, out);
}

static err_t put_fields(struct http_answer *a)
{
    static const struct {
        const char *field;
        const char *parameter;
    } known[] = {{"Veronnx-Receipt", "veronnx_receipt"}, {"Veronnx-Settlement", "veronnx_settlement"}};
    size_t before = a->body.len;
    for (unsigned i = 0; i < a->n_fields; i++)
        for (size_t k = 0; k < COUNT_OF(known); k++)
            if (strcmp(a->fields[i].name, known[k].field) == 0)
                TRY(put_parameter(&a->body, known[k].parameter, a->fields[i].value));
    if (a->body.len > before)
        seal(&a->body);
    return OK;
}

static void sub_answer(struct request *r, struct http_answer *a)
{
    struct grpc_stream *s = LIST_OF(r, struct grpc_stream, sub);
    struct http_answer part = {.status = 200, .type = GRPC_TYPE};
    err_t e = a->body.len > 0 ? put_fields(a) : ERR_NOMEM;
    s->busy = false;
    part.body = a->body;
    part.held = a->held;
    a->body = (struct buf){0};
    a->held = (struct lease){0};
    if (e == OK) {
        http_reply_part(s->parent, &part);
        return;
    }
    struct http_req *parent = s->parent;
    buf_done(&part.body);
    lease_done(&part.held);
    mem_free(s);
    http_reply_error(parent, e, NULL, 1);
}

static void sub_refuse(struct http_answer *a, err_t e, const struct why *why, uint32_t retry_s UNUSED)
{
    Inference__ModelStreamInferResponse m = INFERENCE__MODEL_STREAM_INFER_RESPONSE__INIT;
    m.error_message = grpc_literal(why != NULL && why->text[0] != '\0' ? why->text : err_text(e));
    a->status = 200;
    a->body = BUF_WITH(ERROR_MAX);
    if (grpc_put_framed(&m.base, &a->body) != OK)
        buf_done(&a->body); /* an answer without a body ends the stream */
}

/* ── messages ── */

static struct view rest_of(const struct grpc_stream *s)
{
    struct view in = buf_view(&s->parent->body);
    struct view taken = {0};
    err_t e = view_take(&in, s->taken, &taken);
    assert(e == OK);
    return in;
}

static err_t begin_message(struct grpc_stream *s, struct view framed)
{
    static const struct carrier carrier = {.answer = sub_answer, .within = true};
    static const char path[] = "/inference.GRPCInferenceService/ModelInfer";
    const struct request *parent = (const struct request *)s->parent;
    const struct body_frame frame = {.sized = true, .length = framed.len};
    s->sub = (struct request){.carrier = &carrier, .server = parent->server, .head = parent->head};
    s->sub.pub = (struct http_req){.id = s->parent->id,
                                   .start_ns = clock_mono_ns(),
                                   .method = METHOD_POST,
                                   .secure = s->parent->secure,
                                   .version = 2,
                                   .path = view_of(path, sizeof(path) - 1),
                                   .body_max = framed.len,
                                   .refuse = sub_refuse};
    err_t e = body_begin(&s->sub.body, &s->sub.pub.body, framed.len, &s->app->transfer, &frame);
    if (e == OK)
        e = body_put(&s->sub.body, &s->sub.pub.body, framed);
    if (e != OK)
        body_done(&s->sub.body, &s->sub.pub.body);
    s->sub.owed = s->busy = e == OK;
    return e;
}

static void end(struct grpc_stream *s, err_t e, const struct why *why)
{
    struct http_req *req = s->parent;
    struct buf none = {0};
    mem_free(s);
    req->user = NULL;
    grpc_reply(req, e, why, &none);
}

/* What is left moves to the front when it is the smaller part or begins what is not all there: not for each message. */
static void drop_taken(struct grpc_stream *s, size_t left)
{
    if (s->taken == 0 || s->taken < left)
        return;
    buf_consume(&s->parent->body, s->taken);
    s->taken = 0;
}

static err_t take(struct grpc_stream *s, struct view in, size_t left)
{
    TRY(begin_message(s, view_of(in.data, in.len - left)));
    s->taken += in.len - left;
    drop_taken(s, left);
    http_body_taken(s->parent, left);
    return OK;
}

/* Everything here happens while the connection is being worked on: an answer that is given at once does not end it. */
static void step(struct grpc_stream *s)
{
    struct http_req *req = s->parent;
    struct view in = rest_of(s), behind = in;
    struct view message = {0};
    struct why why = {0};
    bool compressed = false;
    if (s->busy || req->sending)
        return;
    err_t e = grpc_frame_take(&behind, &compressed, &message);
    if (e == ERR_TRUNCATED && !s->ended) {
        drop_taken(s, 0);
        http_body_more(req);
        return;
    }
    if (e == ERR_TRUNCATED && in.len == 0) {
        end(s, OK, NULL);
        return;
    }
    if (e == OK)
        e = take(s, in, behind.len);
    if (e != OK) {
        end(s, e, &why);
        return;
    }
    grpc_stream_message(s->app, &s->sub.pub);
}

static struct grpc_stream *stream_of(struct app *app, struct http_req *req)
{
    struct grpc_stream *s = req->user;
    if (s == NULL)
        s = mem_alloc(1, sizeof(*s));
    if (s == NULL) {
        http_reply_error(req, ERR_NOMEM, NULL, 1);
        return NULL;
    }
    s->app = app;
    s->parent = req;
    req->user = s;
    return s;
}

void grpc_stream_head(struct http_req *req)
{
    req->parts = true;
}

void grpc_stream_part(struct app *app, struct http_req *req)
{
    struct grpc_stream *s = stream_of(app, req);
    if (s != NULL)
        step(s);
}

void grpc_stream_end(struct app *app, struct http_req *req)
{
    struct grpc_stream *s = stream_of(app, req);
    if (s == NULL)
        return;
    s->ended = true;
    step(s);
}

void grpc_stream_gone(struct http_req *req)
{
    struct grpc_stream *s = TAKE_PTR(req->user);
    if (s != NULL && s->busy)
        request_drop(&s->sub);
    mem_free(s);
}
