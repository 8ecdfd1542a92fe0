/* POST /v2/models/{m}/infer: from the body to a call of a model, and back. */
#include "front/oip.h"

#include "base/mem.h"
#include "base/text.h"
#include "front/deflate.h"
#include "front/resolve.h"
#include "tensor/oip_answer.h"

#include <stdio.h>
#include <string.h>

/* Tensors of together so many bytes are received where infer reads them. What a slot keeps has its pages already: there
   a copy costs less than an area whose pages are new. */
#define DIRECT_MIN  INPUT_KEEP
#define DIRECT_JSON (64 * KIB) /* longest JSON of such a request */

#define JSON_LENGTH "inference-header-content-length"

err_t oip_model(struct app *app, const struct http_req *req, uint8_t *ret_name, size_t *ret_name_len,
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
    return resolved_find(&app->resolved, app->conf, view_of(ret_name, *ret_name_len), ret, why);
}

/* ── the form ── */

static struct view name_of(const struct call *c)
{
    return view_of(c->as.oip.name, c->as.oip.name_len);
}

static err_t parse(struct call *c, const struct infer_limits *limits, size_t *ret_memory, struct why *why)
{
    struct oip_call *o = &c->as.oip;
    struct buf *body = &c->req->body;
    bool raw = o->json_len == 0 && http_header(c->req, JSON_LENGTH).data != NULL;
    body->max = body->len + INFER_BODY_PAD; /* the parser's, not the client's */
    TRY(oip_request_parse(body, o->json_len, raw, 0, limits, &o->request, why));
    call_take_turn(c, &o->request);
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
    buf_done(&c->as.oip.early);
    mem_free(c->as.oip.pieces);
    oip_request_done(&c->as.oip.request);
}

