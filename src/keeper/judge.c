/* Two keys turn for a receipt: a front's ticket and an infer's report of the same job. */
#include "keeper/state.h"

#include <assert.h>
#include <string.h>

/* ── tickets ── */

/* No client can wait for so many answers: whoever has the most tickets open does not report what it runs, or was never given the
   jobs. It ends, and its tickets with it. */
static void make_room(struct keeper *k)
{
    struct keeper_infer *i = peers_busiest(&k->peers);
    assert(i != NULL); /* a ticket in the table is open at an infer that is known */
    keeper_accuse_infer(k, i, 0, ERR_OVERLOADED);
}

static bool is_nonce(const struct wire_nonce *n)
{
    return n->len == 0 || (n->len >= NONCE_MIN && n->len <= NONCE_MAX);
}

/* No job number comes twice in one boot. A ticket for an infer that has ended meanwhile is no offence: the front cannot know yet. */
static err_t take_ticket(struct keeper *k, struct keeper_front *f, const struct wire_msg *m)
{
    const struct msg_ticket *t = m->fixed;
    struct keeper_infer *i = peers_infer(&k->peers, t->infer);
    if (t->job >> 48 != f->generation || t->job <= f->last_job || !is_nonce(&t->nonce))
        return ERR_PROTOCOL;
    f->last_job = t->job;
    if (i != NULL && !i->accused && tickets_full(&k->tickets))
        make_room(k);
    if (i == NULL || i->accused)
        return OK;
    i->open++;
    return tickets_add(&k->tickets, t->infer, t->job, m->stamp_ns / 1000, &t->nonce);
}

/* Reads what is there now. It is not more than the table holds, so a front that sends without an end holds nobody up. */
static void drain_front(struct keeper *k, struct keeper_front *f)
{
    for (unsigned n = 0; n < TICKETS_MAX && f->ticket.fd >= 0; n++) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        err_t e = wire_recv(&f->ticket, &k->inbox, false, &m);
        if (e == ERR_WOULD_BLOCK)
            return;
        if (e == OK)
            e = take_ticket(k, f, &m);
        if (e == ERR_CLOSED)
            wire_end_close(&f->ticket);
        else if (e != OK)
            keeper_accuse_front(k, f, e);
    }
}

void keeper_tickets(struct keeper *k)
{
    for (size_t n = 0; n < FRONTS_MAX; n++)
        drain_front(k, &k->peers.fronts[n]);
}

/* Finds the ticket, reading what the fronts have sent meanwhile if it is not there yet. */
static err_t find_ticket(struct keeper *k, struct keeper_infer *i, uint64_t job, struct ticket *ret)
{
    err_t e = tickets_take(&k->tickets, i->number, job, ret);
    if (e != OK) {
        keeper_tickets(k);
        e = tickets_take(&k->tickets, i->number, job, ret);
    }
    if (e == OK)
        i->open--;
    return e;
}

/* ── receipts ── */

/* Who is gone, or does not read, loses what it would get. */
static void tell_front(struct keeper *k, uint64_t job, enum wire_type type, const void *head, struct view tail)
{
    struct keeper_front *f = peers_front(&k->peers, (uint16_t)(job >> 48));
    if (f != NULL && f->ticket.fd >= 0)
        (void)!wire_send(&f->ticket, type, head, tail, NULL, 0);
}

static void deliver(void *self, const struct msg_receipt *head, struct view receipt)
{
    tell_front(self, head->job, MSG_RECEIPT, head, receipt);
}

err_t keeper_flush(struct keeper *k)
{
    return batch_sign(&k->batch, deliver, k);
}

/* ── reports ── */

/* One of them is a ticket's, whose length was checked. */
static bool same_nonce(const struct wire_nonce *a, const struct wire_nonce *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static err_t judge(struct keeper *k, struct keeper_infer *i, const struct msg_report *r)
{
    struct ticket t = {0};
    if (find_ticket(k, i, r->job, &t) != OK || !same_nonce(&r->nonce, &t.nonce)) {
        keeper_accuse_infer(k, i, r->job, ERR_PROTOCOL);
        return OK;
    }
    if (r->result != OK) {
        struct msg_no_receipt no = {.job = r->job, .reason = err_from_wire(r->result)};
        tell_front(k, r->job, MSG_NO_RECEIPT, &no, view_of(NULL, 0));
        return OK;
    }
    return batch_add(&k->batch, i, &t, r);
}

err_t keeper_reports(struct keeper *k, struct keeper_infer *i)
{
    for (size_t n = batch_room(&k->batch); n > 0 && i->report.fd >= 0; n--) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        struct msg_report report;
        err_t e = wire_recv(&i->report, &k->inbox, false, &m);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        if (e == ERR_CLOSED) {
            wire_end_close(&i->report);
        } else if (e != OK) {
            keeper_accuse_infer(k, i, 0, e);
        } else {
            memcpy(&report, m.fixed, sizeof(report)); /* the inbox is used again for tickets */
            TRY(judge(k, i, &report));
        }
    }
    return OK;
}
