/* One request of a model from its parsed text to its answer, but for its start (call_start.c). */
#include "front/call_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "front/settlement.h"
#include "receipt/receipt.h"
#include "wire/receipts.h"

#include <assert.h>
#include <string.h>

#define SIGN_MS     1000U /* how long the keeper may take */
#define HUNG_MS     1000U /* how long after its own deadline an infer may still answer */
#define TELL_MAX    (1 * MIB)
#define ANSWER_ROOM 512 /* what an answer gets first, so that a short one does not grow */
#define COUNTER_MAX ((UINT64_C(1) << 48) - 1)

struct call *call_make(struct app *app, struct http_req *req, const struct call_form *form)
{
    struct call *c = pool_take(&app->free_calls);
    if (c == NULL)
        return NULL;
    *c = (struct call){.form = form, .app = app, .req = req, .slot = -1, .area.fd = -1, .until_ns = UINT64_MAX};
    c->level = (uint8_t)((app->conf->priorities + 1) / 2);
    list_init(&c->link);
    req->user = c;
    return c;
}

void call_begin(struct call *c)
{
    struct wire_model model;
    struct why why = {0};
    err_t e = c->form->begin(c, &model, &why);
    if (e != OK)
        call_fail(c, e, &why, 1);
    else
        models_join(c->app, &model, c);
}

void call_ask(struct app *app, struct http_req *req, const struct call_form *form)
{
    struct call *c = call_make(app, req, form);
    if (c == NULL)
        http_reply_error(req, ERR_NOMEM, NULL, 1);
    else
        call_begin(c);
}

/* ── seats: the table of what is under way ── */

static struct call **seat_of(struct app *app, uint64_t job)
{
    return &app->calls[job % CALLS_MAX];
}

static struct call *by_job(struct app *app, uint64_t job)
{
    struct call *c = *seat_of(app, job);
    return c != NULL && c->job == job ? c : NULL;
}

/* Numbers rise strictly; one whose seat is taken by a slow call is skipped. */
err_t call_take_seat(struct call *c)
{
    struct app *app = c->app;
    if (app->seated == CALLS_MAX)
        return ERR_QUEUE_FULL;
    do {
        app->counter++;
        assert(app->counter <= COUNTER_MAX); /* at a million jobs a second: after nine years */
    } while (*seat_of(app, app->counter) != NULL);
    c->job = (uint64_t)app->generation << 48 | app->counter;
    *seat_of(app, c->job) = c;
    app->seated++;
    return OK;
}

void call_leave_seat(struct call *c)
{
    if (c->job == 0)
        return;
    *seat_of(c->app, c->job) = NULL;
    c->app->seated--;
    c->job = 0;
}

/* ── what a call has of its lane: a slot, then only the expectation of a receipt ── */

void call_take_slot(struct call *c, struct lane *l)
{
    unsigned n = 0;
    while (l->slots[n].busy)
        n++;
    assert(n < l->max_slots);
    slot_take(c->app, &l->slots[n]);
    c->slot = (int)n;
    c->lane = l;
    l->running++;
    l->active = true;
}

void call_get_worker(struct call *c, uint64_t now_ms)
{
    c->lane->begun++;
    c->run_ms = now_ms;
    c->deadline_ms = now_ms + c->app->conf->run_ms + HUNG_MS;
}

/* A worker has become free. */
static void begin_next(struct lane *l)
{
    if (list_empty(&l->pending))
        return;
    struct call *next = LIST_OF(l->pending.next, struct call, link);
    list_remove(&next->link);
    call_get_worker(next, clock_mono_ms());
}

void call_end_run(struct call *c)
{
    bool ran = c->state == CALL_RUNNING && list_empty(&c->link);
    list_remove(&c->link);
    if (!ran)
        return;
    c->lane->begun--;
    begin_next(c->lane);
}

static void give_slot(struct call *c)
{
    slot_give(c->app, &c->lane->slots[c->slot]);
    c->slot = -1;
    c->lane->running--;
    call_end_run(c);
}

void call_leave_lane(struct call *c)
{
    if (c->lane == NULL)
        return;
    if (c->slot >= 0)
        give_slot(c);
    else
        c->lane->signing--;
    c->lane = NULL;
}

/* ── the end ── */

