/* The table of models that somebody has asked for, and their queues. */
#include "front/app.h"

#include "base/clock.h"
#include "wire/model.h"

#include <string.h>

#define RETRY_MAX_S 30U

/* ── rows ── */

static struct model *find(struct app *app, const struct wire_model *id)
{
    for (unsigned n = 0; n < app->n_models; n++)
        if (app->models[n].state != MODEL_FREE && wire_model_equal(&app->models[n].id, id))
            return &app->models[n];
    return NULL;
}

const struct model *models_find(struct app *app, const struct wire_model *id)
{
    return find(app, id);
}

/* A new row, which nobody has asked the supervisor for yet; NULL when the table is full. */
static struct model *open_row(struct app *app, const struct wire_model *id)
{
    unsigned n = 0;
    while (n < MODELS_MAX && app->models[n].state != MODEL_FREE)
        n++;
    if (n == MODELS_MAX)
        return NULL;
    struct model *m = &app->models[n];
    *m = (struct model){.app = app, .id = *id};
    list_init(&m->queue);
    app->n_models = MAX(app->n_models, n + 1);
    return m;
}

static void forget(struct model *m)
{
    struct app *app = m->app;
    signature_done(&m->signature);
    *m = (struct model){0};
    while (app->n_models > 0 && app->models[app->n_models - 1].state == MODEL_FREE)
        app->n_models--;
}

static struct model *by_request(struct app *app, uint32_t request)
{
    for (unsigned n = 0; n < app->n_models; n++)
        if (app->models[n].state == MODEL_LOADING && app->models[n].request == request)
            return &app->models[n];
    return NULL;
}

static void ask(struct model *m)
{
    struct app *app = m->app;
    struct msg_front_load load = {.model = m->id};
    app->last_request += app->last_request == UINT32_MAX ? 2 : 1; /* 0 is none */
    load.request = app->last_request;
    m->request = load.request;
    m->asked_ms = clock_mono_ms();
    m->state = MODEL_LOADING;
    app->loads++;
    app_tell(app, MSG_FRONT_LOAD, &load);
}

err_t models_unload(struct app *app, const struct wire_model *id)
{
    const struct msg_front_load unload = {.model = *id};
    const struct model *m = find(app, id);
    if (m == NULL || m->state != MODEL_READY)
        return ERR_MODEL_NOT_FOUND;
    app_tell(app, MSG_FRONT_UNLOAD, &unload);
    return OK;
}

/* ── queues ── */

/* In front of what stands at `at`; the queue itself stands behind the last call and in front of the first. */
static void enter(struct model *m, struct list *at, struct call *c)
{
    list_move(at, &c->link);
    c->model = m;
    if (c->queued_ms == 0)
        c->queued_ms = clock_mono_ms();
    m->waiting++;
    m->app->waiting++;
    if (c->until_ns != UINT64_MAX)
        app_need_tick(m->app);
}

static unsigned level_at(struct list *at)
{
    return LIST_OF(at, struct call, link)->level;
}

/* Behind all of its level. */
static void enter_last(struct model *m, struct call *c)
{
    struct list *at = &m->queue;
    while (at->prev != &m->queue && level_at(at->prev) > c->level)
        at = at->prev;
    enter(m, at, c);
}

void models_requeue(struct model *m, struct call *c)
{
    struct list *at = m->queue.next;
    while (at != &m->queue && level_at(at) < c->level)
        at = at->next;
    enter(m, at, c);
}

void models_leave(struct call *c)
{
    struct model *m = TAKE_PTR(c->model);
    list_remove(&c->link);
    m->waiting--;
    m->app->waiting--;
}

struct call *models_next(struct model *m)
{
    if (list_empty(&m->queue))
        return NULL;
    struct call *c = LIST_OF(m->queue.next, struct call, link);
    models_leave(c);
    return c;
}

/* How long the queue is in time, as far as one can tell: by what jobs take. */
static uint64_t queue_ms(const struct model *m)
{
    const struct lane *l = m->lane;
    return l != NULL ? m->waiting * l->mean_us / MAX(l->n_slots, 1) / 1000 : 0;
}

/* The same for a client, or what loading has taken so far. */
static uint32_t queue_s(const struct model *m)
{
    uint64_t ms = m->lane != NULL ? queue_ms(m) : clock_mono_ms() - m->asked_ms;
    return (uint32_t)MIN(MAX((ms + 999) / 1000, 1U), RETRY_MAX_S);
}

/* Its number is full, or its turn would come too late; or that of all is, which is no reason to keep the first one of a model waiting
   outside: a few slow models would take the whole node. */
static bool is_full(const struct model *m)
{
    const struct conf *conf = m->app->conf;
    bool all = m->waiting > 0 && m->app->waiting >= conf->queue_all;
    return all || m->waiting >= conf->queue_model || queue_ms(m) > conf->run_ms;
}

/* Answers those that were taken out of a queue. */
static void fail_all(struct list *doomed, err_t e, const struct why *why, uint32_t retry_s)
{
    while (!list_empty(doomed)) {
        struct call *c = LIST_OF(doomed->next, struct call, link);
        list_remove(&c->link);
        call_fail(c, e, why, retry_s);
    }
}

