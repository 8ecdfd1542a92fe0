/* POST /v2/models/{m}/infer: from the body to a call of a model, and back. */
#include "front/deflate.h"
#include "front/oip.h"
#include "front/resolve.h"
#include "tensor/oip_answer.h"

#include <stdio.h>
#include <string.h>

/* What is compressed: less is not worth it, more would keep the loop from others. */
#define COMPRESS_MIN (1 * KIB)
#define COMPRESS_MAX (4 * MIB)

err_t oip_model(const struct app *app, const struct http_req *req, uint8_t *ret_name, size_t *ret_name_len,
                struct wire_model *ret, struct why *why)
{
    const struct oip_path p = oip_path_parse(req->path);
    if (p.version.data != NULL && !view_is(p.version, "1"))
        return why_set(why, ERR_NOT_FOUND, "the only version of a model is 1");
    err_t e = percent_decode(p.name, ret_name, INFER_MODEL_ID_MAX, ret_name_len);
    if (e == ERR_TOO_LARGE)
        return why_set(why, ERR_MODEL_ID_INVALID, "the name of a model may have %d bytes", INFER_MODEL_ID_MAX);
    if (e != OK)
        return why_set(why, e, "the path has a percent sign without two hex digits, or 00 behind it");
    return model_resolve(app->conf, view_of(ret_name, *ret_name_len), ret, why);
}

/* ── the form ── */

static struct view name_of(const struct call *c)
{
    return view_of(c->as.oip.name, c->as.oip.name_len);
}

static err_t parse(struct call *c, const struct infer_limits *limits, size_t *ret_memory, struct why *why)
{
    struct oip_call *o = &c->as.oip;
    bool raw = o->json_len == 0 && http_header(c->req, "inference-header-content-length").data != NULL;
    TRY(oip_request_parse(&c->req->body, o->json_len, raw, limits, &o->request, why));
    *ret_memory = o->request.memory;
    return OK;
}

static err_t measure(struct call *c, const struct signature *s, size_t max_total, struct why *why)
{
    return oip_request_measure(&c->as.oip.request, s, max_total, &c->inputs.set, why);
}

static err_t fill(struct call *c, uint8_t *area, struct why *why)
{
    return oip_request_fill(&c->as.oip.request, &c->inputs.set, area, why);
}

static void drop(struct call *c)
{
    oip_request_drop(&c->as.oip.request);
}

static void done(struct call *c)
{
    oip_request_done(&c->as.oip.request);
}

/* In place of the answer, when that makes it shorter. */
static void compress(struct call *c)
{
    AUTO_BUF struct buf out = BUF_WITH(c->answer.len);
    if (c->as.oip.accepted == CODING_NONE || c->answer.len < COMPRESS_MIN || c->answer.len > COMPRESS_MAX ||
        deflate_all(c->as.oip.accepted, buf_view(&c->answer), &out) != OK)
        return;
    struct buf plain = c->answer;
    c->answer = out;
    out = plain;
    c->as.oip.compressed = true;
}

static err_t put_answer(struct call *c, const struct value_set *outputs, struct view area, struct why *why)
{
    struct oip_call *o = &c->as.oip;
    TRY(oip_answer_write(&o->request, name_of(c), outputs, area, &c->answer, &o->json_len, why));
    compress(c);
    return OK;
}

static void dress(struct call *c, struct http_answer *a)
{
    struct oip_call *o = &c->as.oip;
    if (o->json_len > 0) {
        int n = snprintf(o->json_text, sizeof(o->json_text), "%zu", o->json_len);
        a->type = "application/octet-stream";
        a->fields[a->n_fields++] =
            (struct http_field){"Inference-Header-Content-Length", view_of(o->json_text, (size_t)n)};
    }
    if (o->compressed) {
        const char *coding = coding_name(o->accepted);
        a->fields[a->n_fields++] = (struct http_field){"Content-Encoding", view_of(coding, strlen(coding))};
    }
}

const struct call_form oip_form = {
    .parse = parse, .measure = measure, .fill = fill, .drop = drop, .done = done, .write = put_answer, .dress = dress};

/* ── the request ── */

static err_t begin(struct call *c, struct wire_model *ret_model, struct why *why)
{
    struct oip_call *o = &c->as.oip;
    TRY(oip_model(c->app, c->req, o->name, &o->name_len, ret_model, why));
    TRY(oip_json_len(http_header(c->req, "inference-header-content-length"), c->req->body.len, &o->json_len, why));
    TRY(call_parse(c, o->json_len, why));
    o->accepted = coding_accepted(http_header(c->req, "accept-encoding"));
    return call_read_head(c, (struct view){0}, why);
}

void oip_infer(struct app *app, struct http_req *req)
{
    struct wire_model model;
    struct why why = {0};
    struct call *c = call_new(app, req, &oip_form);
    if (c == NULL)
        return;
    err_t e = begin(c, &model, &why);
    if (e != OK)
        call_fail(c, e, &why, 1);
    else
        models_join(app, &model, c);
}