/* The parsed text refers to the body. */
void call_drop_text(struct call *c)
{
    c->form->drop(c);
    lease_done(&c->document);
    if (c->req != NULL)
        http_body_free(c->req);
}

void call_drop_tensors(struct call *c)
{
    if (c->direct)
        area_done(&c->area);
    else
        mem_free(c->tensors);
    c->tensors = NULL;
    lease_done(&c->tensors_lease);
}

/* Whoever was waiting for it has been taken out of `req`. */
static void end(struct call *c)
{
    struct lane *l = c->lane;
    call_leave_seat(c);
    call_leave_lane(c);
    c->form->drop(c);
    c->form->done(c);
    lease_done(&c->document);
    infer_inputs_done(&c->inputs);
    call_drop_tensors(c);
    buf_done(&c->answer);
    lease_done(&c->answer_lease);
    desc_list_done(&c->outputs);
    buf_done(&c->receipt);
    mem_free(c->settlement);
    pool_give(&c->app->free_calls, c);
    if (l != NULL)
        lane_settle(l);
}

void call_forget(struct call *c)
{
    c->req->user = NULL;
    c->req = NULL;
    end(c);
}

static int64_t age_us(const struct http_req *req)
{
    return (int64_t)((clock_mono_ns() - req->start_ns) / 1000);
}

static void reply_error(struct http_req *req, err_t e, const struct why *why, uint32_t retry_s)
{
    struct http_answer a = {0};
    http_refusal(req, &a, e, why, retry_s);
    log_event(LOG_REQUEST_FAILED, (int64_t)req->id, err_http(e), e, age_us(req));
    http_reply(req, &a);
}

/* Its slot stays taken until infer has answered; nobody reads that answer. */
void call_cancel(struct call *c)
{
    struct msg_cancel cancel = {.job = c->job};
    if (wire_send(&c->lane->cancel, MSG_CANCEL, &cancel, view_of(NULL, 0), NULL, 0) == ERR_CLOSED)
        lane_fail(c->lane, ERR_MODEL_DIED);
}

void call_orphan(struct call *c)
{
    c->req = NULL;
    c->app->counts.failures[METRIC_REASON_CANCELED]++;
    if (c->state == CALL_RUNNING) {
        call_cancel(c);
        return;
    }
    if (c->state == CALL_LEAVING) { /* the job goes, and is cancelled then */
        call_drop_text(c);
        return;
    }
    if (c->model != NULL)
        models_leave(c);
    end(c);
}

void call_fail(struct call *c, err_t e, const struct why *why, uint32_t retry_s)
{
    struct http_req *req = TAKE_PTR(c->req);
    c->app->counts.failures[c->state == CALL_WAITING ? METRIC_REASON_REJECTED : METRIC_REASON_BACKEND]++;
    if (c->state == CALL_RUNNING && c->lane != NULL)
        call_cancel(c);
    else
        end(c);
    if (req != NULL)
        reply_error(req, e, why, retry_s);
}

static err_t pack_receipt(const struct call *c, const struct wire_receipt *r,
                          char ret_text[static RECEIPT_TEXT_MAX + 1])
{
    const struct receipt_parts parts = {
        .statement = r->statement,
        .cose = r->cose,
        .in_descriptors = c->inputs.set.descs.encoded,
        .out_descriptors = c->outputs.encoded,
    };
    return receipt_pack(&parts, ret_text);
}

/* `r` NULL: none is wanted. */
static void answer(struct call *c, const struct wire_receipt *r)
{
    UNINITIALIZED char receipt[RECEIPT_TEXT_MAX + 1];
    UNINITIALIZED char settlement[SETTLEMENT_TEXT_MAX + 1];
    char text[CALL_TEXT_SIZE];
    struct http_answer a = {.status = 200, .type = "application/json"};
    err_t e = r != NULL ? pack_receipt(c, r, receipt) : OK;
    if (e == OK && c->settle)
        e = c->settlement != NULL ? settlement_pack(c->app->identity, c->settlement, settlement) : ERR_KEEPER_BUSY;
    if (e != OK) {
        call_fail(c, e == ERR_NOMEM || e == ERR_KEEPER_BUSY ? e : ERR_INTERNAL, NULL, 1);
        return;
    }
    if (c->form->dress != NULL)
        c->form->dress(c, &a, text);
    if (r != NULL)
        a.fields[a.n_fields++] = (struct http_field){"Veronnx-Receipt", view_of(receipt, strlen(receipt))};
    if (c->settle)
        a.fields[a.n_fields++] = (struct http_field){"Veronnx-Settlement", view_of(settlement, strlen(settlement))};
    struct http_req *req = TAKE_PTR(c->req);
    int64_t us = age_us(req);
    call_note_answer(c, (uint64_t)us, r != NULL);
    a.body = c->answer;
    a.held = c->answer_lease;
    c->answer = (struct buf){0};
    c->answer_lease = (struct lease){0};
    end(c);
    log_event(LOG_REQUEST_DONE, (int64_t)req->id, a.status, us);
    http_reply(req, &a);
}

