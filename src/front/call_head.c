/* What stands around the tensors of a request: memory for its text, nonce, settlement, when its turn is. */
#include "front/app.h"

#include "base/text.h"

#include <string.h>

/* What may become of the text is reserved before it is read, what did not is given back. When only others are in the
   way, the client may try again. */
err_t call_parse(struct call *c, size_t text_len, struct why *why)
{
    struct app *app = c->app;
    size_t most = MIN(9 * text_len + 64 * KIB, app_share(app)); /* infer_request.h: enough for any text */
    size_t memory = 0;
    const struct infer_limits limits = {
        .json_depth = app->conf->json_depth,
        .json_memory = MIN(most, app_room(app)),
        .pairs_from = INFER_PAIRS_FROM,
        .priorities = app->conf->priorities,
    };
    TRY(lease_take(&c->document, &app->transfer, limits.json_memory));
    err_t e = c->form->parse(c, &limits, &memory, why);
    if (e == ERR_TOO_LARGE && limits.json_memory < most) {
        *why = (struct why){0};
        return ERR_OVERLOADED;
    }
    TRY(e);
    return lease_resize(&c->document, memory);
}

/* Header Veronnx-Nonce (32 to 128 hex digits) or the body's nonce; both may stand when they are the same. */
static err_t take_nonce(struct call *c, struct view body, struct why *why)
{
    struct view header = http_header(c->req, "veronnx-nonce");
    c->nonce.len = (uint8_t)body.len;
    if (body.len > 0)
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

err_t call_read_head(struct call *c, struct view nonce, struct why *why)
{
    TRY(take_nonce(c, nonce, why));
    return take_settle(c, why);
}

void call_take_turn(struct call *c, const struct oip_request *r)
{
    if (r->priority > 0)
        c->level = (uint8_t)r->priority;
    if (r->timeout_us > 0)
        c->until_ns = c->req->start_ns + r->timeout_us * 1000;
}

err_t call_too_late(struct why *why)
{
    return why_set(why, ERR_QUEUE_TIMEOUT, "parameters.timeout: it passed before the request had its turn");
}
