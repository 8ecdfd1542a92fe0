/* Two keys turn for a receipt: a front's ticket and an infer's report of the same job. */
#include "keeper/state.h"

#include <string.h>

/* The generation of the front that numbered a job. */
static uint16_t front_of(uint64_t job)
{
    return (uint16_t)(job >> 48);
}

/* ── tickets ── */

/* A front waits for half as many answers at most. So there are tickets that it made up, or the infer with the most of them does
   not report what it runs, or was never given the jobs: it ends, and its tickets with it. */
static void make_room(struct keeper *k)
{
    if (tickets_drop_above(&k->tickets, k->peers.last_infer))
        return;
    uint32_t most = tickets_most(&k->tickets);
    struct keeper_infer *i = peers_infer(&k->peers, most);
    if (i != NULL)
        keeper_accuse_infer(k, i, 0, ERR_OVERLOADED);
    else
        tickets_drop_infer(&k->tickets, most); /* one that never came to be */
}

static bool is_over(struct keeper *k, uint32_t infer)
{
    const struct keeper_infer *i = peers_infer(&k->peers, infer);
    return i != NULL ? i->accused : infer <= k->peers.last_infer;
}

static bool is_nonce(const struct wire_nonce *n)
{
    return n->len == 0 || (n->len >= NONCE_MIN && n->len <= NONCE_MAX);
}

/* No job number comes twice in one boot. That the infer has ended meanwhile is no offence: the front cannot know yet. That it is
   not known yet is none either: the supervisor's message about it may still be unread. */
static err_t take_ticket(struct keeper *k, struct keeper_front *f, const struct wire_msg *m)
{
    const struct msg_ticket *t = m->fixed;
    if (front_of(t->job) != f->generation || t->job <= f->last_job || !is_nonce(&t->nonce) || t->settle > 1 ||
        t->alone > 1)
        return ERR_PROTOCOL;
    f->last_job = t->job;
    if (is_over(k, t->infer))
        return OK;
    if (tickets_full(&k->tickets)) {
        make_room(k);
        if (is_over(k, t->infer))
            return OK;
    }
    return tickets_add(&k->tickets, t, m->stamp_ns / 1000);
}

/* Reads what is there now, or, without `all`, as far as to a ticket that is said to be alone. It is not more than the table
   holds, so a front that sends without an end holds nobody up. */
static void drain_front(struct keeper *k, struct keeper_front *f, bool all)
{
    bool more = true;
    for (unsigned n = 0; ((n < TICKETS_MAX && more) || wire_more(&k->ticket_inbox)) && f->ticket.fd >= 0; n++) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        err_t e = wire_recv(&f->ticket, &k->ticket_inbox, false, &m);
        if (e == ERR_WOULD_BLOCK)
            return;
        if (e == OK) {
            more = all || ((const struct msg_ticket *)m.fixed)->alone == 0;
            e = take_ticket(k, f, &m);
        }
        if (e == ERR_CLOSED)
            wire_end_close(&f->ticket);
        else if (e != OK)
            keeper_accuse_front(k, f, e);
    }
    wire_inbox_drop(&k->ticket_inbox); /* of a front that was accused */
}

void keeper_tickets(struct keeper *k, bool all)
{
    for (size_t n = 0; n < FRONTS_MAX; n++)
        drain_front(k, &k->peers.fronts[n], all);
}

/* Reads on while it is not there: what the fronts have sent meanwhile, then what the supervisor has, because a front may be new. */
static err_t find_ticket(struct keeper *k, uint32_t infer, uint64_t job, struct ticket *ret)
{
    if (tickets_take(&k->tickets, infer, job, ret) == OK)
        return OK;
    keeper_tickets(k, true);
    if (tickets_take(&k->tickets, infer, job, ret) == OK)
        return OK;
    TRY(keeper_control(k));
    keeper_tickets(k, true);
    return tickets_take(&k->tickets, infer, job, ret);
}

/* ── receipts ── */

/* Who is gone, or does not read, loses what it would get. */
static void tell_front(struct keeper *k, uint16_t generation, enum wire_type type, const void *head, struct view tail)
{
    struct keeper_front *f = peers_front(&k->peers, generation);
    if (f != NULL && f->ticket.fd >= 0)
        (void)!wire_send(&f->ticket, type, head, tail, NULL, 0);
}

