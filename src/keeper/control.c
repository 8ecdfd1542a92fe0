/* The supervisor's messages: start, fronts and infers that come and go, what an infer sealed. */
#include "keeper/state.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "keeper/foreign.h"
#include "keeper/settlement.h"
#include "keeper/tags.h"
#include "wire/roles.h"

#include <string.h>

/* When the supervisor does not hear it, who is accused has lost its channels all the same, and who asked asks again. */
static void tell(struct keeper *k, enum wire_type type, const void *fixed, struct view tail)
{
    (void)!wire_send(&k->control, type, fixed, tail, NULL, 0);
}

static err_t on_start(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    struct msg_keeper_ready ready = {0};
    memcpy(&k->node, m->fixed, sizeof(k->node));
    TRY(trust_begin(&k->trust, k->node.kind, &m->fds[0]));
    TRY(keys_init(&k->keys, m->tail, k->node.not_after));
    TRY(batch_init(&k->batch, &k->keys, &k->node, k->trust.image));
    TRY(keeper_enter_jail(k)); /* OpenSSL has loaded by now what it needs */
    TRY(trust_bind(&k->trust, &k->keys, &k->node));
    documents_init(&k->documents, &k->trust);
    memcpy(ready.receipt_key, k->keys.receipt_point, sizeof(ready.receipt_key));
    memcpy(ready.keyset_digest, k->keys.keyset_digest, sizeof(ready.keyset_digest));
    TRY(wire_send_wait(&k->control, MSG_KEEPER_READY, &ready,
                       view_of(&k->trust.identity, sizeof(k->trust.identity)), NULL, 0));
    k->phase = KEEPER_SERVING;
    return OK;
}

static err_t on_front(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    const struct msg_keeper_front *front = m->fixed;
    struct keeper_front *f = peers_add_front(&k->peers, front->generation);
    if (f == NULL)
        return ERR_PROTOCOL;
    f->sign = (struct wire_end){TAKE_FD(m->fds[0]), CHAN_SIGN, SIDE_B};
    f->ticket = (struct wire_end){TAKE_FD(m->fds[1]), CHAN_TICKET, SIDE_B};
    return keeper_watch(k, f->sign.fd, TAG_SIGN | front->generation);
}

static err_t on_proof(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    const struct msg_keeper_front *front = m->fixed;
    struct keeper_front *f = peers_front(&k->peers, front->generation);
    if (f == NULL || f->proof.fd >= 0)
        return ERR_PROTOCOL;
    f->proof = (struct wire_end){TAKE_FD(m->fds[0]), CHAN_PROOF, SIDE_B};
    return keeper_watch(k, f->proof.fd, TAG_PROOF | front->generation);
}

/* What the dead front had sent is read before its ticket socket closes: an infer may still report on it. */
static err_t on_front_gone(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    const struct msg_keeper_front *front = m->fixed;
    struct keeper_front *f = peers_front(&k->peers, front->generation);
    if (f == NULL)
        return ERR_PROTOCOL;
    keeper_tickets(k, true);
    peers_drop_front(f);
    return OK;
}

static err_t on_infer(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    const struct msg_keeper_infer *infer = m->fixed;
    struct keeper_infer *i = peers_add_infer(&k->peers, infer->infer);
    if (i == NULL || infer->asked.cid_len > CID_MAX || infer->asked.path_len > MODEL_PATH_MAX)
        return ERR_PROTOCOL;
    i->report = (struct wire_end){TAKE_FD(m->fds[0]), CHAN_REPORT, SIDE_A};
    i->asked = infer->asked;
    memcpy(i->epoch, infer->epoch, sizeof(i->epoch));
    return keeper_watch(k, i->report.fd, TAG_REPORT | infer->infer);
}

/* Only from here on it may report. What cannot stand in a statement is its fault: it said most of it, and should have
   refused the rest. */
static err_t on_sealed(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    const struct msg_keeper_sealed *sealed = m->fixed;
    struct keeper_infer *i = peers_infer(&k->peers, sealed->infer);
    if (i == NULL || i->sealed || sealed->file_cid_len > CID_MAX)
        return ERR_PROTOCOL;
    i->sealed = true;
    err_t e = batch_base(&k->batch, sealed, m->tail, i);
    if (e != OK)
        keeper_accuse_infer(k, i, 0, e);
    return OK;
}

static err_t on_infer_gone(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    const struct msg_keeper_infer_gone *gone = m->fixed;
    struct keeper_infer *i = peers_infer(&k->peers, gone->infer);
    if (i == NULL)
        return ERR_PROTOCOL;
    tickets_drop_infer(&k->tickets, gone->infer);
    peers_drop_infer(i);
    return OK;
}