/* The model is forgotten before anybody hears of it, so that whoever asks again asks anew. */
static void give_up(struct model *m, err_t e, const struct why *why, uint32_t retry_s)
{
    struct list doomed;
    list_init(&doomed);
    for (struct call *c = models_next(m); c != NULL; c = models_next(m))
        list_move(&doomed, &c->link);
    forget(m);
    fail_all(&doomed, e, why, retry_s);
}

/* ── calls come ── */

static err_t join_known(struct model *m, struct call *c, struct why *why, uint32_t *ret_retry_s)
{
    if (is_full(m)) {
        *ret_retry_s = queue_s(m);
        return ERR_QUEUE_FULL;
    }
    if (m->state == MODEL_READY && c->tensors == NULL)
        TRY(call_convert(c, &m->signature, why));
    enter_last(m, c);
    return OK;
}

static err_t join_new(struct app *app, const struct wire_model *id, struct call *c)
{
    struct model *m = app->loads < LOADS_MAX ? open_row(app, id) : NULL;
    if (m == NULL)
        return ERR_OVERLOADED;
    enter(m, &m->queue, c);
    ask(m);
    return OK;
}

void models_join(struct app *app, const struct wire_model *id, struct call *c)
{
    struct model *m = find(app, id);
    struct why why = {0};
    uint32_t retry_s = 1;
    if (m != NULL && m->state == MODEL_READY && c->form->tell != NULL) {
        call_tell(c, m);
        return;
    }
    if (m != NULL && list_empty(&m->queue) && m->lane != NULL && lane_has_room(m->lane)) {
        call_start(c, m->lane);
        return;
    }
    err_t e = m != NULL ? join_known(m, c, &why, &retry_s) : join_new(app, id, c);
    if (e != OK)
        call_fail(c, e, &why, retry_s);
}

/* QUEUE_TIMEOUT when a call has waited for too long; `why` tells when that is what it said itself. */
static err_t check_wait(const struct model *m, const struct call *c, uint64_t now_ms, struct why *why)
{
    if (now_ms * 1000000 >= c->until_ns)
        return call_too_late(why);
    bool counts = m->state == MODEL_READY;
    return counts && now_ms >= MAX(c->queued_ms, m->ready_ms) + m->app->conf->run_ms ? ERR_QUEUE_TIMEOUT : OK;
}

/* The first one that has; whoever is answered may change the queue. */
static bool expire_one(struct model *m, uint64_t now_ms)
{
    struct why why = {0};
    for (struct list *at = m->queue.next; m->waiting > 0 && at != &m->queue; at = at->next) {
        struct call *c = LIST_OF(at, struct call, link);
        err_t e = check_wait(m, c, now_ms, &why);
        if (e == OK)
            continue;
        models_leave(c);
        call_fail(c, e, &why, queue_s(m));
        return true;
    }
    return false;
}

void models_tick(struct app *app, uint64_t now_ms)
{
    for (unsigned n = 0; app->waiting > 0 && n < app->n_models; n++)
        while (expire_one(&app->models[n], now_ms))
            ;
}

/* ── lanes come and go ── */

void models_lost(struct model *m, err_t reason)
{
    struct list doomed;
    list_init(&doomed);
    m->lane = NULL;
    signature_done(&m->signature);
    for (struct list *at = m->queue.next, *next = at->next; at != &m->queue; at = next, next = at->next) {
        struct call *c = LIST_OF(at, struct call, link);
        if (c->retried) {
            models_leave(c);
            list_move(&doomed, &c->link);
        }
        c->retried = true;
    }
    if (list_empty(&m->queue) || m->app->loads >= LOADS_MAX)
        give_up(m, reason, NULL, 1);
    else
        ask(m);
    fail_all(&doomed, reason, NULL, 1);
}

static struct model *answered(struct app *app, uint32_t request)
{
    struct model *m = by_request(app, request);
    if (m != NULL)
        app->loads--;
    return m;
}

err_t models_loaded(struct app *app, struct wire_msg *msg)
{
    const struct msg_front_model *loaded = msg->fixed;
    struct model *m = answered(app, loaded->request);
    if (m == NULL)
        return ERR_PROTOCOL;
    memcpy(m->sha256, loaded->model_sha256, sizeof(m->sha256));
    m->state = MODEL_INTRODUCED;
    if (lane_open(app, m, loaded->infer, &msg->fds[0], &msg->fds[1], &m->lane) != OK)
        give_up(m, ERR_OVERLOADED, NULL, 1);
    return OK;
}

err_t models_failed(struct app *app, struct wire_msg *msg)
{
    const struct msg_front_failed *failed = msg->fixed;
    struct model *m = answered(app, failed->request);
    struct why why = {0};
    err_t e = err_from_wire(failed->reason);
    if (m == NULL)
        return ERR_PROTOCOL;
    why_take(&why, msg->tail);
    give_up(m, e != OK ? e : ERR_INTERNAL, &why, (uint32_t)(((uint64_t)failed->retry_ms + 999) / 1000));
    return OK;
}
