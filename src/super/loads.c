/* From "this model is wanted" to "this process serves it": the life of an infer process as the supervisor sees it. */
#include "super/state.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "jail/jail.h"
#include "super/infer_peer.h"

#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define TICK_MS        100U
#define EVICT_MS       2000U
#define PAUSE_FIRST_MS 100U
#define PAUSE_LAST_MS  10000U
#define INFER_START_MS 10000U

static void answer_failed(struct super *s, const struct ask *ask, err_t reason, const char *why, uint32_t retry_ms)
{
    front_answer_failed(s, ask, reason, why, retry_ms);
    if (ask->admin_request != 0)
        admin_answer(s, ask->admin_request, reason, why);
}

static struct ask ask_of(const struct infer *i)
{
    return (struct ask){i->front_request, i->front_generation, i->admin_request};
}

/* ── asking ── */

static bool in_policy(const struct conf *c, const struct wire_model *m)
{
    if (c->models == MODELS_ANY)
        return true;
    for (uint32_t i = 0; i < c->n_allow; i++)
        if (models_equal(&c->allow[i], m))
            return true;
    for (uint32_t i = 0; i < c->n_aliases; i++)
        if (models_equal(&c->aliases[i].model, m))
            return true;
    return false;
}

/* The model is there or on its way. */
static void join(struct super *s, struct infer *i, const struct ask *ask)
{
    if (i->state == INFER_READY) {
        front_answer_model(s, ask, i);
        if (ask->admin_request != 0)
            admin_answer(s, ask->admin_request, OK, "");
        return;
    }
    if (ask->front_request != 0) {
        i->front_request = ask->front_request;
        i->front_generation = ask->front_generation;
    }
    if (ask->admin_request != 0 && i->admin_request != 0)
        admin_answer(s, ask->admin_request, ERR_OVERLOADED, "another request for this model is under way");
    else if (ask->admin_request != 0)
        i->admin_request = ask->admin_request;
}

static void drop_pending(struct super *s)
{
    memmove(&s->pending[0], &s->pending[1], --s->n_pending * sizeof(s->pending[0]));
}

static void keep_idle(struct super *s);
static void start_failed(struct super *s);

static void on_tick(uv_timer_t *timer)
{
    struct super *s = timer->data;
    uint64_t now = clock_mono_ms();
    for (size_t n = 0; n < INFERS_MAX; n++) {
        struct infer *i = &s->infers.rows[n];
        if (i->number != 0 && i->deadline_ms != 0 && now >= i->deadline_ms)
            loads_kill(s, i, (i->state & (INFER_STARTING | INFER_READY)) != 0 ? ERR_TIMEOUT : ERR_MODEL_LOAD_TIMEOUT);
    }
    while (s->n_pending > 0 && now >= s->pending[0].deadline_ms) {
        struct ask ask = s->pending[0].ask;
        drop_pending(s);
        answer_failed(s, &ask, ERR_OVERLOADED, "", 1000);
    }
    if (s->idle_pause_ms != 0 && now >= s->idle_retry_ms)
        keep_idle(s);
    if (s->n_pending == 0 && s->idle_pause_ms == 0 && !infers_timed(&s->infers))
        (void)uv_timer_stop(timer);
}

static void need_tick(struct super *s)
{
    if (!uv_is_active((uv_handle_t *)&s->tick)) {
        s->tick.data = s;
        (void)uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
    }
}

static void set_deadline(struct super *s, struct infer *i, uint64_t ms)
{
    i->deadline_ms = clock_mono_ms() + ms;
    need_tick(s);
}

/* The channels of a new model: its blocks (fetch keeps the other end, we a duplicate to shut it down with) and its reports. */
static err_t connect_infer(struct super *s, struct infer *i, int *ret_block_fd, int *ret_report_fd)
{
    AUTO(wire_end_close) struct wire_end keeper_end = {.fd = -1};
    AUTO(wire_end_close) struct wire_end report_end = {.fd = -1};
    int blocks[2] = {-1, -1};
    struct msg_keeper_infer known = {.infer = i->number, .asked = i->model};
    struct msg_fetch_serve serve = {.infer = i->number};
    if (s->fetch.child == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, blocks) != 0)
        return ERR_SOURCE_DEAD;
    i->block_fd = blocks[0];
    AUTO_FD int fetch_fd = blocks[1];
    TRY(wire_pair(CHAN_REPORT, &keeper_end, &report_end));
    if (getrandom(i->epoch, sizeof(i->epoch), 0) != (ssize_t)sizeof(i->epoch))
        return ERR_INTERNAL;
    memcpy(known.epoch, i->epoch, sizeof(known.epoch));
    child_tell(s->keeper, MSG_KEEPER_INFER, &known, view_of(NULL, 0), &keeper_end.fd, 1);
    child_tell(s->fetch.child, MSG_FETCH_SERVE, &serve, view_of(NULL, 0), &fetch_fd, 1);
    i->known_to_keeper = true;
    *ret_block_fd = i->block_fd;
    *ret_report_fd = TAKE_FD(report_end.fd);
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

