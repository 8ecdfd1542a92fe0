/* The administration listener and what it may ask for: load, unload, drain, the models, the counters. */
#include "super/state.h"

#include "base/fd.h"
#include "wire/model.h"

#include <string.h>

void admin_answer(struct super *s, uint32_t request, err_t result, const char *why)
{
    struct msg_admin_answer a = {.request = request, .result = result};
    if (s->admin.child != NULL)
        child_tell(s->admin.child, MSG_ADMIN_ANSWER, &a, view_of(why, strlen(why)), NULL, 0);
}

static void do_models(struct super *s, const struct msg_admin_request *r)
{
    AUTO_FD int fd = -1;
    struct msg_admin_table table = {.request = r->request};
    err_t e = table_make(s, &fd, &table.rows);
    if (e == OK)
        child_tell(s->admin.child, MSG_ADMIN_TABLE, &table, view_of(NULL, 0), &fd, 1);
    admin_answer(s, r->request, e, "");
}

static void do_state(struct super *s, const struct msg_admin_request *r)
{
    struct msg_admin_state state = admin_state(s, r->request);
    child_tell(s->admin.child, MSG_ADMIN_COUNTERS, &state, view_of(NULL, 0), NULL, 0);
    admin_answer(s, r->request, OK, "");
}

static void do_metrics(struct super *s, const struct msg_admin_request *r)
{
    counts_ask(s, r->request);
}

static void do_load(struct super *s, const struct msg_admin_request *r)
{
    struct ask ask = {.admin_request = r->request};
    loads_ask(s, &r->model, &ask);
}

static void do_unload(struct super *s, const struct msg_admin_request *r)
{
    struct infer *i = infers_by_model(&s->infers, &r->model);
    bool kept = files_drop(&s->infers, &r->model);
    prepare_stop(s, &r->model);
    bool failed = infers_forgive(&s->infers, &r->model);
    if (i == NULL && (kept || failed)) {
        admin_answer(s, r->request, OK, "");
        return;
    }
    if (i == NULL || i->state != INFER_READY) {
        admin_answer(s, r->request, ERR_MODEL_NOT_FOUND, "the model is not loaded");
        return;
    }
    if (i->admin_request != 0) {
        admin_answer(s, r->request, ERR_OVERLOADED, "another request for this model is under way");
        return;
    }
    i->admin_request = r->request;
    leave_evict(s, i);
}

static void do_drain(struct super *s, const struct msg_admin_request *r UNUSED)
{
    node_drain(s);
}

/* The keeper answers: node.c. */
static void do_heartbeat(struct super *s, const struct msg_admin_request *r)
{
    struct msg_keeper_ask ask = {.request = r->request};
    child_tell(s->keeper, MSG_KEEPER_ASK_HEARTBEAT, &ask, view_of(NULL, 0), NULL, 0);
}

static void do_csr(struct super *s, const struct msg_admin_request *r)
{
    struct msg_keeper_ask ask = {.request = r->request};
    child_tell(s->keeper, MSG_KEEPER_ASK_CSR, &ask, view_of(NULL, 0), NULL, 0);
}

static void (*const verbs[])(struct super *s, const struct msg_admin_request *r) = {
    [ADMIN_LOAD] = do_load,     [ADMIN_UNLOAD] = do_unload, [ADMIN_DRAIN] = do_drain,
    [ADMIN_MODELS] = do_models, [ADMIN_STATE] = do_state,   [ADMIN_HEARTBEAT] = do_heartbeat,
    [ADMIN_CSR] = do_csr,       [ADMIN_METRICS] = do_metrics,
};

static err_t on_request(void *self, struct wire_msg *m)
{
    const struct msg_admin_request *r = m->fixed;
    if (r->request == 0 || r->verb >= COUNT_OF(verbs) || !wire_model_fits(&r->model))
        return ERR_PROTOCOL;
    verbs[r->verb](self, r);
    return OK;
}

static err_t on_install(void *self, struct wire_msg *m)
{
    struct super *s = self;
    const struct msg_keeper_ask *install = m->fixed;
    if (install->request == 0)
        return ERR_PROTOCOL;
    if (s->installing) {
        admin_answer(s, install->request, ERR_OVERLOADED, "another certificate is being installed");
        return OK;
    }
    s->installing = true;
    s->install_request = install->request;
    child_tell(s->keeper, MSG_KEEPER_INSTALL, install, m->tail, NULL, 0);
    return OK;
}

void admin_installed(struct super *s, err_t result)
{
    if (s->installing && s->install_request != 0)
        admin_answer(s, s->install_request, result, "");
    s->installing = false;
    s->install_adopted = false;
    s->install_request = 0;
}

static err_t on_ready(void *self, struct wire_msg *m UNUSED)
{
    struct super *s = self;
    s->admin_ready = true;
    node_check_ready(s);
    return OK;
}

static const struct wire_route routes[] = {
    {MSG_ADMIN_READY, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_ready},
    {MSG_ADMIN_REQUEST, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_request},
    {MSG_ADMIN_INSTALL, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_install},
};

static err_t on_message(void *self, struct wire_msg *m)
{
    struct super *s = self;
    return s->phase == SUPER_STOPPED ? OK : wire_dispatch(routes, COUNT_OF(routes), s->phase, s, m);
}

static void on_end(void *self, int status UNUSED, int signal UNUSED)
{
    struct super *s = self;
    s->admin.child = NULL;
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        s->infers.rows[n].admin_request = 0; /* who asked is gone */
    for (unsigned n = 0; n < s->n_pending; n++)
        s->pending[n].ask.admin_request = 0;
    s->install_request = 0;
    memset(s->counting, 0, sizeof(s->counting));
    if ((s->phase & (SUPER_STOPPED | SUPER_DRAINING)) != 0)
        return;
    s->restarts++;
    service_ended(&s->admin);
}

static err_t start_admin(void *self)
{
    static const char *const args[] = {"--admin", NULL};
    struct super *s = self;
    struct child_setup setup = boot_child(s, args);
    struct msg_empty none = {0};
    struct msg_listen listen = {.port = s->admin_port};
    TRY(child_start(&s->loop, ROLE_ADMIN, &setup, (struct child_owner){s, on_message, on_end}, &s->admin.child));
    child_tell(s->admin.child, MSG_ADMIN_CONFIG, &none, view_of(NULL, 0), &s->conf_fd, 1);
    child_tell(s->admin.child, MSG_ADMIN_LISTEN, &listen, view_of(NULL, 0), &s->admin_listener, 1);
    return OK;
}

static void give_up(void *self)
{
    node_fail(self, "veronnx-front --admin cannot be kept running");
}

err_t admin_start(struct super *s)
{
    return service_init(&s->admin, &s->loop, ROLE_ADMIN, s, start_admin, give_up);
}
