/* From "this model is wanted" to "this process serves it": the life of an infer process as the supervisor sees it. */
#include "super/state.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "super/dial.h"
#include "super/infer_peer.h"
#include "wire/model.h"

#include <string.h>
#include <sys/random.h>

#define TICK_MS  100U
#define RETRY_MS 1000U
#define DIAL_MS  2000U
#define KILL_MS  1000U /* a run that is to stop does so before that */

/* ── asking ── */

static void answer_failed(struct super *s, const struct ask *ask, err_t reason, const char *why, uint32_t retry_ms)
{
    front_answer_failed(s, ask, reason, why, retry_ms);
    if (ask->admin_request != 0)
        admin_answer(s, ask->admin_request, reason, why);
    if (ask->preload)
        preload_answer(s, reason);
}

/* Another one waits for the same load. There is one front at a time; of administrators the first is answered. */
static void add_ask(struct super *s, struct ask *to, const struct ask *ask)
{
    if (ask->front_request != 0) {
        to->front_request = ask->front_request;
        to->front_generation = ask->front_generation;
    }
    if (ask->admin_request != 0 && to->admin_request != 0)
        admin_answer(s, ask->admin_request, ERR_OVERLOADED, "another request for this model is under way");
    else if (ask->admin_request != 0)
        to->admin_request = ask->admin_request;
    to->preload = to->preload || ask->preload;
    to->cold = to->cold || ask->cold;
}

static struct ask ask_of(const struct infer *i)
{
    return (struct ask){i->front_request, i->front_generation, i->admin_request, i->preload, i->cold};
}

static void set_ask(struct infer *i, const struct ask *ask)
{
    i->front_request = ask->front_request;
    i->front_generation = ask->front_generation;
    i->admin_request = ask->admin_request;
    i->preload = ask->preload;
    i->cold = ask->cold;
}

static void answer_ready(struct super *s, struct infer *i, const struct ask *ask)
{
    front_answer_model(s, ask, i);
    if (ask->admin_request != 0)
        admin_answer(s, ask->admin_request, OK, "");
    if (ask->preload)
        preload_answer(s, OK);
}

/* The model is there or on its way. */
static void join(struct super *s, struct infer *i, const struct ask *ask)
{
    struct ask all = ask_of(i);
    if (i->state == INFER_READY) {
        answer_ready(s, i, ask);
        return;
    }
    add_ask(s, &all, ask);
    set_ask(i, &all);
}

static struct pending *find_pending(struct super *s, const struct wire_model *m)
{
    for (unsigned n = 0; n < s->n_pending; n++)
        if (wire_model_equal(&s->pending[n].model, m))
            return &s->pending[n];
    return NULL;
}

void loads_ask(struct super *s, const struct wire_model *m, const struct ask *ask)
{
    uint64_t now = clock_mono_ms();
    const struct failure *f = infers_failure(&s->infers, m, now);
    struct infer *i = infers_by_model(&s->infers, m);
    struct pending *p = find_pending(s, m);
    if (!conf_allows(s->conf, m)) {
        answer_failed(s, ask, ERR_MODEL_NOT_ALLOWED, "", 0);
    } else if (i != NULL) {
        join(s, i, ask);
    } else if (f != NULL) {
        answer_failed(s, ask, f->reason, f->why, (uint32_t)(f->until_ms - now));
    } else if (p != NULL) {
        add_ask(s, &p->ask, ask);
    } else if (s->n_pending == PENDING_MAX) {
        answer_failed(s, ask, ERR_OVERLOADED, "", RETRY_MS);
    } else {
        s->pending[s->n_pending++] = (struct pending){.model = *m, .ask = *ask, .asked_ms = now};
        loads_need_tick(s);
        loads_settle(s);
    }
}

/* ── time ── */

static struct pending take_pending(struct super *s)
{
    struct pending first = s->pending[0];
    memmove(&s->pending[0], &s->pending[1], --s->n_pending * sizeof(s->pending[0]));
    return first;
}

/* Who waits for memory has not been given its time yet: the node is at its limit. */
static err_t overdue(const struct infer *i)
{
    if (i->warming && !i->releasing)
        return ERR_RUN_TIMEOUT;
    if ((i->state & (INFER_STARTING | INFER_READY | INFER_PREPARING)) != 0)
        return ERR_TIMEOUT;
    return i->state == INFER_SIZING && i->file_bytes > 0 ? ERR_OVERLOADED : ERR_MODEL_LOAD_TIMEOUT;
}

static void on_tick(uv_timer_t *timer)
{
    struct super *s = timer->data;
    uint64_t now = clock_mono_ms();
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++) {
        struct infer *i = &s->infers.rows[n];
        if (i->number != 0 && i->deadline_ms != 0 && now >= i->deadline_ms)
            leave_kill(s, i, overdue(i));
    }
    while (s->n_pending > 0 && now >= s->pending[0].asked_ms + s->conf->load_ms) {
        struct pending late = take_pending(s);
        answer_failed(s, &late.ask, ERR_OVERLOADED, "", RETRY_MS);
    }
    loads_settle(s);
    if (s->n_pending == 0 && s->idle_pause_ms == 0 && !infers_timed(&s->infers))
        (void)uv_timer_stop(timer);
}