static err_t assign(struct super *s, struct infer *i, const struct wire_model *m)
{
    char domains[CONF_DOMAIN_MAX * 64];
    int fds[2] = {-1, -1};
    i->model = *m;
    i->state = INFER_SIZING;
    i->assigned_ms = clock_mono_ms();
    TRY(connect_infer(s, i, &fds[0], &fds[1]));
    AUTO_FD int report = fds[1];
    struct msg_infer_assign a = {
        .infer = i->number,
        .workers = s->conf->workers,
        .max_file_bytes = s->conf->model_file_max,
        .max_output_bytes = s->conf->output_max,
        .load_ms = s->conf->load_ms,
        .run_ms = s->conf->run_ms,
        .model = *m,
    };
    memcpy(a.epoch, i->epoch, sizeof(a.epoch));
    size_t n = domain_list(s->conf, domains, sizeof(domains));
    log_event(LOG_MODEL_LOADING, i->number, i->front_request);
    child_tell(i->child, MSG_INFER_ASSIGN, &a, view_of(domains, n), (const int[]){fds[0], report}, 2);
    set_deadline(s, i, s->conf->load_ms);
    return OK;
}

/* Gives waiting loads to idle processes, and sees to it that there is an idle one afterwards. */
static void serve_pending(struct super *s)
{
    while (s->n_pending > 0) {
        struct infer *i = infers_in_state(&s->infers, INFER_IDLE);
        if (i == NULL)
            break;
        struct pending p = s->pending[0];
        drop_pending(s);
        i->front_request = p.ask.front_request;
        i->front_generation = p.ask.front_generation;
        i->admin_request = p.ask.admin_request;
        err_t e = assign(s, i, &p.model);
        if (e != OK)
            loads_kill(s, i, e);
    }
    keep_idle(s);
}

static struct pending *find_pending(struct super *s, const struct wire_model *m)
{
    for (unsigned n = 0; n < s->n_pending; n++)
        if (models_equal(&s->pending[n].model, m))
            return &s->pending[n];
    return NULL;
}

void loads_ask(struct super *s, const struct wire_model *m, const struct ask *ask)
{
    const struct failure *f = infers_failure(&s->infers, m, clock_mono_ms());
    struct infer *i = infers_by_model(&s->infers, m);
    struct pending *p = find_pending(s, m);
    if (!in_policy(s->conf, m)) {
        answer_failed(s, ask, ERR_MODEL_NOT_ALLOWED, "", 0);
    } else if (i != NULL) {
        join(s, i, ask);
    } else if (f != NULL) {
        answer_failed(s, ask, f->reason, f->why, (uint32_t)(f->until_ms - clock_mono_ms()));
    } else if (p != NULL) {
        p->ask.front_request = ask->front_request != 0 ? ask->front_request : p->ask.front_request;
        p->ask.front_generation = ask->front_request != 0 ? ask->front_generation : p->ask.front_generation;
        if (ask->admin_request != 0 && p->ask.admin_request != 0)
            admin_answer(s, ask->admin_request, ERR_OVERLOADED, "another request for this model is under way");
        else if (ask->admin_request != 0)
            p->ask.admin_request = ask->admin_request;
    } else if (s->n_pending == PENDING_MAX) {
        answer_failed(s, ask, ERR_OVERLOADED, "", 1000);
    } else {
        s->pending[s->n_pending++] =
            (struct pending){.model = *m, .ask = *ask, .deadline_ms = clock_mono_ms() + s->conf->load_ms};
        need_tick(s);
        serve_pending(s);
    }
}

/* ── memory ── */

/* First estimate of what ONNX Runtime needs (docs/operations.md, "Memory"): 3.5 times the file and a floor. */
#define DATA_FLOOR (128 * MIB)

static uint64_t first_estimate(uint64_t file_bytes)
{
    return file_bytes / 2 * 7 + DATA_FLOOR;
}

