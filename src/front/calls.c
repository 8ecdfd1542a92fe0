/* One request of a model: conversion, ticket and job, result and receipt, answer. */
#include "front/app.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "receipt/receipt.h"
#include "tensor/infer_answer.h"

#include <string.h>
#include <sys/mman.h>

#define SIGN_MS 1000U /* how long the keeper may take */
#define HUNG_MS 1000U /* how long after its own deadline an infer may still answer */

static void log_done(const struct call *c, err_t e)
{
    int64_t us = (int64_t)((clock_mono_ns() - c->req->start_ns) / 1000);
    if (e != OK)
        log_event(LOG_REQUEST_FAILED, (int64_t)c->req->id, err_http(e), e, us);
}

void call_free(struct call *c)
{
    infer_inputs_done(&c->inputs);
    infer_request_done(&c->request);
    lease_done(&c->lease);
    buf_done(&c->answer);
    lease_done(&c->answer_lease);
    desc_list_done(&c->outputs);
    buf_done(&c->receipt);
    mem_free(c);
}

/* ── the table of what is under way ── */

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
static err_t take_number(struct call *c)
{
    struct app *app = c->app;
    if (app->running == CALLS_MAX)
        return ERR_QUEUE_FULL;
    do {
        app->counter++;
    } while (*seat_of(app, app->counter) != NULL);
    c->job = (uint64_t)app->generation << 48 | (app->counter & ((UINT64_C(1) << 48) - 1));
    *seat_of(app, c->job) = c;
    app->running++;
    return OK;
}

static void leave_table(struct call *c)
{
    struct call **seat = seat_of(c->app, c->job);
    if (c->job == 0 || *seat != c)
        return;
    *seat = NULL;
    c->app->running--;
}

/* The slot is free again as soon as its output has been read. */
static void leave_lane(struct call *c)
{
    struct lane *l = c->lane;
    if (l == NULL)
        return;
    l->slots[c->slot].busy = false;
    l->running--;
    c->lane = NULL;
    if (l->model != NULL)
        models_advance(l->model);
    lane_release_if_idle(l);
}

/* ── the end ── */

static void end(struct call *c)
{
    leave_table(c);
    leave_lane(c);
    call_free(c);
}

void call_fail(struct call *c, err_t e, const struct why *why, uint32_t retry_s)
{
    if (c->req != NULL) {
        log_done(c, e);
        infer_request_done(&c->request);
        http_reply_error(TAKE_PTR(c->req), e, why, retry_s);
    }
    end(c);
}

static void answer(struct call *c)
{
    char text[RECEIPT_TEXT_MAX + 1];
    struct http_answer a = {.status = 200, .type = "application/json"};
    if (c->receipt.len > 0) {
        struct receipt_parts parts = {
            .statement = view_of(c->receipt.data, c->statement_len),
            .cose = view_of(c->receipt.data + c->statement_len, c->receipt.len - c->statement_len),
            .in_descriptors = c->inputs.set.descs.encoded,
            .out_descriptors = c->outputs.encoded,
        };
        if (receipt_pack(&parts, text) != OK) {
            call_fail(c, ERR_INTERNAL, NULL, 0);
            return;
        }
        a.fields[a.n_fields++] = (struct http_field){"Veronnx-Receipt", view_of(text, strlen(text))};
    }
    a.body = c->answer;
    a.held = c->answer_lease;
    c->answer = (struct buf){0};
    c->answer_lease = (struct lease){0};
    log_done(c, OK);
    http_reply(TAKE_PTR(c->req), &a);
    end(c);
}

static void answer_if_complete(struct call *c)
{
    if (!c->answered || (c->app->conf->receipts != 0 && c->receipt.len == 0))
        return;
    if (c->req != NULL)
        answer(c);
    else
        end(c);
}