void loads_need_tick(struct super *s)
{
    if (!uv_is_active((uv_handle_t *)&s->tick)) {
        s->tick.data = s;
        (void)uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
    }
}

void loads_deadline(struct super *s, struct infer *i, uint64_t ms)
{
    i->deadline_ms = clock_mono_ms() + ms;
    loads_need_tick(s);
}

/* ── assigning ── */

/* The keeper knows it from now on, but takes no report before it is told what was sealed. */
static err_t introduce(struct super *s, struct infer *i)
{
    AUTO(wire_end_close) struct wire_end keeper_end = {.fd = -1};
    AUTO(wire_end_close) struct wire_end report_end = {.fd = -1};
    struct msg_keeper_infer known = {.infer = i->number, .asked = i->model};
    TRY(wire_pair(CHAN_REPORT, &keeper_end, &report_end));
    if (getrandom(i->epoch, sizeof(i->epoch), 0) != (ssize_t)sizeof(i->epoch))
        return ERR_INTERNAL;
    memcpy(known.epoch, i->epoch, sizeof(known.epoch));
    child_tell(s->keeper, MSG_KEEPER_INFER, &known, view_of(NULL, 0), &keeper_end.fd, 1);
    i->known_to_keeper = true;
    i->report_fd = TAKE_FD(report_end.fd);
    return OK;
}

static size_t domain_list(const struct conf *c, char *ret_text, size_t size)
{
    size_t len = 0;
    for (uint32_t i = 0; i < c->n_domains; i++) {
        size_t n = strlen(c->domains[i]) + 1;
        if (len + n > size)
            break;
        memcpy(ret_text + len, c->domains[i], n);
        len += n;
    }
    return len;
}

/* INFER_ASSIGN with its block channel, INFER_RELOAD with its file or the prepared form of it. */
static void tell_assignment(struct super *s, struct infer *i, enum wire_type type, int fd)
{
    char domains[CONF_DOMAIN_MAX * 64];
    struct msg_infer_assign a = {
        .infer = i->number,
        .workers = s->conf->workers,
        .max_file_bytes = s->conf->model_file_max,
        .max_output_bytes = s->conf->output_max,
        .granted_bytes = i->data_limit,
        .load_ms = s->conf->load_ms,
        .run_ms = s->conf->run_ms,
        .prepared = i->prepared.fd >= 0,
        .model = i->model,
    };
    memcpy(a.epoch, i->epoch, sizeof(a.epoch));
    size_t n = domain_list(s->conf, domains, sizeof(domains));
    child_tell(i->child, type, &a, view_of(domains, n), (const int[]){fd, i->report_fd}, 2);
    fd_close(&i->report_fd);
}

/* The process is still idle when the other machine does not answer, and the model may be asked for again. */
static void on_dialled(void *self, uint32_t number, err_t e, int *fd)
{
    struct super *s = self;
    struct infer *i = infers_by_number(&s->infers, number);
    if (s->phase == SUPER_STOPPED || i == NULL || i->state != INFER_SIZING || i->block_fd >= 0)
        return;
    if (e != OK || fd_set_nonblocking(*fd, false) != OK) {
        loads_returned(s, i, ERR_SOURCE_DEAD);
        return;
    }
    i->block_fd = TAKE_FD(*fd);
    tell_assignment(s, i, MSG_INFER_ASSIGN, i->block_fd);
}

/* The fetcher has one end of the blocks, the process the other, and we a duplicate to shut it down with. */
static err_t pull(struct super *s, struct infer *i)
{
    AUTO_FD int fetch_fd = -1;
    struct msg_fetch_serve serve = {.infer = i->number};
    if (s->conf->blocks_from.family != 0)
        return dial_start(&s->loop, &s->conf->blocks_from, DIAL_MS, (struct dialer){s, i->number, on_dialled});
    if (s->fetch.child == NULL)
        return ERR_SOURCE_DEAD;
    TRY(wire_stream(&i->block_fd, &fetch_fd));
    child_tell(s->fetch.child, MSG_FETCH_SERVE, &serve, view_of(NULL, 0), &fetch_fd, 1);
    tell_assignment(s, i, MSG_INFER_ASSIGN, i->block_fd);
    return OK;
}

static void assign(struct super *s, struct infer *i, const struct pending *p)
{
    infers_renumber(&s->infers, i);
    i->model = p->model;
    i->state = INFER_SIZING;
    i->asked_ms = p->asked_ms;
    i->assigned_ms = clock_mono_ms();
    set_ask(i, &p->ask);
    cores_begin(i);
    bool kept = files_take(&s->infers, i);
    log_event(LOG_MODEL_LOADING, i->number, i->front_request, (int64_t)(kept ? i->file_bytes : 0));
    loads_deadline(s, i, s->conf->load_ms);
    err_t e = introduce(s, i);
    if (e == OK && !kept && pull(s, i) != OK)
        loads_returned(s, i, ERR_SOURCE_DEAD);
    if (e != OK)
        leave_kill(s, i, e);
}

