/* The public front's start, its messages with the supervisor and the keeper, and its loop. */
#include "front/app.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "front/front.h"
#include "jail/jail.h"
#include "wire/roles.h"

#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#define TICK_MS  100U
#define TELL_MS  1000 /* how long the supervisor may be behind with reading */
#define START_MS 5000

#define MALLOC_KEEP (16 * MIB)
#define CALLS_KEPT  256

static NORETURN void die(int status)
{
    _exit(status);
}

/* ── what others use ── */

static bool writable_within(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, ms) == 1;
}

void app_tell(struct app *app, enum wire_type type, const void *fixed)
{
    err_t e = wire_send(&app->control, type, fixed, view_of(NULL, 0), NULL, 0);
    if (e == ERR_WOULD_BLOCK && writable_within(app->control.fd, TELL_MS))
        e = wire_send(&app->control, type, fixed, view_of(NULL, 0), NULL, 0);
    if (e != OK)
        die(1);
}

void why_take(struct why *ret, struct view text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 1 < sizeof(ret->text); i++)
        if (text.data[i] >= ' ' && text.data[i] <= '~')
            ret->text[n++] = (char)text.data[i];
    ret->text[n] = '\0';
}

size_t app_room(const struct app *app)
{
    return app->transfer.limit - MIN(app->transfer.used, app->transfer.limit);
}

size_t app_share(const struct app *app)
{
    return app->transfer.limit / 2;
}

/* ── time ── */

/* So that the supervisor knows what to evict (`all`, once a second), and who stands behind others. When it is behind, the next time will
   do. */
static void tell_active(struct app *app, bool all)
{
    for (struct lane *l = app->lanes; l != NULL; l = l->next) {
        struct msg_front_active active = {.infer = l->infer, .slow = l->slow};
        bool news = l->slow != l->told_slow || (all && l->active);
        if (!news || wire_send(&app->control, MSG_FRONT_ACTIVE, &active, view_of(NULL, 0), NULL, 0) != OK)
            continue;
        l->told_slow = l->slow;
        l->active = l->running > 0;
    }
}

static void on_due(uv_check_t *check)
{
    struct app *app = check->data;
    uint64_t now = clock_mono_ms();
    (void)uv_check_stop(check);
    lanes_hear(app);
    bool expected = lanes_tick(app, now);
    expected |= proofs_tick(app, now);
    calls_tick(app, now);
    models_tick(app, now);
    calls_note_long(app, now);
    bool all = now - app->told_ms >= 1000;
    tell_active(app, all);
    if (!all)
        return;
    app->told_ms = now;
    if (app->seated == 0 && app->waiting == 0 && !expected)
        (void)uv_timer_stop(&app->tick);
}

/* A result that lies unread is not late, however long this process was busy with something else. */
static void on_tick(uv_timer_t *timer)
{
    struct app *app = timer->data;
    (void)uv_check_start(&app->due, on_due);
}

void app_need_tick(struct app *app)
{
    if (!uv_is_active((uv_handle_t *)&app->tick))
        (void)uv_timer_start(&app->tick, on_tick, TICK_MS, TICK_MS);
}

/* ── messages of the supervisor ── */

/* As many as an infer process takes for itself. */
static unsigned worker_count(const struct conf *conf)
{
    cpu_set_t cpus;
    if (conf->workers != 0)
        return conf->workers;
    return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
}

static err_t on_config(void *self, struct wire_msg *m)
{
    struct app *app = self;
    TRY(conf_map(m->fds[0], &app->conf_map, &app->conf));
    app->transfer.limit = app->conf->transfer_memory;
    app->workers = worker_count(app->conf);
    app->phase = APP_NO_TLS;
    return OK;
}

/* What this node says of itself is made of it, once. */
static err_t take_identity(struct app *app, int fd)
{
    AUTO(map_done) struct map map = {0};
    const struct identity *identity = NULL;
    TRY(identity_map(fd, &map, &identity));
    TRY(app_introduce(app, identity));
    map_done(&app->identity_map);
    app->identity_map = map;
    map = (struct map){0};
    return OK;
}