/* The result is there; so may be the receipt. */
static void answer_if_complete(struct call *c)
{
    const struct wire_receipt r = {
        .statement = view_of(c->receipt.data, c->statement_len),
        .cose = view_of(c->receipt.data + c->statement_len, c->receipt.len - c->statement_len),
    };
    if (c->receipt.len > 0)
        answer(c, &r);
    else if (c->app->conf->receipts == 0)
        answer(c, NULL);
}

void call_tell(struct call *c, const struct model *m)
{
    buf_init(&c->answer, TELL_MAX);
    err_t e = c->form->tell(c, m);
    if (e == OK)
        e = lease_take(&c->answer_lease, &c->app->transfer, c->answer.cap);
    if (e != OK)
        call_fail(c, e, NULL, 1);
    else
        answer(c, NULL);
}

/* ── the result ── */

/* The text is bounded before it is written. When only others are in the way, the client may try again. */
static err_t write_answer(struct call *c, const struct wire_msg *m, struct view area, struct why *why)
{
    AUTO(value_set_done) struct value_set outputs = {0};
    size_t share = app_share(c->app);
    size_t room = MIN(app_room(c->app), share);
    err_t e = value_set_parse(m->tail, area.len, &outputs);
    if (e != OK)
        return e == ERR_NOMEM ? e : ERR_PROTOCOL;
    buf_init(&c->answer, room);
    TRY(buf_reserve(&c->answer, MIN(ANSWER_ROOM, room), &(uint8_t *){NULL}));
    e = c->form->write(c, &outputs, area, why);
    if (e == ERR_OUTPUT_TOO_LARGE && room < share) {
        *why = (struct why){0};
        e = ERR_OVERLOADED;
    }
    TRY(e);
    TRY(lease_take(&c->answer_lease, &c->app->transfer, c->answer.cap));
    c->outputs = outputs.descs;
    outputs.descs = (struct desc_list){0};
    return OK;
}

static err_t take_result(struct call *c, struct wire_msg *m, struct why *why)
{
    const struct msg_result *r = m->fixed;
    struct view area = {0};
    if (r->result != OK) {
        why_take(why, m->tail);
        return err_from_wire(r->result);
    }
    if (c->refused || slot_output(c->app, &c->lane->slots[c->slot], m, r->bytes, &area) != OK)
        return ERR_PROTOCOL;
    return c->req != NULL ? write_answer(c, m, area, why) : OK;
}

static void note_time(struct lane *l, uint64_t us)
{
    l->mean_us = l->mean_us == 0 ? us : (l->mean_us * 7 + us) / 8;
}

err_t call_result(struct lane *l, struct wire_msg *m)
{
    const struct msg_result *r = m->fixed;
    struct call *c = m->type == MSG_RESULT ? by_job(l->app, r->job) : NULL;
    struct why why = {0};
    if (c == NULL || c->lane != l || c->state != CALL_RUNNING || c->slot != r->slot)
        return ERR_PROTOCOL;
    if (r->result == ERR_RUN_CANCELLED && c->packed && c->req != NULL) {
        call_again(c);
        return OK;
    }
    uint64_t came_ns = clock_mono_ns();
    err_t e = take_result(c, m, &why);
    if (e == ERR_PROTOCOL)
        return e;
    uint64_t now_ns = clock_mono_ns(), now_us = now_ns / 1000;
    if (c->req != NULL)
        call_note_run(c, came_ns, now_ns, r);
    note_time(l, now_us - c->begin_us);
    lane_note_run(l, r->run_us);
    give_slot(c);
    l->signing++;
    c->state = CALL_SIGNING;
    c->deadline_ms = now_us / 1000 + SIGN_MS;
    if (c->req == NULL)
        end(c);
    else if (e != OK)
        call_fail(c, e, &why, 1);
    else
        answer_if_complete(c);
    return OK;
}