static err_t on_heartbeat(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    const uint32_t request = ((const struct msg_keeper_ask *)m->fixed)->request;
    struct msg_heartbeat h = {.request = request};
    err_t e = documents_clock(&k->documents);
    if (e == OK)
        e = settlement_heartbeat(&k->keys, clock_wall_us() / 1000000, &h);
    if (e != OK)
        h = (struct msg_heartbeat){.request = request, .result = e};
    tell(k, MSG_KEEPER_HEARTBEAT, &h, view_of(NULL, 0));
    return OK;
}

static err_t on_csr(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    tell(k, MSG_KEEPER_CSR, m->fixed, buf_view(&k->keys.request));
    return OK;
}

/* ── another certificate ── */

/* The supervisor must hear it: from here on documents bind this certificate. */
static err_t tell_installed(struct keeper *k, uint32_t request, err_t result)
{
    struct msg_keeper_installed installed = {.request = request, .result = result};
    struct view identity = view_of(&k->trust.identity, result == OK ? sizeof(k->trust.identity) : 0);
    return wire_send(&k->control, MSG_KEEPER_INSTALLED, &installed, identity, NULL, 0);
}

static err_t propose(struct keeper *k, struct view chain)
{
    size_t leaf_len = 0;
    TRY(foreign_check(chain, view_of(k->keys.tls_spki, sizeof(k->keys.tls_spki)), &leaf_len));
    return trust_propose(&k->trust, chain, leaf_len);
}

/* One at a time: that is the supervisor's to see to. */
static err_t on_install(void *self, struct wire_msg *m)
{
    struct keeper *k = self;
    const struct msg_keeper_ask *install = m->fixed;
    if (k->installing != 0 || install->request == 0)
        return ERR_PROTOCOL;
    err_t e = propose(k, m->tail);
    if (e != OK)
        return tell_installed(k, install->request, e);
    k->installing = install->request;
    documents_renew(&k->documents);
    return OK;
}

err_t keeper_installed(struct keeper *k, err_t result, struct view document)
{
    uint32_t request = k->installing;
    k->installing = 0;
    return tell_installed(k, request, result == OK ? trust_adopt(&k->trust, document) : result);
}

static const struct wire_route routes[] = {
    {MSG_KEEPER_START, KEEPER_FRESH, on_start},
    {MSG_KEEPER_FRONT, KEEPER_SERVING, on_front},
    {MSG_KEEPER_PROOF, KEEPER_SERVING, on_proof},
    {MSG_KEEPER_FRONT_GONE, KEEPER_SERVING, on_front_gone},
    {MSG_KEEPER_INFER, KEEPER_SERVING, on_infer},
    {MSG_KEEPER_SEALED, KEEPER_SERVING, on_sealed},
    {MSG_KEEPER_ASK_HEARTBEAT, KEEPER_SERVING, on_heartbeat},
    {MSG_KEEPER_ASK_CSR, KEEPER_SERVING, on_csr},
    {MSG_KEEPER_INSTALL, KEEPER_SERVING, on_install},
    {MSG_KEEPER_INFER_GONE, KEEPER_SERVING, on_infer_gone},
};

err_t keeper_control(struct keeper *k)
{
    for (;;) {
        struct wire_msg m = WIRE_MSG_NONE;
        err_t e = wire_recv(&k->control, &k->inbox, false, &m);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        TRY(e);
        TRY(wire_dispatch(routes, COUNT_OF(routes), k->phase, k, &m));
    }
}

void keeper_accuse_infer(struct keeper *k, struct keeper_infer *i, uint64_t job, err_t reason)
{
    struct msg_keeper_accuse a = {.infer = i->number, .reason = reason};
    if (i->accused)
        return;
    i->accused = true;
    tickets_drop_infer(&k->tickets, i->number);
    wire_end_close(&i->report);
    log_event(LOG_REPORT_REFUSED, i->number, (int64_t)job, reason);
    tell(k, MSG_KEEPER_ACCUSE, &a, view_of(NULL, 0));
}

void keeper_accuse_front(struct keeper *k, struct keeper_front *f, err_t reason)
{
    struct msg_keeper_accuse a = {.generation = f->generation, .reason = reason};
    wire_end_close(&f->sign);
    wire_end_close(&f->ticket);
    wire_end_close(&f->proof);
    log_event(LOG_PEER_REFUSED, ROLE_FRONT, f->generation, reason);
    tell(k, MSG_KEEPER_ACCUSE, &a, view_of(NULL, 0));
}
