/* POST /infer: from the body to a call of a model. */
#include "front/app.h"

#include "base/mem.h"
#include "base/text.h"
#include "front/resolve.h"

#include <string.h>

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

/* What may become of the text is reserved before it is read, what did not is given back. When only others are in the
   way, the client may try again. */
static err_t parse_text(struct call *c, struct why *why)
{
    struct app *app = c->app;
    struct buf *body = &c->req->body;
    size_t most = MIN(9 * body->len + 64 * KIB, app_share(app)); /* infer_request.h: enough for any text */
    const struct infer_limits limits = {
        .json_depth = app->conf->json_depth,
        .json_memory = MIN(most, app_room(app)),
    };
    TRY(lease_take(&c->document, &app->transfer, limits.json_memory));
    body->max = body->len + INFER_BODY_PAD; /* the parser's, not the client's */
    err_t e = infer_request_parse(body, &limits, &c->request, why);
    if (e == ERR_TOO_LARGE && limits.json_memory < most) {
        *why = (struct why){0};
        return ERR_OVERLOADED;
    }
    TRY(e);
    if (c->request.detached)
        http_body_free(c->req);
    return lease_resize(&c->document, c->request.memory);
}

/* Header Veronnx-Settle: 1. A settlement says what the receipt says, so there is none without it. */
static err_t take_settle(struct call *c, struct why *why)
{
    struct view header = http_header(c->req, "veronnx-settle");
    if (header.data == NULL)
        return OK;
    if (!view_is(header, "1"))
        return why_set(why, ERR_FIELD_VALUE, "header Veronnx-Settle: it can be 1");
    if (c->app->conf->receipts == 0)
        return why_set(why, ERR_FIELD_VALUE, "header Veronnx-Settle: this node gives no receipts");
    c->settle = true;
    return OK;
}

static err_t parse(struct call *c, struct wire_model *ret_model, struct why *why)
{
    TRY(parse_text(c, why));
    TRY(take_nonce(c, why));
    TRY(take_settle(c, why));
    return model_resolve(c->app->conf, view_of(c->request.model_id, c->request.model_id_len), ret_model, why);
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
    *c = (struct call){.app = app, .req = req, .slot = -1};
    list_init(&c->link);
    req->user = c;
    err_t e = parse(c, &model, &why);
    if (e != OK)
        call_fail(c, e, &why, 1);
    else
        models_join(app, &model, c);
}
