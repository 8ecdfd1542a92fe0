/* ModelInfer: from the body to a call of a model, and back. */
#include "front/deflate.h"
#include "front/grpc.h"
#include "front/resolve.h"

#include <string.h>

static struct view name_of(const struct call *c)
{
    return view_of(c->as.grpc.name, c->as.grpc.name_len);
}

static err_t take_name(struct grpc_call *g, struct view name, struct why *why)
{
    if (name.len > sizeof(g->name))
        return why_set(why, ERR_MODEL_ID_INVALID, "the name of a model may have %zu bytes", sizeof(g->name));
    if (name.len > 0)
        memcpy(g->name, name.data, name.len);
    g->name_len = name.len;
    return OK;
}

static err_t parse(struct call *c, const struct infer_limits *limits, size_t *ret_memory, struct why *why)
{
    struct grpc_call *g = &c->as.grpc;
    TRY(grpc_infer_parse(g->message, limits, &g->infer, ret_memory, why));
    call_take_turn(c, &g->infer.request);
    return take_name(g, g->infer.name, why);
}

static err_t measure(struct call *c, const struct signature *s, size_t max_total, struct why *why)
{
    return oip_request_measure(&c->as.grpc.infer.request, s, max_total, &c->inputs.set, why);
}

static err_t fill(struct call *c, uint8_t *area, struct why *why)
{
    return oip_request_fill(&c->as.grpc.infer.request, &c->inputs.set, area, why);
}

static void drop(struct call *c)
{
    grpc_infer_drop(&c->as.grpc.infer);
    body_done(&c->as.grpc.codec, &c->as.grpc.plain);
}

static void done(struct call *c)
{
    grpc_infer_done(&c->as.grpc.infer);
}

static err_t put_answer(struct call *c, const struct value_set *outputs, struct view area, struct why *why)
{
    struct grpc_call *g = &c->as.grpc;
    TRY(grpc_infer_write(&g->infer, name_of(c), outputs, area, &c->answer, why));
    g->packed = grpc_pack(g->coding, &c->answer);
    return OK;
}

static err_t put_part(struct call *c, const struct value_set *outputs, struct view area, struct why *why)
{
    return grpc_stream_write(&c->as.grpc.infer, name_of(c), outputs, area, &c->answer, why);
}

static err_t begin(struct call *c, struct wire_model *ret_model, struct why *why)
{
    struct grpc_call *g = &c->as.grpc;
    g->coding = grpc_coding(c->req);
    TRY(grpc_read(c->app, c->req, &g->codec, &g->plain, &g->message, why));
    TRY(call_parse(c, 3 * grpc_infer_head(g->message), why)); /* a short text takes up to 25 times its bytes */
    TRY(call_read_head(c, (struct view){0}, why));
    return resolved_find(&c->app->resolved, c->app->conf, name_of(c), ret_model, why);
}

static void dress(struct call *c, struct http_answer *a, char text[static CALL_TEXT_SIZE])
{
    const char *coding = coding_name(c->as.grpc.coding);
    grpc_dress(c, a, text);
    if (c->as.grpc.packed)
        a->fields[a->n_fields++] = (struct http_field){"grpc-encoding", view_of(coding, strlen(coding))};
}

void grpc_model_infer(struct app *app, struct http_req *req)
{
    static const struct call_form form = {.begin = begin,
                                          .parse = parse,
                                          .measure = measure,
                                          .fill = fill,
                                          .drop = drop,
                                          .done = done,
                                          .write = put_answer,
                                          .dress = dress};
    call_ask(app, req, &form);
}

void grpc_stream_message(struct app *app, struct http_req *req)
{
    static const struct call_form form = {.begin = begin,
                                          .parse = parse,
                                          .measure = measure,
                                          .fill = fill,
                                          .drop = drop,
                                          .done = done,
                                          .write = put_part};
    call_ask(app, req, &form);
}