static void send_receipts(struct keeper *k)
{
    const struct msg_empty none = {0};
    if (k->receipts.len > 0)
        tell_front(k, k->receipts_to, MSG_RECEIPTS, &none, buf_view(&k->receipts));
    buf_clear(&k->receipts);
}

/* One message takes as many receipts of a front as fit, and any one of them when it is empty. A settlement is there before
   its receipt. */
static void deliver(void *self, const struct wire_receipt *r, const struct msg_settlement *settlement)
{
    struct keeper *k = self;
    if (settlement != NULL)
        tell_front(k, front_of(r->job), MSG_SETTLEMENT, settlement, view_of(NULL, 0));
    if (k->receipts_to != front_of(r->job) || wire_receipts_put(&k->receipts, r) != OK) {
        send_receipts(k);
        k->receipts_to = front_of(r->job);
        (void)!wire_receipts_put(&k->receipts, r);
    }
}

err_t keeper_flush(struct keeper *k)
{
    k->shared = k->batch.count > 1;
    TRY(batch_sign(&k->batch, deliver, k));
    send_receipts(k);
    return OK;
}

/* ── reports ── */

/* The length of a report's counts only when it is that of the ticket's, which was checked. */
static bool same_nonce(const struct wire_nonce *ticket, const struct wire_nonce *report)
{
    return view_equal(view_of(ticket->bytes, ticket->len), view_of(report->bytes, report->len));
}

/* The infer may come to its end while its ticket is looked for. */
static err_t judge(struct keeper *k, uint32_t infer, const struct msg_report *r)
{
    struct ticket t = {0};
    err_t found = find_ticket(k, infer, r->job, &t);
    struct keeper_infer *i = peers_infer(&k->peers, infer);
    if (found != OK && found != ERR_NOT_FOUND)
        return found;
    if (i == NULL)
        return OK;
    if (found != OK || !same_nonce(&t.nonce, &r->nonce)) {
        keeper_accuse_infer(k, i, r->job, ERR_PROTOCOL);
        return OK;
    }
    err_t refused = r->result != OK ? err_from_wire(r->result) : documents_clock(&k->documents);
    if (refused != OK) {
        struct msg_no_receipt no = {.job = r->job, .reason = refused};
        tell_front(k, front_of(r->job), MSG_NO_RECEIPT, &no, view_of(NULL, 0));
        return OK;
    }
    return batch_add(&k->batch, i, &t, r);
}

/* One whose model is not sealed has been given no job. What it reports all the same must not lie in the socket either: descriptors there
   count against all processes of this user. That it was sealed may be in a message that is still unread. */
static err_t check_sealed(struct keeper *k, uint32_t infer)
{
    struct keeper_infer *i = peers_infer(&k->peers, infer);
    if (!i->sealed)
        TRY(keeper_control(k));
    i = peers_infer(&k->peers, infer);
    if (i != NULL && !i->sealed)
        keeper_accuse_infer(k, i, 0, ERR_PROTOCOL);
    return OK;
}

/* ERR_WOULD_BLOCK: there is none, or it cannot come any more. */
static err_t take_report(struct keeper *k, uint32_t infer)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct keeper_infer *i = peers_infer(&k->peers, infer);
    if (i == NULL || i->report.fd < 0)
        return ERR_WOULD_BLOCK;
    err_t e = wire_recv(&i->report, &k->report_inbox, false, &m);
    if (e == OK) {
        TRY(check_sealed(k, infer));
        return judge(k, infer, m.fixed);
    }
    if (e == ERR_CLOSED)
        wire_end_close(&i->report);
    else if (e != ERR_WOULD_BLOCK)
        keeper_accuse_infer(k, i, 0, e);
    return ERR_WOULD_BLOCK;
}

err_t keeper_reports(struct keeper *k, uint32_t infer)
{
    err_t e = OK;
    size_t n = batch_room(&k->batch);
    while (e == OK && (n > 0 || wire_more(&k->report_inbox))) {
        if (batch_room(&k->batch) == 0)
            TRY(keeper_flush(k));
        e = take_report(k, infer);
        n = k->company && n > 0 ? n - 1 : 0; /* alone: if there is another one all the same, the next turn has it */
    }
    wire_inbox_drop(&k->report_inbox);
    return e == ERR_WOULD_BLOCK ? OK : e;
}
