/* The node as a whole: start, ready, drain, end. */
#include "super/super.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "wire/fetch_args.h"
#include "super/journal.h"
#include "super/state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* A terminal or a service manager may send one signal to the whole group and a second one to us, and mean one. */
#define SAME_SIGNAL_MS 500

/* ── the end ── */

static void kill_all(struct super *s)
{
    struct child *children[] = {s->front.child, s->admin.child, s->fetch.child, s->keeper, s->module};
    for (size_t n = 0; n < COUNT_OF(children); n++)
        if (children[n] != NULL)
            child_kill(children[n], OK);
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        if (s->infers.rows[n].child != NULL)
            child_kill(s->infers.rows[n].child, OK);
}

/* The signal handlers stay to the end: a second SIGTERM in the last moment must not make an orderly end look like a death. */
static void close_handle(uv_handle_t *h, void *unused UNUSED)
{
    if (h->type == UV_SIGNAL) {
        uv_unref(h);
        return;
    }
    if (!uv_is_closing(h) && h->type != UV_PROCESS && h->type != UV_POLL)
        uv_close(h, NULL);
}

void node_stop(struct super *s, int exit_status)
{
    if (s->phase == SUPER_STOPPED)
        return;
    s->phase = SUPER_STOPPED;
    s->exit_status = exit_status;
    log_event(LOG_NODE_STOPPED, exit_status);
    kill_all(s);
    uv_walk(&s->loop, close_handle, NULL);
}

void node_fail(struct super *s, const char *what)
{
    if (s->phase == SUPER_STOPPED)
        return;
    (void)fprintf(stderr, "veronnx: %s\n", what);
    node_stop(s, 1);
}

static void on_drain_over(uv_timer_t *timer)
{
    node_stop(timer->data, 0);
}

void node_drain(struct super *s)
{
    struct msg_drain drain = {.ms = s->conf->drain_ms};
    if (s->phase == SUPER_STARTING || s->front.child == NULL) {
        node_stop(s, 0);
        return;
    }
    if (s->phase != SUPER_SERVING)
        return;
    s->phase = SUPER_DRAINING;
    s->drain_began_ms = clock_mono_ms();
    log_event(LOG_NODE_DRAINING, 0);
    for (uint32_t n = 0; n < s->conf->n_listen; n++)
        fd_close(&s->listeners[n]);
    child_tell(s->front.child, MSG_FRONT_DRAIN, &drain, view_of(NULL, 0), NULL, 0);
    s->drain.data = s;
    (void)uv_timer_start(&s->drain, on_drain_over, (uint64_t)drain.ms + 500, 0);
}

static void on_signal(uv_signal_t *signal, int number UNUSED)
{
    struct super *s = signal->data;
    if (s->phase != SUPER_DRAINING)
        node_drain(s);
    else if (clock_mono_ms() - s->drain_began_ms >= SAME_SIGNAL_MS)
        node_stop(s, 1); /* asked twice */
}

static void on_expiry(uv_timer_t *timer)
{
    node_drain(timer->data);
}

void node_check_ready(struct super *s)
{
    if (s->phase != SUPER_STARTING || !s->front_ready || !s->admin_ready || !s->infer_seen)
        return;
    s->phase = SUPER_SERVING;
    s->expiry.data = s;
    (void)uv_timer_start(&s->expiry, on_expiry, (uint64_t)s->conf->key_days * 86400 * 1000, 0);
    log_event(LOG_NODE_READY, s->ports[0], (int64_t)(clock_mono_ms() - s->started_ms));
    if (publish_ready(s) != OK)
        node_fail(s, "cannot write the ready file");
    else
        preload_start(s);
}

/* ── the keeper ── */

static err_t take_identity(struct super *s, struct view bytes)
{
    if (bytes.len != sizeof(s->identity))
        return ERR_PROTOCOL;
    memcpy(&s->identity, bytes.data, sizeof(s->identity));
    TRY(identity_check(&s->identity));
    fd_close(&s->identity_fd);
    return identity_seal(&s->identity, &s->identity_fd);
}

static err_t on_keeper_ready(void *self, struct wire_msg *m)
{
    struct super *s = self;
    memcpy(&s->keys, m->fixed, sizeof(s->keys));
    TRY(take_identity(s, m->tail));
    if (publish_keys(s) != OK) {
        node_fail(s, "cannot write cert.pem into the state folder");
        return OK;
    }
    if (fronts_start(s) != OK || admin_start(s) != OK)
        node_fail(s, "cannot start veronnx-front");
    return OK;
}

