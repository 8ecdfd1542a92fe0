/* From a call's turn to its ticket and its job. All of one turn of the loop go together: sending and receiving a
   message costs more than what it says. */
#include "front/call_parts.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

#define DEPART_MAX  16   /* then infer has something to do while the others are being read */
#define PACK_RUN_US 100U /* jobs that run less go to one worker together */

/* ── tensors ── */

static err_t measure(struct call *c, const struct signature *signature, struct why *why)
{
    return c->form->measure(c, signature, app_share(c->app), why);
}

/* Zeroed: what lies between the tensors goes to infer as well. */
err_t call_convert(struct call *c, const struct signature *signature, struct why *why)
{
    TRY(measure(c, signature, why));
    TRY(lease_take(&c->tensors_lease, &c->app->transfer, c->inputs.set.total));
    c->tensors = mem_alloc(MAX(c->inputs.set.total, 1), 1);
    if (c->tensors == NULL)
        return ERR_NOMEM;
    TRY(c->form->fill(c, c->tensors, why));
    call_drop_text(c);
    return OK;
}

/* The tensors go into the slot, and what was reserved for them with them. */
static err_t place(struct call *c, struct why *why)
{
    struct slot *s = &c->lane->slots[c->slot];
    if (c->direct) {
        slot_adopt(s, &c->area, &c->tensors_lease);
        return OK;
    }
    if (c->tensors == NULL)
        TRY(measure(c, &c->lane->model->signature, why));
    lease_done(&c->tensors_lease);
    TRY(slot_input(c->app, s, c->inputs.set.total));
    if (c->tensors == NULL)
        return c->form->fill(c, s->input.addr, why);
    if (c->inputs.set.total > 0)
        memcpy(s->input.addr, c->tensors, c->inputs.set.total);
    return OK;
}

/* ── the turn ── */

static struct msg_job job_of(const struct call *c)
{
    return (struct msg_job){
        .job = c->job,
        .bytes = c->inputs.set.total,
        .run_ms = c->app->conf->run_ms,
        .slot = (uint16_t)c->slot,
        .others = (uint16_t)(c->lane->running - 1),
        .nonce = c->nonce,
    };
}

/* Of long jobs the next worker that is free takes the next one, and one that brings an area goes by itself. So do those
   of a model whose process has just died: results of a pack may die with it, and then nobody knows whose job it was. */
static bool packs(const struct call *c)
{
    return !c->apart && c->lane->run_us < PACK_RUN_US && c->lane->slots[c->slot].unsent < 0;
}

/* Nothing is put that could not be sent for lack of memory. */
static err_t leave(struct call *c)
{
    struct app *app = c->app;
    struct lane *l = c->lane;
    const struct msg_ticket ticket = {
        .job = c->job, .infer = l->infer, .settle = c->settle, .alone = app->seated == 1, .nonce = c->nonce};
    const struct msg_job job = job_of(c);
    buf_clear(&app->tail);
    TRY(value_set_encode(&c->inputs.set, &app->tail));
    TRY(wire_pack_put(&app->tickets, &app->ticket, MSG_TICKET, &ticket, view_of(NULL, 0)));
    c->packed = packs(c) && wire_pack_put(&l->jobs, &l->job, MSG_JOB, &job, buf_view(&app->tail)) == OK;
    c->state = CALL_LEAVING;
    c->run_ms = c->deadline_ms = CALL_NEVER_MS;
    list_move(&app->leaving, &c->link);
    app->n_leaving++;
    return OK;
}

/* After `leave`, or what kept it from that. */
static void set_out(struct call *c, err_t e, const struct why *why)
{
    if (e != OK)
        call_fail(c, e, why, 1);
    else if (c->app->n_leaving >= DEPART_MAX)
        calls_depart(c->app);
}

void call_start(struct call *c, struct lane *l)
{
    struct why why = {0};
    if (c->form->tell != NULL) {
        call_tell(c, l->model);
        return;
    }
    c->turn_ns = clock_mono_ns();
    call_take_slot(c, l);
    err_t e = c->turn_ns < c->until_ns ? call_take_seat(c) : call_too_late(&why);
    if (e == OK)
        e = place(c, &why);
    if (e == OK)
        e = call_may_run(c);
    if (e == OK)
        e = leave(c);
    set_out(c, e, &why);
}

/* ── the departure ── */