/* Its slot stays taken until infer has answered; nobody reads that answer. */
void call_orphan(struct call *c)
{
    struct msg_cancel cancel = {.job = c->job};
    c->req = NULL;
    infer_request_done(&c->request);
    if (c->state == CALL_WAITING) {
        models_leave(c);
        call_free(c);
    } else if (c->state == CALL_SIGNING) {
        end(c);
    } else if (wire_send(&c->lane->cancel, MSG_CANCEL, &cancel, view_of(NULL, 0), NULL, 0) == ERR_CLOSED) {
        lane_close(c->lane, ERR_MODEL_DIED);
    }
}

/* ── the start ── */

static err_t convert(struct call *c, struct lane *l, int *ret_fd, struct why *why)
{
    const struct signature *signature = &l->model->signature;
    struct slot *slot = &l->slots[c->slot];
    size_t limit = c->app->transfer.limit;
    TRY(infer_inputs_measure(&c->request, signature, limit, &c->inputs, why));
    TRY(lease_take(&c->lease, &c->app->transfer, c->inputs.set.total));
    TRY(lane_input(slot, c->inputs.set.total, ret_fd));
    err_t e = infer_inputs_fill(&c->inputs, slot->input.addr, why);
    if (e != OK)
        fd_close(ret_fd);
    if (e != OK && slot->input.addr != NULL)
        map_done(&slot->input); /* the other side has never heard of a new area; make one again next time */
    return e;
}

/* The ticket goes first: without it the keeper would not believe the report. */
static err_t dispatch(struct call *c, struct lane *l, int fd)
{
    struct app *app = c->app;
    AUTO_BUF struct buf tail = BUF_WITH(WIRE_TAIL_MAX);
    struct msg_ticket ticket = {.job = c->job, .infer = l->infer, .nonce = c->nonce};
    struct msg_job job = {
        .job = c->job,
        .bytes = c->inputs.set.total,
        .run_ms = app->conf->run_ms,
        .slot = (uint16_t)c->slot,
        .nonce = c->nonce,
    };
    TRY(value_set_encode(&c->inputs.set, &tail));
    err_t e = wire_send(&app->ticket, MSG_TICKET, &ticket, view_of(NULL, 0), NULL, 0);
    if (e != OK)
        return ERR_KEEPER_BUSY;
    e = wire_send(&l->job, MSG_JOB, &job, buf_view(&tail), &fd, fd >= 0 ? 1 : 0);
    return e == ERR_CLOSED ? ERR_MODEL_DIED : e;
}

void call_start(struct call *c, struct lane *l)
{
    AUTO_FD int fd = -1;
    struct why why = {0};
    c->slot = (unsigned)lane_slot(c->app, l);
    c->lane = l;
    c->state = CALL_RUNNING;
    l->slots[c->slot].busy = true;
    l->running++;
    l->active = true;
    c->deadline_ms = clock_mono_ms() + c->app->conf->run_ms + HUNG_MS;
    err_t e = convert(c, l, &fd, &why);
    if (e == OK)
        e = take_number(c);
    if (e == OK)
        e = dispatch(c, l, fd);
    if (e != OK) {
        call_fail(c, e, why.text[0] != '\0' ? &why : NULL, err_http(e) == 503);
        return;
    }
    infer_request_done(&c->request);
    http_body_free(c->req);
    app_need_tick(c->app);
}

/* ── the result ── */

static err_t take_output(struct lane *l, struct slot *s, struct wire_msg *m, uint64_t bytes, struct view *ret_area)
{
    size_t size = 0;
    if (m->n_fds > 0) {
        AUTO(map_done) struct map area = {0};
        TRY(memfd_check(m->fds[0], SEALS_OUTPUT, MAX(bytes, 1U), l->app->conf->output_max + MIB, &size));
        TRY(map_shared(m->fds[0], size, PROT_READ, &area));
        map_done(&s->output);
        s->output = area;
        area = (struct map){0};
    }
    if (bytes > s->output.size)
        return ERR_PROTOCOL;
    *ret_area = view_of(s->output.addr, bytes);
    return OK;
}

/* What the process said of its failure; it is as hostile as the model. */
static void fail_run(struct call *c, err_t e)
{
    call_fail(c, e == OK ? ERR_INTERNAL : e, NULL, err_http(e) == 503);
}

