/* One lane per infer process: its messages in order, and which of its slots are taken. */
#include "front/app.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/roles.h"

#define META_MS 2000U /* an infer says it as soon as it has the channel */

/* The socket takes at least this in jobs, whatever their number, and one job of any size: a job that does not fit into
   it is the fault of an infer that answers what it has not read. */
#define JOBS_BYTES (64 * KIB)

#define RUN_SHORT_US   1000U
#define RUN_UNKNOWN_US (8 * RUN_SHORT_US) /* until about sixteen jobs have been shorter */
#define CROWD_FEW      (8 + 4)            /* nearly always one */
#define CROWD_UNKNOWN  (8 * SLOTS_MAX)

/* ── the beginning and the end ── */

static void free_lane(uv_handle_t *h)
{
    struct lane *l = h->data;
    wire_end_close(&l->job);
    wire_end_close(&l->cancel);
    wire_pack_done(&l->jobs);
    for (size_t n = 0; n < SLOTS_MAX; n++)
        slot_done(l->app, &l->slots[n]);
    mem_free(l);
}

static void unlink_lane(struct lane *l)
{
    for (struct lane **at = &l->app->lanes; *at != NULL; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            return;
        }
}

/* Takes it out of all tables before anybody is answered. */
static void end(struct lane *l, err_t reason)
{
    struct model *m = TAKE_PTR(l->model);
    unlink_lane(l);
    uv_close((uv_handle_t *)&l->poll, free_lane);
    calls_take_back(l, m);
    models_lost(m, reason);
    calls_lose_lane(l, reason);
}

/* The supervisor hears it first, so that it does not offer the same process again. */
void lane_fail(struct lane *l, err_t reason)
{
    const struct msg_front_hung hung = {.infer = l->infer, .reason = reason};
    if (l->model == NULL)
        return;
    app_tell(l->app, MSG_FRONT_HUNG, &hung);
    if (reason == ERR_MODEL_DIED || reason == ERR_RUN_TIMEOUT)
        calls_blame(l);
    end(l, ERR_MODEL_DIED);
}

static void release(struct lane *l)
{
    struct msg_front_infer released = {.infer = l->infer};
    app_tell(l->app, MSG_FRONT_RELEASED, &released);
    end(l, ERR_MODEL_OVER_BUDGET);
}

/* Who waits already waited for this process; the next one might be asked to leave before it has served anybody, too. */
void lane_evict(struct lane *l)
{
    l->leaving = true;
    l->owed = l->model->waiting;
    lane_settle(l);
}

static void on_readable(uv_poll_t *poll, int status, int events);

/* Infer sends a result before its report. So of short jobs that come one at a time the receipt, which follows at once,
   wakes the loop for both. Of many the next can begin meanwhile; and the receipt of a long one must not wait until the
   answer, which may be long, too, has been written. */
static int events_of(const struct lane *l)
{
    bool alone = l->crowd < CROWD_FEW && l->run_us < RUN_SHORT_US;
    return alone && l->app->conf->receipts != 0 && l->model->state == MODEL_READY ? UV_DISCONNECT : UV_READABLE;
}

static err_t watch_for(struct lane *l, int events)
{
    if (events != l->events && uv_poll_start(&l->poll, events, on_readable) != 0)
        return ERR_OVERLOADED;
    l->events = events;
    return OK;
}

static err_t watch(struct lane *l)
{
    return watch_for(l, events_of(l));
}

/* What an infer sends while it has nothing to do is read, and costs it its life: descriptors that lie in a socket count against all
   processes of this user, so one infer could have the others send none. */
static void watch_idle(struct lane *l)
{
    if (l->running == 0)
        (void)watch_for(l, UV_READABLE);
}

err_t lane_open(struct app *app, struct model *m, uint32_t infer, int *job_fd, int *cancel_fd, struct lane **ret)
{
    AUTO(wire_end_close) struct wire_end job = {TAKE_FD(*job_fd), CHAN_JOB, SIDE_A};
    AUTO(wire_end_close) struct wire_end cancel = {TAKE_FD(*cancel_fd), CHAN_CANCEL, SIDE_A};
    struct lane *l = mem_alloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    if (uv_poll_init(&app->loop, &l->poll, job.fd) != 0) {
        mem_free(l);
        return ERR_OVERLOADED;
    }
    l->poll.data = l;
    l->app = app;
    l->infer = infer;
    l->job = job;
    l->cancel = cancel;
    job.fd = cancel.fd = -1;
    lane_doubt(l);
    l->crowd = CROWD_UNKNOWN;
    list_init(&l->pending);
    l->jobs = WIRE_PACK_NONE;
    for (size_t n = 0; n < SLOTS_MAX; n++)
        slot_init(&l->slots[n]);
    l->model = m;
    if (watch(l) != OK) {
        uv_close((uv_handle_t *)&l->poll, free_lane);
        return ERR_OVERLOADED;
    }
    l->meta_ms = clock_mono_ms() + META_MS;
    l->next = app->lanes;
    app->lanes = l;
    app_need_tick(app);
    *ret = l;
    return OK;
}

struct lane *lane_by_infer(struct app *app, uint32_t infer)
{
    struct lane *l = app->lanes;
    while (l != NULL && l->infer != infer)
        l = l->next;
    return l;
}