static err_t on_accuse(void *self, struct wire_msg *m)
{
    struct super *s = self;
    const struct msg_keeper_accuse *a = m->fixed;
    struct infer *i = infers_by_number(&s->infers, a->infer);
    if (i != NULL)
        leave_kill(s, i, err_from_wire(a->reason));
    else if (a->infer == 0 && a->generation == s->generation && s->front.child != NULL)
        child_kill(s->front.child, err_from_wire(a->reason));
    return OK;
}

static err_t on_heartbeat(void *self, struct wire_msg *m)
{
    struct super *s = self;
    const struct msg_heartbeat *h = m->fixed;
    if (s->admin.child != NULL && h->result == OK)
        child_tell(s->admin.child, MSG_ADMIN_HEARTBEAT, h, view_of(NULL, 0), NULL, 0);
    admin_answer(s, h->request, err_from_wire(h->result), "");
    return OK;
}

static err_t on_csr(void *self, struct wire_msg *m)
{
    struct super *s = self;
    const struct msg_keeper_ask *ask = m->fixed;
    if (s->admin.child != NULL)
        child_tell(s->admin.child, MSG_ADMIN_CSR, ask, m->tail, NULL, 0);
    admin_answer(s, ask->request, OK, "");
    return OK;
}

/* A certificate that is refused leaves everything as it was. */
static err_t on_installed(void *self, struct wire_msg *m)
{
    struct super *s = self;
    const struct msg_keeper_installed *installed = m->fixed;
    if (installed->result != OK) {
        admin_installed(s, err_from_wire(installed->result));
        return OK;
    }
    TRY(take_identity(s, m->tail));
    s->install_adopted = true;
    if (publish_keys(s) != OK)
        node_fail(s, "cannot write cert.pem into the state folder");
    else
        front_renew(s);
    return OK;
}

static const struct wire_route keeper_routes[] = {
    {MSG_KEEPER_READY, SUPER_STARTING, on_keeper_ready},
    {MSG_KEEPER_ACCUSE, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_accuse},
    {MSG_KEEPER_HEARTBEAT, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_heartbeat},
    {MSG_KEEPER_CSR, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_csr},
    {MSG_KEEPER_INSTALLED, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_installed},
};

static err_t on_keeper_message(void *self, struct wire_msg *m)
{
    struct super *s = self;
    return s->phase == SUPER_STOPPED ? OK : wire_dispatch(keeper_routes, COUNT_OF(keeper_routes), s->phase, s, m);
}

static void on_keeper_end(void *self, int status UNUSED, int signal UNUSED)
{
    struct super *s = self;
    s->keeper = NULL;
    node_fail(s, "the keeper ended; its keys are gone, so the node ends");
}

static size_t certificate_names(const struct super *s, char *ret_text, size_t size)
{
    static const char local[] = "localhost\0"
                                "127.0.0.1\0"
                                "::1";
    size_t len = sizeof(local);
    memcpy(ret_text, local, len);
    for (uint32_t n = 0; n < s->conf->n_listen; n++) {
        const char *text = s->conf->listen_name[n];
        size_t more = strlen(text) + 1;
        if (more == 1 || len + more > size)
            continue;
        memcpy(ret_text + len, text, more);
        len += more;
    }
    return len;
}

static err_t start_keeper(struct super *s)
{
    char names[1024];
    AUTO(wire_end_close) struct wire_end module = {.fd = -1};
    struct child_setup setup = boot_child(s, NULL);
    struct msg_keeper_start start = {.kind = s->conf->simulate != 0 ? 2 : 1};
    size_t n = certificate_names(s, names, sizeof(names));
    start.not_after = clock_wall_us() / 1000000 + (uint64_t)s->conf->key_days * 86400;
    TRY(sha256_of(conf_node_text(s->conf).data, s->conf->node_text_len, start.node_digest));
    TRY(sha256_of(conf_policy_text(s->conf).data, s->conf->policy_text_len, start.policy_digest));
    TRY(module_start(s, &module));
    TRY(child_start(&s->loop, ROLE_KEEPER, &setup, (struct child_owner){s, on_keeper_message, on_keeper_end},
                    &s->keeper));
    child_tell(s->keeper, MSG_KEEPER_START, &start, view_of(names, n), &module.fd, 1);
    return OK;
}

