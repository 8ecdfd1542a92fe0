/* The table of models that somebody has asked for, and their queues. */
#include "front/app.h"

#include <string.h>

static bool same_model(const struct wire_model *a, const struct wire_model *b)
{
    return view_equal(view_of(a->cid, a->cid_len), view_of(b->cid, b->cid_len)) &&
           view_equal(view_of(a->path, a->path_len), view_of(b->path, b->path_len));
}

/* The model's row, or a free one. */
static struct model *find_row(struct app *app, const struct wire_model *id)
{
    struct model *free = NULL;
    for (size_t n = 0; n < MODELS_MAX; n++) {
        struct model *m = &app->models[n];
        if (m->state == MODEL_FREE)
            free = free == NULL ? m : free;
        else if (same_model(&m->id, id))
            return m;
    }
    return free;
}

static struct model *by_request(struct app *app, uint32_t request)
{
    for (size_t n = 0; n < MODELS_MAX; n++)
        if (app->models[n].state == MODEL_LOADING && app->models[n].request == request)
            return &app->models[n];
    return NULL;
}

static void ask(struct model *m)
{
    struct msg_front_load load = {.request = ++m->app->last_request, .model = m->id};
    if (load.request == 0)
        load.request = m->app->last_request = 1;
    m->request = load.request;
    m->state = MODEL_LOADING;
    app_tell(m->app, MSG_FRONT_LOAD, &load);
}

static void forget(struct model *m)
{
    signature_done(&m->signature);
    *m = (struct model){0};
}

static void push(struct model *m, struct call *c)
{
    c->model = m;
    c->next = NULL;
    c->state = CALL_WAITING;
    if (m->last != NULL)
        m->last->next = c;
    else
        m->first = c;
    m->last = c;
    m->waiting++;
    m->app->waiting++;
}

static struct call *pop(struct model *m)
{
    struct call *c = m->first;
    if (c != NULL)
        models_leave(c);
    return c;
}

void models_leave(struct call *call)
{
    struct model *m = call->model;
    struct call *before = NULL;
    for (struct call **at = &m->first; *at != NULL; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            m->last = m->last == call ? before : m->last;
            m->waiting--;
            m->app->waiting--;
            break;
        }
        before = *at;
    }
    call->model = NULL;
    call->next = NULL;
}

err_t models_join(struct app *app, const struct wire_model *id, struct call *call)
{
    struct model *m = find_row(app, id);
    if (m == NULL)
        return ERR_OVERLOADED;
    if (app->waiting >= app->conf->queue_all || m->waiting >= app->conf->queue_model)
        return ERR_QUEUE_FULL;
    if (m->state == MODEL_FREE) {
        *m = (struct model){.app = app, .id = *id};
        push(m, call);
        ask(m);
        return OK;
    }
    push(m, call);
    if (m->state == MODEL_READY)
        models_advance(m);
    return OK;
}

void models_advance(struct model *m)
{
    while (m->state == MODEL_READY && m->first != NULL && !m->lane->leaving && lane_slot(m->app, m->lane) >= 0)
        call_start(pop(m), m->lane);
}

/* What was handed to the process is lost; what waits may wait for the next one, but only once. */
void models_lost(struct model *m)
{
    struct call *keep = m->first;
    m->lane = NULL;
    signature_done(&m->signature);
    while (keep != NULL) {
        struct call *c = keep;
        keep = c->next;
        if (c->retried) {
            models_leave(c);
            call_fail(c, ERR_MODEL_DIED, NULL, 1);
        }
        c->retried = true;
    }
    if (m->first != NULL)
        ask(m);
    else
        forget(m);
}

static void fail_waiting(struct model *m, err_t e, const struct why *why, uint32_t retry_s)
{
    while (m->first != NULL)
        call_fail(pop(m), e, why, retry_s);
    forget(m);
}

err_t models_loaded(struct app *app, struct wire_msg *msg)
{
    const struct msg_front_model *loaded = msg->fixed;
    struct model *m = by_request(app, loaded->request);
    if (m == NULL)
        return ERR_PROTOCOL;
    memcpy(m->sha256, loaded->model_sha256, sizeof(m->sha256));
    m->state = MODEL_INTRODUCED;
    if (lane_open(app, m, loaded->infer, &msg->fds[0], &msg->fds[1], &m->lane) != OK)
        fail_waiting(m, ERR_OVERLOADED, NULL, 1);
    return OK;
}

/* The supervisor passes the sentence on unread; only printable ASCII goes further. */
static void take_why(struct view tail, struct why *why)
{
    size_t n = 0;
    for (size_t i = 0; i < tail.len && n + 1 < sizeof(why->text); i++)
        if (tail.data[i] >= 0x20 && tail.data[i] <= 0x7e)
            why->text[n++] = (char)tail.data[i];
    why->text[n] = '\0';
}

err_t models_failed(struct app *app, struct wire_msg *msg)
{
    const struct msg_front_failed *failed = msg->fixed;
    struct model *m = by_request(app, failed->request);
    struct why why = {0};
    err_t e = err_from_wire(failed->reason);
    if (m == NULL)
        return ERR_PROTOCOL;
    take_why(msg->tail, &why);
    if (e == OK)
        e = ERR_INTERNAL;
    fail_waiting(m, e, why.text[0] != '\0' ? &why : NULL, (failed->retry_ms + 999) / 1000);
    return OK;
}