static err_t write_answer(struct call *c, const struct lane *l, const struct wire_msg *m, struct view area)
{
    AUTO(value_set_done) struct value_set outputs = {0};
    struct why why = {0};
    if (value_set_parse(m->tail, area.len, &outputs) != OK)
        return ERR_PROTOCOL;
    buf_init(&c->answer, MIN(c->app->transfer.limit, (size_t)UINT32_MAX));
    TRY(infer_answer_write(&outputs, area, l->model->sha256, &c->answer, &why));
    TRY(lease_take(&c->answer_lease, &c->app->transfer, c->answer.cap));
    c->outputs = outputs.descs;
    outputs.descs = (struct desc_list){0};
    return OK;
}

static err_t finish(struct call *c, struct lane *l, struct wire_msg *m)
{
    const struct msg_result *r = m->fixed;
    struct view area = {0};
    err_t e = err_from_wire(r->result);
    if (e == OK)
        TRY(take_output(l, &l->slots[c->slot], m, r->bytes, &area));
    if (e == OK && c->req != NULL && l->model != NULL)
        e = write_answer(c, l, m, area);
    if (e == ERR_PROTOCOL)
        return e;
    if (e != OK || c->req == NULL) {
        fail_run(c, e);
        return OK;
    }
    c->answered = true;
    c->state = CALL_SIGNING;
    c->deadline_ms = clock_mono_ms() + SIGN_MS;
    leave_lane(c);
    answer_if_complete(c);
    return OK;
}

err_t call_result(struct lane *l, struct wire_msg *m)
{
    const struct msg_result *r = m->fixed;
    struct call *c = by_job(l->app, r->job);
    if (m->type != MSG_RESULT || c == NULL || c->lane != l || c->slot != r->slot)
        return ERR_PROTOCOL;
    return finish(c, l, m);
}

/* ── the receipt ── */

err_t call_receipt(struct app *app, struct wire_msg *m)
{
    const struct msg_receipt *r = m->fixed;
    struct call *c = by_job(app, r->job);
    if (c == NULL || c->receipt.len > 0)
        return OK; /* the call has ended meanwhile */
    if (r->statement_len > m->tail.len)
        return ERR_PROTOCOL;
    buf_init(&c->receipt, RECEIPT_MAX);
    c->statement_len = r->statement_len;
    if (buf_put_view(&c->receipt, m->tail) != OK)
        call_fail(c, ERR_NOMEM, NULL, 1);
    else
        answer_if_complete(c);
    return OK;
}

/* Only a report that was not ok is answered so, and infer tells the reason itself. */
err_t call_no_receipt(struct app *app, struct wire_msg *m)
{
    const struct msg_no_receipt *no = m->fixed;
    struct call *c = by_job(app, no->job);
    if (c != NULL && c->answered)
        call_fail(c, ERR_INTERNAL, NULL, 0);
    return OK;
}

/* ── time ── */

static void overdue(struct call *c)
{
    struct lane *l = c->lane;
    if (l == NULL) {
        log_event(LOG_KEEPER_SLOW, SIGN_MS);
        call_fail(c, ERR_KEEPER_BUSY, NULL, 1);
        return;
    }
    struct msg_front_infer hung = {.infer = l->infer};
    app_tell(c->app, MSG_FRONT_HUNG, &hung);
    lane_close(l, ERR_RUN_TIMEOUT);
}

void calls_tick(struct app *app, uint64_t now_ms)
{
    for (size_t n = 0; n < CALLS_MAX; n++)
        if (app->calls[n] != NULL && now_ms >= app->calls[n]->deadline_ms)
            overdue(app->calls[n]);
}

void calls_fail_lane(struct app *app, const struct lane *l, err_t reason)
{
    for (size_t n = 0; n < CALLS_MAX; n++)
        if (app->calls[n] != NULL && app->calls[n]->lane == l)
            call_fail(app->calls[n], reason, NULL, 1);
}
