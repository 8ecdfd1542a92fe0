/* Two keys turn for a receipt: a front's ticket and an infer's report of the same job. */
#include "keeper/state.h"

#include <string.h>

/* A ticket for an infer that has ended meanwhile is no offence: the front cannot know yet. */
static err_t take_ticket(struct keeper *k, struct keeper_front *f, const struct wire_msg *m)
{
    const struct msg_ticket *t = m->fixed;
    struct keeper_infer *i = peers_infer(&k->peers, t->infer);
    if (t->job >> 48 != f->generation || t->nonce.len > NONCE_MAX)
        return ERR_PROTOCOL;
    if (i == NULL)
        return OK;
    if (t->job <= i->last_ticket)
        return ERR_PROTOCOL;
    i->last_ticket = t->job;
    return tickets_add(&k->tickets, t->infer, t->job, m->stamp_ns / 1000, &t->nonce);
}

static err_t drain_front(struct keeper *k, struct keeper_front *f)
{
    for (;;) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        err_t e = wire_recv(&f->ticket, &k->inbox, false, &m);
        if (e == ERR_WOULD_BLOCK || e == ERR_CLOSED)
            return OK;
        TRY(e);
        TRY(take_ticket(k, f, &m));
    }
}

err_t keeper_tickets(struct keeper *k)
{
    for (size_t n = 0; n < FRONTS_MAX; n++) {
        struct keeper_front *f = &k->peers.fronts[n];
        if (f->generation == 0 || f->ticket.fd < 0)
            continue;
        err_t e = drain_front(k, f);
        if (e == OK)
            continue;
        wire_end_close(&f->ticket);
        if (!f->gone)
            TRY(keeper_accuse(k, NULL, f, e));
    }
    return OK;
}

/* Finds the ticket, reading what the fronts have sent meanwhile if it is not there yet. */
static err_t find_ticket(struct keeper *k, const struct keeper_infer *i, uint64_t job, struct ticket *ret)
{
    if (tickets_take(&k->tickets, i->number, job, ret) == OK)
        return OK;
    TRY(keeper_tickets(k));
    return tickets_take(&k->tickets, i->number, job, ret);
}

static bool same_nonce(const struct wire_nonce *a, const struct wire_nonce *b)
{
    return view_equal(view_of(a->bytes, MIN(a->len, NONCE_MAX)), view_of(b->bytes, MIN(b->len, NONCE_MAX)));
}

static err_t refuse(struct keeper *k, uint64_t job, err_t reason)
{
    struct keeper_front *f = peers_front(&k->peers, (uint16_t)(job >> 48));
    struct msg_no_receipt no = {.job = job, .reason = reason};
    if (f == NULL || f->ticket.fd < 0)
        return OK;
    err_t e = wire_send(&f->ticket, MSG_NO_RECEIPT, &no, view_of(NULL, 0), NULL, 0);
    return e == ERR_CLOSED || e == ERR_WOULD_BLOCK ? OK : e;
}

static err_t judge(struct keeper *k, struct keeper_infer *i, const struct msg_report *r)
{
    struct ticket t = {0};
    if (find_ticket(k, i, r->job, &t) != OK || !same_nonce(&r->nonce, &t.nonce))
        return ERR_PROTOCOL;
    if (r->result != OK)
        return refuse(k, r->job, err_from_wire(r->result));
    return batch_add(&k->batch, i, &t, r);
}

err_t keeper_reports(struct keeper *k, struct keeper_infer *i)
{
    while (batch_room(&k->batch) > 0 && !i->accused) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        struct msg_report report;
        err_t e = wire_recv(&i->report, &k->inbox, false, &m);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        if (e == ERR_CLOSED) {
            wire_end_close(&i->report);
            return OK;
        }
        if (e == OK) {
            memcpy(&report, m.fixed, sizeof(report)); /* the inbox is used again for tickets */
            e = judge(k, i, &report);
        }
        if (e == ERR_PROTOCOL)
            return keeper_accuse(k, i, NULL, e);
        TRY(e);
    }
    return OK;
}

static err_t deliver(void *self, const struct msg_receipt *head, struct view receipt)
{
    struct keeper *k = self;
    struct keeper_front *f = peers_front(&k->peers, (uint16_t)(head->job >> 48));
    if (f == NULL || f->ticket.fd < 0)
        return OK;
    err_t e = wire_send(&f->ticket, MSG_RECEIPT, head, receipt, NULL, 0);
    return e == ERR_CLOSED || e == ERR_WOULD_BLOCK ? OK : e;
}

err_t keeper_flush(struct keeper *k)
{
    return batch_sign(&k->batch, deliver, k);
}