static err_t set_data_limit(const struct super *s, struct infer *i, uint64_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = MAX(bytes, s->infers.budget)};
    i->data_limit = bytes;
    if (JAIL_SANITIZED || i->child->gone)
        return OK;
    return prlimit(i->child->pid, RLIMIT_DATA, &limit, NULL) == 0 ? OK : err_errno();
}

/* A memory file is the model or an output area, so none is larger than the larger of both. */
static err_t set_file_limit(const struct super *s, const struct infer *i)
{
    uint64_t most = MAX(i->file_bytes, s->conf->output_max + MIB);
    struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    return i->child->gone ? OK : prlimit(i->child->pid, RLIMIT_FSIZE, &limit, NULL) == 0 ? OK : err_errno();
}

static void grant(struct super *s, struct infer *i, uint64_t bytes)
{
    struct msg_infer_bytes answer = {.bytes = bytes};
    if (bytes > 0 && set_data_limit(s, i, bytes) != OK)
        loads_kill(s, i, ERR_INTERNAL);
    else
        child_tell(i->child, MSG_INFER_GRANT, &answer, view_of(NULL, 0), NULL, 0);
}

/* Makes room by letting the longest idle models go; when none can go, the answer is no. */
static void try_grant(struct super *s, struct infer *i)
{
    uint64_t data = first_estimate(i->file_bytes);
    if (infers_reserve(&s->infers, i, data + i->file_bytes)) {
        uint64_t rate_ms = i->file_bytes / MAX(s->conf->load_rate / 1000, 1U);
        i->state = INFER_PULLING;
        set_deadline(s, i, MAX(s->conf->load_ms, rate_ms));
        grant(s, i, set_file_limit(s, i) == OK ? data : 0);
        return;
    }
    struct infer *oldest = infers_oldest(&s->infers);
    if (data + i->file_bytes <= s->infers.budget && oldest != NULL)
        loads_evict(s, oldest);
    else if (infers_count(&s->infers, INFER_LEAVING) == 0 && !infers_releasing(&s->infers))
        loads_kill(s, i, ERR_MODEL_OVER_BUDGET);
}

void loads_size(struct super *s, struct infer *i, uint64_t bytes)
{
    i->file_bytes = bytes;
    try_grant(s, i);
}

void loads_more(struct super *s, struct infer *i)
{
    uint64_t sealed = i->reserved - i->data_limit;
    uint64_t data = i->data_limit * 2;
    bool fair = data <= s->infers.budget / 2; /* one model does not get everything by asking often */
    grant(s, i, fair && infers_reserve(&s->infers, i, data + sealed) ? data : 0);
}

/* Memory came back: who waits for it tries again. */
static void retry_grants(struct super *s)
{
    for (size_t n = 0; n < INFERS_MAX; n++) {
        struct infer *i = &s->infers.rows[n];
        if (i->number != 0 && i->state == INFER_SIZING && i->file_bytes > 0)
            try_grant(s, i);
    }
}

/* ── going ── */

void loads_evict(struct super *s, struct infer *i)
{
    struct msg_front_infer evict = {.infer = i->number};
    if (i->state != INFER_READY || i->releasing)
        return;
    i->releasing = true;
    set_deadline(s, i, (uint64_t)s->conf->run_ms + EVICT_MS);
    s->evictions++;
    log_event(LOG_MODEL_EVICTED, i->number, (int64_t)i->file_bytes);
    if (s->front.child != NULL && i->front_generation == s->generation)
        child_tell(s->front.child, MSG_FRONT_EVICT, &evict, view_of(NULL, 0), NULL, 0);
    else
        loads_kill(s, i, OK);
}

void loads_front_gone(struct super *s)
{
    for (size_t n = 0; n < INFERS_MAX; n++)
        if (s->infers.rows[n].number != 0 && s->infers.rows[n].releasing)
            loads_kill(s, &s->infers.rows[n], OK);
}

void loads_kill(struct super *s, struct infer *i, err_t reason)
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

/* Only what lies in the model or its blocks is remembered; what was wrong with this node may be right in a moment. */
static bool is_of_the_model(err_t reason)
{
    static const err_t ours[] = {ERR_SOURCE_DEAD, ERR_OVERLOADED, ERR_NOMEM,    ERR_INTERNAL,         ERR_IO,
                                 ERR_CLOSED,      ERR_PROTOCOL,   ERR_TIMEOUT,  ERR_MODEL_OVER_BUDGET, ERR_NOT_PERMITTED};
    for (size_t n = 0; n < COUNT_OF(ours); n++)
        if (reason == ours[n])
            return false;
    return true;
}

