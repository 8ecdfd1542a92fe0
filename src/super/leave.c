/* How a model goes: asked to, or killed, or by itself. */
#include "super/state.h"

#include "base/clock.h"
#include "base/log.h"

#define EVICT_MS 2000U

/* Long enough for all that may be waiting for it, each run taking all the time that it may. */
static uint64_t longest_farewell(const struct conf *c)
{
    return (uint64_t)c->run_ms * (2 + c->queue_model / MAX(c->workers, 1U)) + EVICT_MS;
}

void leave_evict(struct super *s, struct infer *i)
{
    struct msg_front_infer evict = {.infer = i->number};
    if (i->state != INFER_READY || i->releasing)
        return;
    i->releasing = true;
    loads_deadline(s, i, longest_farewell(s->conf));
    s->evictions++;
    log_event(LOG_MODEL_EVICTED, i->number, (int64_t)i->file_bytes);
    if (s->front.child != NULL && i->front_generation == s->generation)
        child_tell(s->front.child, MSG_FRONT_EVICT, &evict, view_of(NULL, 0), NULL, 0);
    else
        leave_kill(s, i, OK);
}

void leave_front_gone(struct super *s)
{
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        if (s->infers.rows[n].number != 0 && s->infers.rows[n].releasing)
            leave_kill(s, &s->infers.rows[n], OK);
}

void leave_kill(struct super *s, struct infer *i, err_t reason)
{
    if (i->state == INFER_LEAVING)
        return;
    i->reason = reason;
    i->was = i->state;
    i->state = INFER_LEAVING;
    i->deadline_ms = 0;
    if (reason != OK)
        s->kills++;
    child_kill(i->child, reason);
}

/* What lies in the model or its blocks stands for a while; what was wrong with this node may be right in a moment. */
static bool is_of_the_model(err_t reason)
{
    static const err_t ours[] = {ERR_SOURCE_DEAD, ERR_OVERLOADED, ERR_NOMEM,    ERR_INTERNAL,          ERR_IO,
                                 ERR_CLOSED,      ERR_PROTOCOL,   ERR_TIMEOUT,  ERR_MODEL_OVER_BUDGET, ERR_NOT_PERMITTED};
    for (size_t n = 0; n < COUNT_OF(ours); n++)
        if (reason == ours[n])
            return false;
    return true;
}

static void tell(struct super *s, const struct infer *i, err_t reason, bool stands)
{
    const struct ask ask = {i->front_request, i->front_generation, i->admin_request, false, false};
    log_event(LOG_MODEL_FAILED, i->number, reason);
    s->load_failures++;
    infers_failed(&s->infers, &i->model, reason, i->why, stands, clock_mono_ms());
    front_answer_failed(s, &ask, reason, i->why, 0);
    if (ask.admin_request != 0)
        admin_answer(s, ask.admin_request, reason, i->why);
    if (i->preload)
        preload_answer(s, reason);
}

void leave_tell(struct super *s, const struct infer *i, err_t reason)
{
    tell(s, i, reason, is_of_the_model(reason));
}

/* Without a reason it is the process's own death, which says nothing of a model of which it has read no byte. */
static void tell_of_death(struct super *s, const struct infer *i, enum infer_state was)
{
    if (i->reason != OK)
        leave_tell(s, i, i->reason);
    else
        tell(s, i, ERR_MODEL_DIED, was == INFER_LOADING);
}

void leave_ended(void *self, int status UNUSED, int signal UNUSED)
{
    const unsigned loading = INFER_SIZING | INFER_PULLING | INFER_LOADING;
    struct infer *i = self;
    struct super *s = i->super;
    enum infer_state was = i->state == INFER_LEAVING ? i->was : i->state;
    bool at_fault = i->state != INFER_LEAVING || i->reason != OK;
    bool form_failed = was == INFER_LOADING && i->prepared.fd >= 0;
    bool warm_up_failed = was == INFER_READY && i->warming && at_fault && !i->releasing;
    struct msg_keeper_infer_gone gone = {.infer = i->number};
    if (s->phase == SUPER_STOPPED) {
        infers_drop(&s->infers, i);
        return;
    }
    i->state = INFER_LEAVING;
    if (i->known_to_keeper)
        child_tell(s->keeper, MSG_KEEPER_INFER_GONE, &gone, view_of(NULL, 0), NULL, 0);
    if (i->file_fd >= 0)
        files_keep(&s->infers, i, clock_mono_ms());
    if (form_failed || (was == INFER_PREPARING && at_fault))
        prepare_refuse(s, i);
    else
        files_take_prepared(&s->infers, i);
    i->cold |= warm_up_failed;
    if (form_failed || warm_up_failed)
        loads_again(s, i);
    else if ((was & loading) != 0)
        tell_of_death(s, i, was);
    else if (i->admin_request != 0)
        admin_answer(s, i->admin_request, OK, "");
    infers_drop(&s->infers, i);
    if (was == INFER_STARTING)
        idle_failed(s);
    loads_settle(s);
}