/* Without the fetcher only what is kept can be loaded; it comes back soon. */
static struct infer *idle_for(struct super *s, const struct pending *p)
{
    bool remote = s->conf->blocks_from.family != 0;
    if (!remote && s->fetch.child == NULL && files_find(&s->infers, &p->model) == NULL)
        return NULL;
    if (infers_count(&s->infers, INFER_SIZING) >= s->infers.sizing_max)
        return NULL;
    return infers_in_state(&s->infers, INFER_IDLE);
}

void loads_settle(struct super *s)
{
    struct infer *i = NULL;
    if (s->phase == SUPER_STOPPED)
        return;
    memory_settle(s);
    while (s->n_pending > 0 && (i = idle_for(s, &s->pending[0])) != NULL) {
        struct pending p = take_pending(s);
        assign(s, i, &p);
        memory_settle(s);
    }
    idle_keep(s);
    prepare_settle(s);
}

uint64_t loads_time(const struct super *s, uint64_t file_bytes)
{
    return MAX((uint64_t)s->conf->load_ms, file_bytes / MAX(s->conf->load_rate / 1000, 1U));
}

void loads_granted(struct super *s, struct infer *i)
{
    struct msg_infer_bytes answer = {.bytes = i->data_limit};
    bool kept = i->file_fd >= 0;
    i->state = kept ? INFER_LOADING : INFER_PULLING;
    loads_deadline(s, i, loads_time(s, i->file_bytes));
    if (kept)
        tell_assignment(s, i, MSG_INFER_RELOAD, i->prepared.fd >= 0 ? i->prepared.fd : i->file_fd);
    else
        child_tell(i->child, MSG_INFER_GRANT, &answer, view_of(NULL, 0), NULL, 0);
}

/* ── what infer processes say ── */

void loads_idle(struct super *s, struct infer *i)
{
    s->infer_seen = true;
    s->idle_pause_ms = 0;
    i->state = INFER_IDLE;
    i->deadline_ms = 0;
    node_check_ready(s);
    loads_settle(s);
}

/* It has heard of no byte of the model: it can take another one, under another number. */
void loads_returned(struct super *s, struct infer *i, err_t reason)
{
    struct msg_keeper_infer_gone gone = {.infer = i->number};
    child_tell(s->keeper, MSG_KEEPER_INFER_GONE, &gone, view_of(NULL, 0), NULL, 0);
    i->state = INFER_LEAVING; /* who is told may ask again at once */
    leave_tell(s, i, reason);
    infers_renew(&s->infers, i);
    loads_settle(s);
}

void loads_size(struct super *s, struct infer *i, uint64_t bytes)
{
    i->file_bytes = bytes;
    log_event(LOG_MODEL_SIZED, i->number, (int64_t)bytes, (int64_t)(clock_mono_ms() - i->assigned_ms));
    loads_settle(s);
}

/* Who waits for the model brings a run of his own. What a random operator makes depends on the runs before. */
static void warm_up(struct super *s, struct infer *i, const struct ask *ask)
{
    const struct msg_infer_warm warm = {.ms = s->conf->run_ms};
    if (s->conf->warm_up == 0 || ask->front_request != 0 || ask->cold || i->random)
        return;
    i->warming = true;
    loads_deadline(s, i, (uint64_t)warm.ms + KILL_MS);
    child_tell(i->child, MSG_INFER_WARM, &warm, view_of(NULL, 0), NULL, 0);
}

void loads_warmed(struct super *s, struct infer *i, uint32_t us, err_t result)
{
    i->warming = false;
    if (!i->releasing)
        i->deadline_ms = 0;
    s->warm_ups += result == OK;
    s->warm_up_failures += result != OK && result != ERR_RUN_CANCELLED;
    log_event(LOG_MODEL_WARMED, i->number, us, result);
}

void loads_ready(struct super *s, struct infer *i)
{
    struct ask ask = ask_of(i);
    uint64_t now = clock_mono_ms();
    i->state = INFER_READY;
    i->deadline_ms = 0;
    i->used_ms = now;
    cores_begin(i);
    set_ask(i, &(struct ask){0});
    s->loads++;
    s->loaded_bytes += i->file_bytes;
    (void)infers_forgive(&s->infers, &i->model);
    files_keep(&s->infers, i, now);
    prepare_want(s, i);
    answer_ready(s, i, &ask);
    warm_up(s, i, &ask);
    loads_settle(s);
}

void loads_again(struct super *s, const struct infer *i)
{
    struct ask ask = ask_of(i);
    struct wire_model model = i->model;
    loads_ask(s, &model, &ask);
}