/* In place of the answer, when that makes it shorter. */
static void compress(struct call *c)
{
    AUTO_BUF struct buf out = BUF_WITH(c->answer.len);
    if (c->as.oip.accepted == CODING_NONE || c->answer.len < DEFLATE_MIN || c->answer.len > DEFLATE_MAX ||
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

static void dress(struct call *c, struct http_answer *a, char text[static CALL_TEXT_SIZE])
{
    const struct oip_call *o = &c->as.oip;
    if (o->json_len > 0) {
        int n = snprintf(text, CALL_TEXT_SIZE, "%zu", o->json_len);
        a->type = "application/octet-stream";
        a->fields[a->n_fields++] = (struct http_field){"Inference-Header-Content-Length", view_of(text, (size_t)n)};
    }
    if (o->compressed) {
        const char *coding = coding_name(o->accepted);
        a->fields[a->n_fields++] = (struct http_field){"Content-Encoding", view_of(coding, strlen(coding))};
    }
}

static err_t begin(struct call *c, struct wire_model *ret_model, struct why *why)
{
    struct oip_call *o = &c->as.oip;
    TRY(oip_model(c->app, c->req, o->name, &o->name_len, ret_model, why));
    TRY(oip_json_len(http_header(c->req, JSON_LENGTH), c->req->body.len, &o->json_len, why));
    TRY(call_parse(c, o->json_len, why));
    o->accepted = coding_accepted(http_header(c->req, "accept-encoding"));
    return call_read_head(c, (struct view){0}, why);
}

static const struct call_form oip_form = {.begin = begin,
                                          .parse = parse,
                                          .measure = measure,
                                          .fill = fill,
                                          .drop = drop,
                                          .done = done,
                                          .write = put_answer,
                                          .dress = dress};

/* ── large binary tensors ── */

void oip_infer_head(struct http_req *req)
{
    uint64_t json = 0, all = 0;
    if (text_u64(http_header(req, JSON_LENGTH), DIRECT_JSON, &json) == OK && json > 0 &&
        text_u64(http_header(req, "content-length"), SIZE_MAX, &all) == OK && all >= json + DIRECT_MIN)
        req->prefix = json;
}

/* What the client announced less its JSON; nothing of it is there. */
static size_t bytes_to_come(const struct http_req *req)
{
    uint64_t all = 0;
    return text_u64(http_header(req, "content-length"), SIZE_MAX, &all) == OK ? (size_t)all - req->body.len : 0;
}

static err_t parse_early(struct call *c, const struct infer_limits *limits, size_t *ret_memory, struct why *why)
{
    struct oip_call *o = &c->as.oip;
    buf_init(&o->early, c->req->body.len + INFER_BODY_PAD);
    TRY(buf_put_view(&o->early, buf_view(&c->req->body)));
    TRY(oip_request_parse(&o->early, o->early.len, false, bytes_to_come(c->req), limits, &o->request, why));
    call_take_turn(c, &o->request);
    *ret_memory = o->request.memory + o->early.cap;
    return OK;
}

/* The places of the tensors that are to come, in the order in which they come. */
static err_t find_pieces(struct call *c, size_t *ret_count)
{
    struct oip_call *o = &c->as.oip;
    const struct oip_request *r = &o->request;
    size_t count = 0;
    o->pieces = mem_alloc(MAX(r->n_inputs, 1), sizeof(*o->pieces));
    if (o->pieces == NULL)
        return ERR_NOMEM;
    for (size_t n = 0; n < r->n_inputs; n++)
        for (size_t i = 0; oip_input_later(&r->inputs[n]) && i < c->inputs.set.descs.count; i++)
            if (r->order[i] == n)
                o->pieces[count++] =
                    (struct http_piece){c->tensors + c->inputs.set.places[i].offset, c->inputs.set.places[i].len};
    *ret_count = count;
    return OK;
}

static err_t begin_direct(struct call *c, size_t *ret_pieces, struct why *why)
{
    struct oip_call *o = &c->as.oip;
    struct wire_model model;
    TRY(oip_model(c->app, c->req, o->name, &o->name_len, &model, why));
    const struct model *m = models_find(c->app, &model);
    if (m == NULL || m->state != MODEL_READY)
        return ERR_WOULD_BLOCK;
    TRY(call_parse(c, c->req->body.len, why));
    TRY(c->form->measure(c, &m->signature, app_share(c->app), why));
    size_t pages = area_pages(c->inputs.set.total);
    if (pages > app_room(c->app) - MIN(app_share(c->app), app_room(c->app)))
        return ERR_OVERLOADED; /* what may never come leaves half of the memory to others */
    TRY(lease_take(&c->tensors_lease, &c->app->transfer, pages));
    TRY(area_make(c->inputs.set.total, &c->area));
    c->tensors = c->area.map.addr;
    TRY(c->form->fill(c, c->tensors, why));
    return find_pieces(c, ret_pieces);
}

/* Nobody else can write to the area yet. */
static err_t check_direct(const struct call *c, struct why *why)
{
    const struct value_set *set = &c->inputs.set;
    for (size_t i = 0; i < set->descs.count; i++) {
        const struct value_place p = set->places[i];
        if (payload_check(&set->descs.items[i], view_of(c->tensors + p.offset, p.len)) != OK)
            return why_set(why, ERR_FIELD_VALUE, "inputs[%u]: of another form than binary data has",
                           c->as.oip.request.order[i]);
    }
    return OK;
}

static err_t finish_direct(struct call *c, struct wire_model *ret_model, struct why *why)
{
    struct oip_call *o = &c->as.oip;
    TRY(check_direct(c, why));
    call_drop_text(c);
    TRY(oip_model(c->app, c->req, o->name, &o->name_len, ret_model, why));
    o->json_len = 0;
    o->accepted = coding_accepted(http_header(c->req, "accept-encoding"));
    return call_read_head(c, (struct view){0}, why);
}

static const struct call_form direct_form = {.begin = finish_direct,
                                             .parse = parse_early,
                                             .measure = measure,
                                             .fill = fill,
                                             .drop = drop,
                                             .done = done,
                                             .write = put_answer,
                                             .dress = dress};

/* When it cannot be done, the body comes as any other, and what is wrong with it is found then. */
void oip_prefix(struct app *app, struct http_req *req)
{
    struct why why = {0};
    size_t pieces = 0;
    struct call *c = call_make(app, req, &direct_form);
    if (c == NULL)
        return;
    c->direct = true;
    if (begin_direct(c, &pieces, &why) == OK)
        http_body_scatter(req, c->as.oip.pieces, pieces);
    else
        call_forget(c);
}

/* ── the request ── */

void oip_infer(struct app *app, struct http_req *req)
{
    if (req->user != NULL)
        call_begin(req->user);
    else
        call_ask(app, req, &oip_form);
}