/* ── the receipt ── */

static void keep_receipt(struct call *c, const struct wire_receipt *r)
{
    buf_init(&c->receipt, RECEIPT_MAX);
    c->statement_len = r->statement.len;
    if (buf_put_view(&c->receipt, r->statement) != OK || buf_put_view(&c->receipt, r->cose) != OK)
        call_fail(c, ERR_NOMEM, NULL, 1);
}

static void take_receipt(struct app *app, const struct wire_receipt *r)
{
    struct call *c = by_job(app, r->job);
    if (c == NULL || c->req == NULL || c->receipt.len > 0 || app->conf->receipts == 0)
        return; /* the client has left, or wants none */
    if (c->state == CALL_SIGNING)
        answer(c, r);
    else
        keep_receipt(c, r);
}

err_t call_receipts(struct app *app, struct wire_msg *m)
{
    struct view rest = m->tail; /* of an inbox that nothing below reads into */
    while (rest.len > 0) {
        struct wire_receipt r;
        TRY(wire_receipts_next(&rest, &r));
        take_receipt(app, &r);
    }
    return OK;
}

err_t call_settlement(struct app *app, struct wire_msg *m)
{
    struct call *c = by_job(app, ((const struct msg_settlement *)m->fixed)->job);
    if (c == NULL || !c->settle || c->settlement != NULL)
        return OK; /* the client has left */
    c->settlement = mem_alloc(1, sizeof(*c->settlement));
    if (c->settlement != NULL) /* else the answer is an error */
        memcpy(c->settlement, m->fixed, sizeof(*c->settlement));
    return OK;
}

/* Infer's report was not ok, and infer must tell us the same; or the keeper signs nothing, whatever was reported. */
err_t call_no_receipt(struct app *app, struct wire_msg *m)
{
    const struct msg_no_receipt *no = m->fixed;
    struct call *c = by_job(app, no->job);
    if (c == NULL)
        return OK;
    if (err_from_wire(no->reason) == ERR_CLOCK_WRONG) {
        if (c->req != NULL && app->conf->receipts != 0)
            call_fail(c, ERR_CLOCK_WRONG, NULL, 1);
        return OK;
    }
    c->refused = true;
    if (c->state == CALL_SIGNING) {
        struct lane *l = c->lane;
        call_fail(c, ERR_MODEL_DIED, NULL, 1);
        if (l != NULL)
            lane_fail(l, ERR_MODEL_DIED);
    }
    return OK;
}

/* ── time ── */

static void overdue(struct call *c)
{
    if (c->state == CALL_RUNNING) {
        lane_fail(c->lane, ERR_RUN_TIMEOUT);
    } else if (c->lane == NULL) {
        call_fail(c, ERR_MODEL_DIED, NULL, 1); /* the report died with its process */
    } else {
        log_event(LOG_KEEPER_SLOW, SIGN_MS);
        call_fail(c, ERR_KEEPER_BUSY, NULL, 1);
    }
}

/* As if the client had left, but for the answer. */
static void abandon(struct call *c)
{
    struct http_req *req = c->req;
    struct why why = {0};
    err_t e = why_set(&why, ERR_TIMEOUT, "parameters.timeout: it passed before there was an answer");
    call_orphan(c);
    reply_error(req, e, &why, 0);
}

void calls_tick(struct app *app, uint64_t now_ms)
{
    for (size_t n = 0; n < CALLS_MAX; n++) {
        struct call *c = app->calls[n];
        if (c != NULL && now_ms >= c->deadline_ms)
            overdue(c);
        else if (c != NULL && c->req != NULL && now_ms * 1000000 >= c->until_ns)
            abandon(c);
    }
}

void calls_lose_lane(struct lane *l, err_t reason)
{
    uint64_t now_ms = clock_mono_ms();
    for (size_t n = 0; n < CALLS_MAX; n++) {
        struct call *c = l->app->calls[n];
        if (c == NULL || c->lane != l)
            continue;
        call_leave_lane(c);
        if (c->state != CALL_SIGNING)
            call_fail(c, now_ms >= c->deadline_ms ? ERR_RUN_TIMEOUT : reason, NULL, 1);
    }
}