/* ── slots ── */

/* Every job wakes somebody, and so does its report and its answer. With many short ones under way one wake-up serves
   many. Of long ones no more are handed over than keep the workers busy: the others can be given to another process if
   this one dies. And other models need seats. */
static unsigned width(const struct lane *l)
{
    return l->run_us < RUN_SHORT_US && l->app->seated < CALLS_MAX / 2 ? l->max_slots : l->n_slots;
}

static bool has_slot(const struct lane *l)
{
    return l->model != NULL && l->model->state == MODEL_READY && l->running < width(l) && l->signing < SIGNING_MAX;
}

void lane_note_run(struct lane *l, uint32_t us)
{
    l->run_us = (l->run_us * 7 + us) / 8;
    l->crowd = (l->crowd * 7 + l->running * 8) / 8;
    (void)watch(l); /* else it stays as it is, which is right, too */
}

void lane_doubt(struct lane *l)
{
    l->run_us = RUN_UNKNOWN_US;
}

bool lane_has_room(const struct lane *l)
{
    return has_slot(l) && !l->leaving;
}

/* The next call that may begin. */
static struct call *take_next(struct lane *l)
{
    if (!has_slot(l) || (l->leaving && l->owed == 0))
        return NULL;
    l->owed -= l->leaving;
    return models_next(l->model);
}

static bool is_through(const struct lane *l)
{
    return l->leaving && l->running == 0 && l->signing == 0 && (l->owed == 0 || list_empty(&l->model->queue));
}

/* A call that fails here gives its slot back and settles again: that is left to the loop. */
void lane_settle(struct lane *l)
{
    if (l->settling)
        return;
    l->settling = true;
    for (struct call *c = take_next(l); c != NULL; c = take_next(l))
        call_start(c, l);
    l->settling = false;
    if (l->model != NULL && is_through(l))
        release(l);
}

/* A job's message at its longest: descriptors as in the signature, but with all dimensions, and a length for each. */
static size_t job_bytes(const struct signature *s)
{
    size_t bytes = s->encoded.len;
    for (size_t i = 0; i < s->input_count; i++)
        bytes += sizeof(uint64_t) * (s->inputs[i].rank == RANK_UNKNOWN ? 1U + DESC_MAX_RANK : 1U);
    return bytes + sizeof(struct wire_head) + sizeof(struct msg_job);
}

/* ── messages ── */

static err_t on_meta(struct lane *l, struct wire_msg *m)
{
    struct model *model = l->model;
    if (model->state != MODEL_INTRODUCED || signature_parse(m->tail, &model->signature) != OK)
        return ERR_PROTOCOL;
    model->state = MODEL_READY;
    model->ready_ms = clock_mono_ms();
    l->max_slots = (unsigned)MIN(SLOTS_MAX, MAX(JOBS_BYTES / job_bytes(&model->signature), 1));
    l->n_slots = MIN(2 * l->app->workers, l->max_slots);
    return OK;
}

static err_t on_message(struct lane *l, struct wire_msg *m)
{
    err_t e = m->type == MSG_META ? on_meta(l, m) : call_result(l, m);
    wire_msg_done(m);
    return e;
}

/* Takes what is there, as long as there is something to come. The lane may have ended then. */
static void hear(struct lane *l, bool ended)
{
    unsigned type = MSG_NONE_;
    err_t e = OK;
    do {
        struct wire_msg m = WIRE_MSG_NONE;
        e = wire_recv(&l->job, &l->app->inbox, false, &m);
        type = m.type;
        if (e == OK)
            e = on_message(l, &m);
        if (e == OK)
            lane_settle(l);
    } while (e == OK && l->model != NULL && (l->running > 0 || wire_more(&l->app->inbox)));
    wire_inbox_drop(&l->app->inbox); /* of a lane that has ended */
    bool refused = e != OK && e != ERR_CLOSED && e != ERR_WOULD_BLOCK;
    if (l->model == NULL || (!refused && !ended && e != ERR_CLOSED))
        return;
    if (refused)
        log_event(LOG_PEER_REFUSED, ROLE_INFER, type, e);
    lane_fail(l, refused ? e : ERR_MODEL_DIED);
}

/* A process that died with jobs unread shows as an error of the socket; what it said before still counts. */
static void on_readable(uv_poll_t *poll, int status, int events UNUSED)
{
    struct lane *l = poll->data;
    if (l->model != NULL)
        hear(l, status != 0);
}

void lanes_hear(struct app *app)
{
    for (struct lane *l = app->lanes, *next = NULL; l != NULL; l = next) {
        next = l->next;
        if (l->model != NULL && l->running > 0)
            hear(l, false);
    }
}

bool lanes_tick(struct app *app, uint64_t now_ms)
{
    bool expected = false;
    for (struct lane *l = app->lanes, *next = NULL; l != NULL; l = next) {
        next = l->next;
        watch_idle(l);
        if (l->model == NULL || l->model->state != MODEL_INTRODUCED)
            continue;
        if (now_ms >= l->meta_ms)
            lane_fail(l, ERR_TIMEOUT);
        else
            expected = true;
    }
    return expected;
}