/* Another certificate of the same key. */
static err_t renew(struct app *app, struct wire_msg *m)
{
    const struct msg_empty none = {0};
    if (m->n_fds != 1)
        return ERR_PROTOCOL;
    TRY(take_identity(app, m->fds[0]));
    TRY(tls_renew(app->tls, identity_chain(app->identity)));
    if (app->server != NULL) /* else it is still to be said */
        app_tell(app, MSG_FRONT_READY, &none);
    return OK;
}

static err_t on_identity(void *self, struct wire_msg *m)
{
    struct app *app = self;
    if (app->phase == APP_SERVING)
        return renew(app, m);
    if (app->identity != NULL || m->n_fds != 2)
        return ERR_PROTOCOL;
    app->proof = (struct wire_end){TAKE_FD(m->fds[1]), CHAN_PROOF, SIDE_A};
    return take_identity(app, m->fds[0]);
}

static err_t on_start(void *self, struct wire_msg *m)
{
    struct app *app = self;
    const struct msg_front_start *start = m->fixed;
    if (app->identity == NULL)
        return ERR_PROTOCOL;
    struct wire_end sign = {TAKE_FD(m->fds[0]), CHAN_SIGN, SIDE_A};
    app->generation = start->generation;
    app->preloading = start->preloading != 0;
    app->ticket = (struct wire_end){TAKE_FD(m->fds[1]), CHAN_TICKET, SIDE_A};
    TRY(tls_new(&sign, identity_chain(app->identity), &app->tls));
    app->phase = APP_SERVING;
    return OK;
}

static err_t on_listen(void *self, struct wire_msg *m)
{
    struct app *app = self;
    if (app->server != NULL)
        return http_server_listen(app->server, &m->fds[0]);
    if (app->n_listeners == CONF_LISTEN_MAX)
        return ERR_PROTOCOL;
    app->listeners[app->n_listeners++] = TAKE_FD(m->fds[0]); /* held until the jail stands */
    return OK;
}

static err_t on_evict(void *self, struct wire_msg *m)
{
    const struct msg_front_infer *evict = m->fixed;
    struct lane *l = lane_by_infer(self, evict->infer);
    if (l != NULL)
        lane_evict(l);
    else
        app_tell(self, MSG_FRONT_RELEASED, evict);
    return OK;
}

static err_t on_preloaded(void *self, struct wire_msg *m UNUSED)
{
    struct app *app = self;
    app->preloading = false;
    watches_tell(app);
    return OK;
}

static err_t on_drain(void *self, struct wire_msg *m UNUSED)
{
    struct app *app = self;
    app->draining = true;
    watches_tell(app);
    if (app->server != NULL)
        http_server_drain(app->server);
    return OK;
}

static err_t on_model(void *self, struct wire_msg *m)
{
    return models_loaded(self, m);
}

static err_t on_failed(void *self, struct wire_msg *m)
{
    return models_failed(self, m);
}

/* The administration asks. */
static err_t on_count(void *self, struct wire_msg *m)
{
    struct app *app = self;
    struct msg_front_counts answer = {.request = ((const struct msg_front_count *)m->fixed)->request};
    app->counts.pending = app->waiting;
    app->counts.transfer_bytes = app->transfer.used;
    app->counts.transfer_limit = app->transfer.limit;
    http_server_count(app->server, &app->counts);
    answer.counts = app->counts;
    app_tell(app, MSG_FRONT_COUNTS, &answer);
    return OK;
}

static const struct wire_route control_routes[] = {
    {MSG_FRONT_CONFIG, APP_NO_CONFIG, on_config},     {MSG_FRONT_IDENTITY, APP_NO_TLS | APP_SERVING, on_identity},
    {MSG_FRONT_START, APP_NO_TLS, on_start},          {MSG_FRONT_LISTEN, APP_SERVING, on_listen},
    {MSG_FRONT_MODEL, APP_SERVING, on_model},         {MSG_FRONT_FAILED, APP_SERVING, on_failed},
    {MSG_FRONT_EVICT, APP_SERVING, on_evict},         {MSG_FRONT_DRAIN, APP_SERVING, on_drain},
    {MSG_FRONT_PRELOADED, APP_SERVING, on_preloaded},
    {MSG_FRONT_COUNT, APP_SERVING, on_count},
};

