/* Questions to the keeper for attestation documents. The keeper says itself how many it takes; it may lose an answer
   that nobody reads, and the security module behind it may hang, so none is waited for without end. */
#include "front/app.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define PROOF_MS 1000U /* how long the keeper may take */

static struct proof_ask *by_id(struct app *app, uint32_t id)
{
    for (size_t n = 0; n < PROOFS_MAX; n++)
        if (app->proofs[n].id == id)
            return &app->proofs[n];
    return NULL;
}

/* 0 is none. */
static uint32_t next_id(struct app *app)
{
    app->last_proof += app->last_proof == UINT32_MAX ? 2 : 1;
    return app->last_proof;
}

/* Frees the place first: answering may at once bring the next question. */
static struct http_req *take(struct proof_ask *p)
{
    struct http_req *req = p->req;
    *p = (struct proof_ask){0};
    return req;
}

void proofs_ask(struct app *app, struct http_req *req, const struct wire_nonce *nonce)
{
    struct proof_ask *p = by_id(app, 0);
    const struct msg_document_ask ask = {.id = next_id(app), .nonce = *nonce};
    app->counts.questions++;
    if (p == NULL || wire_send(&app->proof, MSG_DOCUMENT_ASK, &ask, view_of(NULL, 0), NULL, 0) != OK) {
        http_reply_error(req, ERR_OVERLOADED, NULL, 1);
        return;
    }
    *p = (struct proof_ask){.req = req, .id = ask.id, .deadline_ms = clock_mono_ms() + PROOF_MS};
    req->user = p;
    app_need_tick(app);
}

void proofs_gone(struct http_req *req)
{
    if (req->user != NULL)
        (void)take(req->user);
}

/* Base64 and a line feed. */
static err_t put_document(struct app *app, struct view document, struct http_answer *a)
{
    uint8_t *room = NULL;
    size_t len = BASE64_LEN(document.len);
    TRY(lease_take(&a->held, &app->transfer, len + 1));
    a->body = BUF_WITH(len + 1);
    TRY(buf_reserve(&a->body, len + 1, &room));
    base64_encode(document.data, document.len, (char *)room);
    room[len] = '\n';
    buf_commit(&a->body, len + 1);
    return OK;
}

static void answer(struct app *app, struct http_req *req, struct view document)
{
    struct http_answer a = {.status = 200, .type = "text/plain; charset=utf-8"};
    err_t e = put_document(app, document, &a);
    if (e == OK) {
        app->counts.documents++;
        http_reply(req, &a);
        return;
    }
    lease_done(&a.held);
    http_reply_error(req, e, NULL, 1);
}

err_t proofs_answer(struct app *app, struct wire_msg *m)
{
    const struct msg_document *d = m->fixed;
    struct proof_ask *p = d->id != 0 ? by_id(app, d->id) : NULL;
    if ((d->result != OK) != (m->tail.len == 0))
        return ERR_PROTOCOL;
    if (p == NULL)
        return OK; /* the client has left, or was told that it took too long */
    struct http_req *req = take(p);
    if (d->result == OK)
        answer(app, req, m->tail);
    else if (d->result == ERR_OVERLOADED)
        http_reply_error(req, ERR_OVERLOADED, NULL, 1);
    else
        enclave_refuse(req, 500, "failed to obtain attestation document from hypervisor");
    return OK;
}

bool proofs_tick(struct app *app, uint64_t now_ms)
{
    bool open = false;
    for (size_t n = 0; n < PROOFS_MAX; n++) {
        struct proof_ask *p = &app->proofs[n];
        if (p->id != 0 && now_ms >= p->deadline_ms) {
            log_event(LOG_KEEPER_SLOW, PROOF_MS);
            http_reply_error(take(p), ERR_KEEPER_BUSY, NULL, 1);
        }
        open |= p->id != 0;
    }
    return open;
}
