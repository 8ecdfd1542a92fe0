/* POST /infer: from the body to a waiting call. */
#include "front/app.h"

#include "base/mem.h"
#include "base/text.h"
#include "ipld/model_id.h"

#include <string.h>

/* An alias, or a CID with a path. */
static err_t resolve(const struct app *app, struct view name, struct wire_model *ret, struct why *why)
{
    struct model_id id;
    struct wire_model m = {0};
    for (uint32_t i = 0; i < app->conf->n_aliases; i++)
        if (view_is(name, app->conf->aliases[i].name)) {
            *ret = app->conf->aliases[i].model;
            return OK;
        }
    TRY(model_id_parse(name, &id, why));
    m.cid_len = id.cid.len;
    memcpy(m.cid, id.cid.bytes, id.cid.len);
    m.path_len = id.path_len;
    memcpy(m.path, id.path, id.path_len);
    *ret = m;
    return OK;
}

/* Header Veronnx-Nonce (32 to 128 hex digits) or the body's nonce; both may stand when they are the same. */
static err_t take_nonce(struct call *c, struct why *why)
{
    struct view header = http_header(c->req, "veronnx-nonce");
    const struct view body = view_of(c->request.nonce, c->request.nonce_len);
    c->nonce.len = (uint8_t)body.len;
    memcpy(c->nonce.bytes, body.data, body.len);
    if (header.data == NULL)
        return OK;
    size_t n = header.len / 2;
    if (n < NONCE_MIN || n > NONCE_MAX || hex_decode(header, c->nonce.bytes, n) != OK)
        return why_set(why, ERR_NONCE_INVALID, "header Veronnx-Nonce: %d to %d bytes in hex", NONCE_MIN, NONCE_MAX);
    if (body.len > 0 && !view_equal(body, view_of(c->nonce.bytes, n)))
        return why_set(why, ERR_NONCE_INVALID, "header Veronnx-Nonce and the body's nonce differ");
    c->nonce.len = (uint8_t)n;
    return OK;
}

static err_t parse(struct call *c, struct wire_model *ret_model, struct why *why)
{
    struct http_req *req = c->req;
    const struct infer_limits limits = {
        .json_depth = c->app->conf->json_depth,
        .json_memory = 9 * req->body.len + 64 * KIB,
    };
    req->body.max += INFER_BODY_PAD; /* the parser's, not the client's */
    TRY(infer_request_parse(&req->body, &limits, &c->request, why));
    TRY(take_nonce(c, why));
    return resolve(c->app, view_of(c->request.model_id, c->request.model_id_len), ret_model, why);
}

void infer_api(struct app *app, struct http_req *req)
{
    struct wire_model model;
    struct why why = {0};
    struct call *c = mem_alloc(1, sizeof(*c));
    if (c == NULL) {
        http_reply_error(req, ERR_NOMEM, NULL, 1);
        return;
    }
    *c = (struct call){.app = app, .req = req};
    req->user = c;
    err_t e = parse(c, &model, &why);
    if (e == OK)
        e = models_join(app, &model, c);
    if (e != OK)
        call_fail(c, e, why.text[0] != '\0' ? &why : NULL, err_http(e) == 503);
}