static err_t on_receipts(void *self, struct wire_msg *m)
{
    return call_receipts(self, m);
}

static err_t on_no_receipt(void *self, struct wire_msg *m)
{
    return call_no_receipt(self, m);
}

static err_t on_settlement(void *self, struct wire_msg *m)
{
    return call_settlement(self, m);
}

static const struct wire_route ticket_routes[] = {
    {MSG_RECEIPTS, APP_SERVING, on_receipts},
    {MSG_NO_RECEIPT, APP_SERVING, on_no_receipt},
    {MSG_SETTLEMENT, APP_SERVING, on_settlement},
};

static err_t on_document(void *self, struct wire_msg *m)
{
    return proofs_answer(self, m);
}

static const struct wire_route proof_routes[] = {
    {MSG_DOCUMENT, APP_SERVING, on_document},
};

/* ERR_WOULD_BLOCK when nothing is waiting. */
static err_t hear_one(struct app *app, const struct wire_end *end, const struct wire_route *routes, size_t n)
{
    struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_recv(end, &app->inbox, false, &m));
    return wire_dispatch(routes, n, app->phase, app, &m);
}

/* Takes all that is waiting on one channel. */
static err_t hear(struct app *app, const struct wire_end *end, const struct wire_route *routes, size_t n)
{
    err_t e = OK;
    while (e == OK)
        e = hear_one(app, end, routes, n);
    return e == ERR_WOULD_BLOCK ? OK : e;
}

/* The supervisor and the keeper are the node; without them, or when they break a rule, this process has no work. */
static void end_on(err_t e, enum role role)
{
    if (e == OK)
        return;
    if (e != ERR_CLOSED)
        log_event(LOG_PEER_REFUSED, role, 0, e);
    die(e == ERR_CLOSED ? 0 : 1);
}

static void on_control(uv_poll_t *poll, int status, int events UNUSED)
{
    struct app *app = poll->data;
    end_on(status < 0 ? ERR_IO : hear(app, &app->control, control_routes, COUNT_OF(control_routes)), ROLE_SUPER);
}

/* One message has the receipts of many. What they are of was sent before the keeper heard of it. */
static void on_ticket(uv_poll_t *poll, int status, int events UNUSED)
{
    struct app *app = poll->data;
    lanes_hear(app);
    err_t e = status < 0 ? ERR_IO : hear_one(app, &app->ticket, ticket_routes, COUNT_OF(ticket_routes));
    end_on(e == ERR_WOULD_BLOCK ? OK : e, ROLE_KEEPER);
}

static void on_proof(uv_poll_t *poll, int status, int events UNUSED)
{
    struct app *app = poll->data;
    end_on(status < 0 ? ERR_IO : hear(app, &app->proof, proof_routes, COUNT_OF(proof_routes)), ROLE_KEEPER);
}

/* Before the loop may sleep: whoever cannot leave is answered, and after an answer a connection may bring its next
   request. */
static void on_depart(uv_prepare_t *depart)
{
    struct app *app = depart->data;
    do
        calls_depart(app);
    while (http_server_flush(app->server));
}

/* ── the start ── */

err_t app_init(struct app *app, int control_fd)
{
    app->phase = APP_NO_CONFIG;
    app->control = (struct wire_end){control_fd, CHAN_FRONT, SIDE_B};
    buf_init(&app->tail, WIRE_TAIL_MAX);
    list_init(&app->leaving);
    pool_init(&app->free_calls, sizeof(struct call), CALLS_KEPT);
    app->tickets = WIRE_PACK_NONE;
    return wire_inbox_init(&app->inbox, CHAN_JOB); /* no channel has larger messages */
}