static err_t send_job(struct call *c)
{
    struct app *app = c->app;
    struct lane *l = c->lane;
    struct slot *s = &l->slots[c->slot];
    const struct msg_job job = job_of(c);
    buf_clear(&app->tail);
    TRY(value_set_encode(&c->inputs.set, &app->tail));
    if (wire_send(&l->job, MSG_JOB, &job, buf_view(&app->tail), &s->unsent, s->unsent >= 0) != OK)
        return ERR_MODEL_DIED;
    fd_close(&s->unsent);
    return OK;
}

/* Infer takes its jobs in order and stops each after run_ms: the time of those that wait for a worker begins later. */
static void note_begin(struct call *c)
{
    c->begin_us = clock_mono_ns() / 1000;
    if (c->lane->begun == c->app->workers)
        list_move(&c->lane->pending, &c->link);
    else
        call_get_worker(c, c->begin_us / 1000);
}

static void begin(struct call *c)
{
    c->state = CALL_RUNNING;
    note_begin(c);
    call_drop_text(c);
    call_drop_tensors(c);
    app_need_tick(c->app);
    if (c->req == NULL) /* the client left meanwhile */
        call_cancel(c);
}

/* The process ended before it had the job: the lane's end takes the call back, so that another one may have it. */
static void depart(struct call *c)
{
    err_t e = c->packed ? c->lane->departed : send_job(c);
    if (e == OK)
        begin(c);
    else if (e == ERR_MODEL_DIED)
        lane_fail(c->lane, e);
    else
        call_fail(c, e, NULL, 1);
}

/* Nobody is answered here, so no job is in a pack whose ticket is still to go. */
static void send_packs(struct list *going, bool announced)
{
    for (struct list *at = going->next; at != going; at = at->next) {
        struct lane *l = LIST_OF(at, struct call, link)->lane;
        if (!announced)
            wire_pack_clear(&l->jobs);
        else if (l->jobs.count > 0)
            l->departed = wire_pack_send(&l->jobs, &l->job, false) == OK ? OK : ERR_MODEL_DIED;
    }
}

static void refuse(struct call *c)
{
    c->state = CALL_WAITING;
    call_fail(c, ERR_KEEPER_BUSY, NULL, 1);
}

/* The tickets go first: without them the keeper would not believe the reports. Whoever is answered may bring another
   call, which leaves the next time. */
void calls_depart(struct app *app)
{
    struct list going;
    if (app->n_leaving == 0)
        return;
    list_init(&going);
    while (!list_empty(&app->leaving))
        list_move(&going, app->leaving.next);
    app->n_leaving = 0;
    err_t e = wire_pack_send(&app->tickets, &app->ticket, false);
    send_packs(&going, e == OK);
    while (!list_empty(&going)) {
        struct call *c = LIST_OF(going.next, struct call, link);
        list_remove(&c->link);
        if (e == OK)
            depart(c);
        else
            refuse(c);
    }
}

/* Alone this time: it is not given back twice. */
void call_again(struct call *c)
{
    lane_doubt(c->lane);
    call_end_run(c);
    call_leave_seat(c);
    c->state = CALL_WAITING;
    c->refused = false;
    c->again = true;
    err_t e = call_take_seat(c);
    if (e == OK)
        e = leave(c);
    set_out(c, e, NULL);
}

/* Its place in the queue's front; the ticket, if it goes, ends with the infer that it names. What the client has left,
   or memory is short for, stays where the end of the lane finds it. */
static void take_back(struct call *c, struct model *m)
{
    if (c->req == NULL || c->again)
        return;
    if (c->tensors != NULL && !c->direct && lease_take(&c->tensors_lease, &c->app->transfer, c->inputs.set.total) != OK)
        return;
    if (c->direct)
        slot_return(&c->lane->slots[c->slot], &c->area, &c->tensors_lease);
    call_leave_seat(c);
    call_leave_lane(c);
    c->state = CALL_WAITING;
    if (c->tensors == NULL)
        infer_inputs_done(&c->inputs);
    models_requeue(m, c);
}

/* The newest first, because each goes to the front. */
void calls_take_back(struct lane *l, struct model *m)
{
    struct app *app = l->app;
    for (size_t n = 0; n < CALLS_MAX; n++) {
        struct call *c = app->calls[(app->counter - n) % CALLS_MAX];
        if (c != NULL && c->lane == l && c->state == CALL_LEAVING)
            take_back(c, m);
    }
}
