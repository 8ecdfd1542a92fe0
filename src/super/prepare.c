/* Prepared forms: made in the background by a process for that one model, from its kept file. */
#include "super/state.h"

#include "base/fd.h"
#include "base/log.h"
#include "wire/model.h"

#include <limits.h>
#include <sys/resource.h>

#define WORTH_US  50000U /* of processor time: a model that loads with less needs none */
#define START_MS  30000U /* who stands behind others may get a hundredth of a core */
#define KILL_MS   1000U /* it ends by itself before that */
#define LEAST_CPU 19 /* nice(2) */

void prepare_want(struct super *s, const struct infer *i)
{
    bool slow = s->conf->prepared == PREPARED_AUTO && i->cpu_us >= WORTH_US;
    if (i->prepared.fd < 0 && (slow || s->conf->prepared == PREPARED_ALWAYS))
        files_want(&s->infers, &i->model);
}

static struct infer *preparing(struct super *s)
{
    return infers_in_state(&s->infers, INFER_PREPARING);
}

/* Who asks for a model has precedence, also over what he has not asked for yet: an idle process is there. */
static bool is_quiet(struct super *s)
{
    const unsigned loading = INFER_SIZING | INFER_PULLING | INFER_LOADING;
    unsigned all = infers_count(&s->infers, UINT_MAX);
    return s->phase == SUPER_SERVING && s->n_pending == 0 && infers_count(&s->infers, loading) == 0 &&
           infers_count(&s->infers, INFER_IDLE) > 0 && preparing(s) == NULL && all < LIVE_INFERS_MAX - 1;
}

/* Its threads inherit the priority that the process has before it makes them. */
static err_t start(struct super *s, struct infer *i)
{
    if (!memory_reserve_preparer(s, i))
        return ERR_OVERLOADED;
    TRY(idle_process(s, i, true));
    (void)setpriority(PRIO_PROCESS, (id_t)i->child->pid, LEAST_CPU);
    loads_deadline(s, i, START_MS);
    return OK;
}

void prepare_settle(struct super *s)
{
    struct kept *k = files_wanted(&s->infers);
    if (k == NULL || !is_quiet(s))
        return;
    struct infer *i = infers_new(&s->infers);
    k->wish = PREPARE_NOT;
    i->state = INFER_PREPARING;
    i->model = k->model;
    i->file_bytes = k->bytes;
    i->prepared.bytes = PREPARED_MAX(k->bytes);
    if (start(s, i) != OK)
        infers_drop(&s->infers, i);
}

void prepare_begin(struct super *s, struct infer *i)
{
    const struct kept *k = files_find(&s->infers, &i->model);
    const struct msg_infer_prepare prepare = {.ms = (uint32_t)MIN(loads_time(s, i->file_bytes), UINT32_MAX)};
    loads_deadline(s, i, (uint64_t)prepare.ms + KILL_MS);
    if (k == NULL || memory_limit_preparer(s, i) != OK)
        leave_kill(s, i, OK);
    else
        child_tell(i->child, MSG_INFER_PREPARE, &prepare, view_of(NULL, 0), &k->fd, 1);
}

/* Counted from here on is what it really takes. */
void prepare_done(struct super *s, struct infer *i, int *fd, uint64_t bytes, uint32_t us)
{
    log_event(LOG_MODEL_PREPARED, i->number, (int64_t)bytes, us);
    i->prepared = (struct prepared){.fd = TAKE_FD(*fd), .bytes = bytes};
    files_take_prepared(&s->infers, i);
    leave_kill(s, i, OK);
}

void prepare_refuse(struct super *s, const struct infer *i)
{
    files_refuse(&s->infers, &i->model);
    log_event(LOG_MODEL_NOT_PREPARED, i->number, i->reason != OK ? i->reason : ERR_MODEL_DIED);
}

void prepare_stop(struct super *s, const struct wire_model *m)
{
    struct infer *i = preparing(s);
    if (i != NULL && (m == NULL || wire_model_equal(&i->model, m)))
        leave_kill(s, i, OK);
}