/* Bodies come from the heap, whose end is given back when more than MALLOC_KEEP of it are free: else the kernel maps
   and clears pages for each anew. */
static void tune_malloc(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, (int)MALLOC_KEEP);
    (void)mallopt(M_TRIM_THRESHOLD, (int)MALLOC_KEEP);
}

/* Configuration, keys and listeners come first and wait for nothing else. */
static err_t take_start(struct app *app)
{
    while (app->phase != APP_SERVING || app->n_listeners < app->conf->n_listen) {
        TRY(wire_wait(&app->control, START_MS));
        TRY(hear(app, &app->control, control_routes, COUNT_OF(control_routes)));
    }
    return OK;
}

static err_t watch(struct app *app, uv_poll_t *poll, int fd, uv_poll_cb callback)
{
    poll->data = app;
    return uv_poll_init(&app->loop, poll, fd) == 0 && uv_poll_start(poll, UV_READABLE, callback) == 0 ? OK
                                                                                                      : ERR_INTERNAL;
}

err_t app_introduce(struct app *app, const struct identity *identity)
{
    struct about about = {0};
    TRY(about_make(app->conf, identity, &about));
    about_done(&app->about);
    app->about = about;
    app->identity = identity;
    return OK;
}

/* The loop is made inside the jail: what libuv tries and may not have (io_uring), it then does without. */
err_t app_serve(struct app *app)
{
    const struct msg_empty none = {0};
    if (uv_loop_init(&app->loop) != 0)
        return ERR_INTERNAL;
    app->tick.data = app;
    app->due.data = app;
    app->depart.data = app;
    if (uv_timer_init(&app->loop, &app->tick) != 0 || uv_check_init(&app->loop, &app->due) != 0)
        return ERR_INTERNAL;
    TRY(watch(app, &app->control_poll, app->control.fd, on_control));
    TRY(watch(app, &app->ticket_poll, app->ticket.fd, on_ticket));
    TRY(watch(app, &app->proof_poll, app->proof.fd, on_proof));
    TRY(http_server_new(&app->loop, app->conf, &app->transfer, app->tls, &app_handler, app, &app->server));
    /* what is started later is called before the server sends its answers: infer has something to do meanwhile */
    if (uv_prepare_init(&app->loop, &app->depart) != 0 || uv_prepare_start(&app->depart, on_depart) != 0)
        return ERR_INTERNAL;
    for (unsigned n = 0; n < app->n_listeners; n++)
        TRY(http_server_listen(app->server, &app->listeners[n]));
    app_tell(app, MSG_FRONT_READY, &none);
    if (app->draining) /* it was said already */
        http_server_drain(app->server);
    return OK;
}

/* Descriptors were made by messages and libraries, so the kept ones are all that are open here. */
static err_t enter_jail(void)
{
    int keep[JAIL_MAX_KEPT];
    struct jail_paths paths = {.empty_dir = ".", .keep_fds = keep};
    struct jail_failure failure = {0};
    paths.n_keep_fds = fd_list(keep, JAIL_MAX_KEPT);
    err_t e = jail_enter(JAIL_FRONT, &paths, &failure);
    if (e != OK)
        log_event(LOG_JAIL_FAILED, ROLE_FRONT, JAIL_FRONT, failure.step, failure.os_error);
    return e;
}

static err_t start(struct app *app)
{
    tune_malloc();
    TRY(http_setup());
    TRY(sha256_setup());
    TRY(app_init(app, CONTROL_FD));
    TRY(take_start(app));
    TRY(enter_jail());
    return app_serve(app);
}

int front_main(void)
{
    struct app *app = mem_alloc(1, sizeof(*app));
    (void)mallopt(M_MXFAST, 0); /* or each release of a buffer of OpenSSL goes through all small free blocks */
    log_setup(LOG_FD, ROLE_FRONT);
    if (app == NULL)
        return 1;
    end_on(start(app), ROLE_SUPER);
    (void)uv_run(&app->loop, UV_RUN_DEFAULT);
    return 1; /* the loop has handles for ever */
}
