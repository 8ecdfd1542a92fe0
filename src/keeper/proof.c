/* Documents between the fronts and the security module. */
#include "keeper/state.h"

#define AT_ONCE DOCUMENTS_QUEUE

static err_t tell(struct keeper_front *f, uint32_t id, err_t result, struct view document)
{
    struct msg_document answer = {.id = id, .result = result};
    err_t e = wire_send(&f->proof, MSG_DOCUMENT, &answer, document, NULL, 0);
    return e == ERR_WOULD_BLOCK ? OK : e; /* who does not read loses what it would get */
}

/* An error is the front's fault; `ret_module` gets what is not. */
static err_t answer(struct keeper *k, struct keeper_front *f, const struct wire_msg *m, err_t *ret_module)
{
    const struct msg_document_ask *ask = m->fixed;
    if (ask->nonce.len < NONCE_MIN || ask->nonce.len > NONCE_MAX)
        return ERR_PROTOCOL;
    err_t e = documents_ask(&k->documents, ask, f->generation);
    if (e == ERR_OVERLOADED)
        return tell(f, ask->id, e, view_of(NULL, 0));
    *ret_module = e;
    return OK;
}

err_t keeper_questions(struct keeper *k, struct keeper_front *f)
{
    err_t module = OK;
    for (unsigned n = 0; n < AT_ONCE && f->proof.fd >= 0 && module == OK; n++) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        err_t e = wire_recv(&f->proof, &k->inbox, false, &m);
        if (e == OK)
            e = answer(k, f, &m, &module);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        if (e == ERR_CLOSED)
            wire_end_close(&f->proof);
        else if (e != OK)
            keeper_accuse_front(k, f, e);
    }
    return module;
}

/* The front may be gone. */
static void pass_on(struct keeper *k, const struct document_due *due, err_t result, struct view document)
{
    struct keeper_front *f = peers_front(&k->peers, due->generation);
    if (f == NULL || f->proof.fd < 0)
        return;
    err_t e = tell(f, due->id, result, document);
    if (e != OK)
        wire_end_close(&f->proof);
}

err_t keeper_module(struct keeper *k)
{
    for (;;) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        struct document_due due = {0};
        struct view document = {0};
        err_t result = OK;
        err_t e = wire_recv(&k->trust.module, &k->trust.inbox, false, &m);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        TRY(e); /* its end is the node's, as if the supervisor were gone */
        TRY(documents_answer(&k->documents, &m, &due, &result, &document));
        if (due.renews)
            TRY(keeper_installed(k, result, document));
        else
            pass_on(k, &due, result, document);
    }
}
