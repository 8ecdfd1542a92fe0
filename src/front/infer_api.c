/* POST /infer: from the body to a call of a model. */
#include "front/app.h"

#include "front/resolve.h"
#include "tensor/infer_answer.h"

static err_t parse(struct call *c, const struct infer_limits *limits, size_t *ret_memory, struct why *why)
{
    struct buf *body = &c->req->body;
    body->max = body->len + INFER_BODY_PAD; /* the parser's, not the client's */
    TRY(infer_request_parse(body, limits, &c->as.infer, why));
    if (c->as.infer.detached)
        http_body_free(c->req);
    *ret_memory = c->as.infer.memory;
    return OK;
}

static err_t measure(struct call *c, const struct signature *s, size_t max_total, struct why *why)
{
    return infer_inputs_measure(&c->as.infer, s, max_total, &c->inputs, why);
}

static err_t fill(struct call *c, uint8_t *area, struct why *why)
{
    return infer_inputs_fill(&c->inputs, area, why);
}

static void drop(struct call *c)
{
    infer_request_done(&c->as.infer);
}

static err_t put_answer(struct call *c, const struct value_set *outputs, struct view area, struct why *why)
{
    return infer_answer_write(outputs, area, c->lane->model->sha256, &c->answer, why);
}

static err_t begin(struct call *c, struct wire_model *ret_model, struct why *why)
{
    const struct infer_request *r = &c->as.infer;
    TRY(call_parse(c, c->req->body.len, why));
    TRY(call_read_head(c, view_of(r->nonce, r->nonce_len), why));
    return resolved_find(&c->app->resolved, c->app->conf, view_of(r->model_id, r->model_id_len), ret_model, why);
}

static const struct call_form infer_form = {
    .begin = begin, .parse = parse, .measure = measure, .fill = fill, .drop = drop, .done = drop, .write = put_answer};

void infer_api(struct app *app, struct http_req *req)
{
    call_ask(app, req, &infer_form);
}