/* ── fetch ── */

static err_t on_fetch_message(void *self UNUSED, struct wire_msg *m)
{
    return m->type == MSG_FETCH_READY ? OK : ERR_PROTOCOL;
}

static void on_fetch_end(void *self, int status UNUSED, int signal UNUSED)
{
    struct super *s = self;
    s->fetch.child = NULL;
    if ((s->phase & (SUPER_STOPPED | SUPER_DRAINING)) != 0)
        return;
    s->restarts++;
    service_ended(&s->fetch);
}

static err_t start_fetch(void *self)
{
    struct super *s = self;
    struct fetch_args args;
    fetch_args_make(s->conf, s->store, s->cache, &args);
    struct child_setup setup = boot_child(s, args.list);
    return child_start(&s->loop, ROLE_FETCH, &setup, (struct child_owner){s, on_fetch_message, on_fetch_end},
                       &s->fetch.child);
}

static void fetch_give_up(void *self)
{
    node_fail(self, "veronnx-fetch cannot be kept running");
}

/* ── the start ── */

static err_t watch_signals(struct super *s)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t n = 0; n < COUNT_OF(numbers); n++) {
        s->signals[n].data = s;
        if (uv_signal_init(&s->loop, &s->signals[n]) != 0 ||
            uv_signal_start(&s->signals[n], on_signal, numbers[n]) != 0)
            return ERR_INTERNAL;
    }
    bool ok = uv_timer_init(&s->loop, &s->tick) == 0 && uv_timer_init(&s->loop, &s->drain) == 0 &&
              uv_timer_init(&s->loop, &s->expiry) == 0 && uv_timer_init(&s->loop, &s->share_tick) == 0;
    return ok ? OK : ERR_INTERNAL;
}

static err_t start_node(struct super *s)
{
    TRY(watch_signals(s));
    TRY(start_keeper(s));
    if (s->conf->blocks_from.family == 0)
        TRY(service_init(&s->fetch, &s->loop, ROLE_FETCH, s, start_fetch, fetch_give_up));
    return idle_start(s);
}

static void print_journal(uv_check_t *check UNUSED)
{
    journal_flush();
}

/* Of what says nothing itself. */
static err_t need(err_t e)
{
    if (e != OK)
        (void)fprintf(stderr, "veronnx: cannot start: %s\n", err_text(e));
    return e;
}

static int run(struct super *s)
{
    uv_check_t flush;
    if (s->conf->log_to.family != 0) {
        if (need(relay_start(&s->relay, &s->loop, &s->conf->log_to)) != OK)
            return 1;
        journal_also(relay_take, &s->relay);
    }
    (void)uv_check_init(&s->loop, &flush); /* neither of them can fail */
    (void)uv_check_start(&flush, print_journal);
    if (start_node(s) != OK)
        node_fail(s, "cannot start the node's processes");
    while (uv_run(&s->loop, UV_RUN_DEFAULT) != 0)
        ;
    journal_flush();
    relay_flush(&s->relay);
    (void)uv_loop_close(&s->loop);
    return s->exit_status;
}

static err_t prepare(struct super *s, int argc, char **argv)
{
    TRY(need(boot_begin()));
    TRY(boot_config(s, argc, argv));
    TRY(boot_prepare(s));
    TRY(need(journal_setup()));
    TRY(need(sha256_setup()));
    TRY(boot_jail(s));
    return need(uv_loop_init(&s->loop) == 0 ? OK : ERR_NOMEM);
}

int super_main(int argc, char **argv)
{
    AUTO_MEM struct super *s = mem_alloc(1, sizeof(*s));
    if (need(s != NULL ? OK : ERR_NOMEM) != OK)
        return 1;
    s->phase = SUPER_STARTING;
    s->started_ms = clock_mono_ms();
    s->conf_fd = s->oom_fd = s->nsm_fd = s->identity_fd = s->relay.fd = -1;
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads the log may go */
    err_t e = prepare(s, argc, argv);
    if (e != OK)
        return e == ERR_USAGE ? 2 : 1;
    return run(s);
}