/* Whoever waited for it hears why. A death without a reason is the process's own. */
static void tell_waiters(struct super *s, const struct infer *i, enum infer_state was)
{
    const unsigned loading = INFER_SIZING | INFER_PULLING | INFER_LOADING;
    struct ask ask = ask_of(i);
    err_t reason = i->reason != OK ? i->reason : ERR_MODEL_DIED;
    if ((was & loading) == 0)
        return;
    log_event(LOG_MODEL_FAILED, i->number, reason);
    if (is_of_the_model(reason))
        infers_failed(&s->infers, &i->model, reason, i->why, clock_mono_ms());
    answer_failed(s, &ask, reason, i->why, 0);
}

static void on_infer_end(void *self, int status UNUSED, int signal UNUSED)
{
    struct infer *i = self;
    struct super *s = i->super;
    enum infer_state was = i->state == INFER_LEAVING ? i->was : i->state;
    struct msg_keeper_infer_gone gone = {.infer = i->number};
    fd_close(&i->block_fd);
    if (i->known_to_keeper && s->phase != SUPER_STOPPED)
        child_tell(s->keeper, MSG_KEEPER_INFER_GONE, &gone, view_of(NULL, 0), NULL, 0);
    if (s->phase == SUPER_STOPPED) {
        infers_drop(&s->infers, i);
        return;
    }
    tell_waiters(s, i, was);
    if (i->admin_request != 0 && was == INFER_READY)
        admin_answer(s, i->admin_request, OK, "");
    infers_drop(&s->infers, i);
    if (was == INFER_STARTING)
        start_failed(s);
    retry_grants(s);
    serve_pending(s);
}

/* ── the idle one ── */

/* At start it means that nothing will ever work; later it is the machine's trouble, so it is tried again after a pause. */
static void start_failed(struct super *s)
{
    if (!s->infer_seen) {
        node_fail(s, "veronnx-infer ends before it is ready (is ONNX Runtime there?)");
        return;
    }
    s->idle_pause_ms = MIN(MAX(2 * s->idle_pause_ms, PAUSE_FIRST_MS), PAUSE_LAST_MS);
    s->idle_retry_ms = clock_mono_ms() + s->idle_pause_ms;
    log_event(LOG_PROCESS_BACKOFF, ROLE_INFER, s->idle_pause_ms);
    need_tick(s);
}

static err_t start_idle(struct super *s)
{
    struct msg_empty none = {0};
    struct infer *i = infers_new(&s->infers);
    if (i == NULL) {
        struct infer *oldest = infers_oldest(&s->infers);
        if (oldest != NULL && !infers_releasing(&s->infers))
            loads_evict(s, oldest);
        return OK; /* the table is full: the next end makes room */
    }
    struct child_setup setup = boot_child(s, NULL);
    i->super = s;
    err_t e = child_start(&s->loop, ROLE_INFER, &setup, (struct child_owner){i, infer_peer_message, on_infer_end},
                          &i->child);
    if (e != OK) {
        infers_drop(&s->infers, i);
        return e;
    }
    set_deadline(s, i, INFER_START_MS);
    child_tell(i->child, MSG_INFER_CONFIG, &none, view_of(NULL, 0), &s->conf_fd, 1);
    return OK;
}

static bool idle_wanted(const struct super *s)
{
    return s->phase != SUPER_STOPPED && infers_count(&s->infers, INFER_STARTING | INFER_IDLE) == 0;
}

static void keep_idle(struct super *s)
{
    if (!idle_wanted(s) || (s->idle_pause_ms != 0 && clock_mono_ms() < s->idle_retry_ms))
        return;
    if (start_idle(s) != OK)
        start_failed(s);
}

err_t loads_start(struct super *s)
{
    return start_idle(s);
}

void loads_idle(struct super *s, struct infer *i)
{
    s->infer_seen = true;
    s->idle_pause_ms = 0;
    i->state = INFER_IDLE;
    i->deadline_ms = 0;
    node_check_ready(s);
    serve_pending(s);
}

/* ── ready ── */

void loads_ready(struct super *s, struct infer *i)
{
    struct ask ask = ask_of(i);
    i->state = INFER_READY;
    i->deadline_ms = 0;
    i->used_ms = clock_mono_ms();
    i->front_request = 0;
    i->admin_request = 0;
    s->loads++;
    infers_worked(&s->infers, &i->model);
    (void)infers_reserve(&s->infers, i, i->data_limit); /* the sealed file went with the load */
    join(s, i, &ask);
    retry_grants(s);
}
