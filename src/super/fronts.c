/* The public front: starting it with fresh channels, and what it asks for. */
#include "super/state.h"

#include "base/clock.h"
#include "base/fd.h"
#include "super/listen.h"
#include "wire/model.h"

#include <string.h>
#include <sys/socket.h>

#define TICKET_ROOM (512 * 1024)

/* ── answers ── */

static bool is_waiting(const struct super *s, const struct ask *ask)
{
    return ask->front_request != 0 && s->front.child != NULL && ask->front_generation == s->generation;
}

/* A fresh pair of channels between this front and this infer. Front never reads from the one for cancellations, so nothing may be
   put there: descriptors that lie in a socket count against all processes of the user. */
void front_answer_model(struct super *s, const struct ask *ask, struct infer *i)
{
    AUTO(wire_end_close) struct wire_end job_front = {.fd = -1}, job_infer = {.fd = -1};
    AUTO(wire_end_close) struct wire_end cancel_front = {.fd = -1}, cancel_infer = {.fd = -1};
    struct msg_infer_front to_infer = {.generation = ask->front_generation};
    struct msg_front_model to_front = {.request = ask->front_request, .infer = i->number};
    if (!is_waiting(s, ask))
        return;
    if (wire_pair(CHAN_JOB, &job_front, &job_infer) != OK || wire_pair(CHAN_CANCEL, &cancel_front, &cancel_infer) != OK ||
        shutdown(cancel_front.fd, SHUT_RD) != 0) {
        front_answer_failed(s, ask, ERR_OVERLOADED, "", 1000);
        return;
    }
    i->front_generation = ask->front_generation;
    memcpy(to_front.model_sha256, i->sealed.model_sha256, sizeof(to_front.model_sha256));
    child_tell(i->child, MSG_INFER_FRONT, &to_infer, view_of(NULL, 0), (const int[]){job_infer.fd, cancel_infer.fd}, 2);
    child_tell(s->front.child, MSG_FRONT_MODEL, &to_front, view_of(NULL, 0),
               (const int[]){job_front.fd, cancel_front.fd}, 2);
}

void front_answer_failed(struct super *s, const struct ask *ask, err_t reason, const char *why, uint32_t retry_ms)
{
    struct msg_front_failed failed = {.request = ask->front_request, .reason = reason, .retry_ms = retry_ms};
    if (is_waiting(s, ask))
        child_tell(s->front.child, MSG_FRONT_FAILED, &failed, view_of(why, strlen(why)), NULL, 0);
}

/* ── questions ── */

static err_t on_ready(void *self, struct wire_msg *m UNUSED)
{
    struct super *s = self;
    s->front_ready = true;
    node_check_ready(s);
    if (s->install_adopted) /* else it is a new front, and the keeper still waits for the module */
        admin_installed(s, OK);
    return OK;
}

static err_t on_load(void *self, struct wire_msg *m)
{
    struct super *s = self;
    const struct msg_front_load *load = m->fixed;
    struct ask ask = {.front_request = load->request, .front_generation = s->generation};
    if (load->request == 0 || !wire_model_fits(&load->model))
        return ERR_PROTOCOL;
    loads_ask(s, &load->model, &ask);
    return OK;
}

/* Clients may ask for it if the configuration says so; who waits for the end of a model is the administration. */
static err_t on_unload(void *self, struct wire_msg *m)
{
    struct super *s = self;
    const struct msg_front_load *unload = m->fixed;
    if (s->conf->model_control == 0 || unload->request != 0 || !wire_model_fits(&unload->model))
        return ERR_PROTOCOL;
    struct infer *i = infers_by_model(&s->infers, &unload->model);
    (void)files_drop(&s->infers, &unload->model);
    prepare_stop(s, &unload->model);
    (void)infers_forgive(&s->infers, &unload->model);
    if (i != NULL)
        leave_evict(s, i);
    return OK;
}

static struct infer *named_infer(struct super *s, const struct wire_msg *m)
{
    return infers_by_number(&s->infers, ((const struct msg_front_infer *)m->fixed)->infer);
}

static err_t on_released(void *self, struct wire_msg *m)
{
    struct super *s = self;
    struct infer *i = named_infer(s, m);
    if (i != NULL && i->releasing)
        leave_kill(s, i, OK);
    return OK;
}

static err_t on_active(void *self, struct wire_msg *m)
{
    const struct msg_front_active *active = m->fixed;
    struct infer *i = infers_by_number(&((struct super *)self)->infers, active->infer);
    if (active->slow > 1)
        return ERR_PROTOCOL;
    if (i == NULL)
        return OK;
    infers_used(i, clock_mono_ms());
    i->share.slow = active->slow != 0;
    cores_need_tick(self);
    files_used(&((struct super *)self)->infers, &i->model, i->used_ms);
    return OK;
}

static err_t on_hung(void *self, struct wire_msg *m)
{
    struct super *s = self;
    const struct msg_front_hung *hung = m->fixed;
    struct infer *i = infers_by_number(&s->infers, hung->infer);
    err_t reason = err_from_wire(hung->reason);
    if (i != NULL && i->state == INFER_READY)
        leave_kill(s, i, reason != OK ? reason : ERR_MODEL_DIED);
    return OK;
}

static err_t on_counts(void *self, struct wire_msg *m)
{
    counts_take(self, m->fixed);
    return OK;
}

static err_t on_drained(void *self, struct wire_msg *m UNUSED)
{
    struct super *s = self;
    node_stop(s, 0);
    return OK;
}

static const struct wire_route routes[] = {
    {MSG_FRONT_READY, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_ready},
    {MSG_FRONT_LOAD, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_load},
    {MSG_FRONT_UNLOAD, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_unload},
    {MSG_FRONT_RELEASED, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_released},
    {MSG_FRONT_ACTIVE, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_active},
    {MSG_FRONT_HUNG, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_hung},
    {MSG_FRONT_COUNTS, SUPER_STARTING | SUPER_SERVING | SUPER_DRAINING, on_counts},
    {MSG_FRONT_DRAINED, SUPER_DRAINING, on_drained},
};

static err_t on_message(void *self, struct wire_msg *m)
{
    struct super *s = self;
    return s->phase == SUPER_STOPPED ? OK : wire_dispatch(routes, COUNT_OF(routes), s->phase, s, m);
}

/* ── starting ── */

static void on_end(void *self, int status UNUSED, int signal UNUSED)
{
    struct super *s = self;
    struct msg_keeper_front gone = {.generation = s->generation};
    s->front.child = NULL;
    s->front_ready = false;
    if (s->phase == SUPER_STOPPED)
        return;
    child_tell(s->keeper, MSG_KEEPER_FRONT_GONE, &gone, view_of(NULL, 0), NULL, 0);
    if (s->phase == SUPER_DRAINING) {
        node_stop(s, 1);
        return;
    }
    leave_front_gone(s);
    counts_front_gone(s);
    s->restarts++;
    service_ended(&s->front);
}

/* What a front and the keeper say to each other. */
struct shared {
    struct wire_end sign_front, sign_keeper;
    struct wire_end ticket_front, ticket_keeper;
    struct wire_end proof_front, proof_keeper;
};

static void shared_close(struct shared *c)
{
    wire_end_close(&c->sign_front);
    wire_end_close(&c->sign_keeper);
    wire_end_close(&c->ticket_front);
    wire_end_close(&c->ticket_keeper);
    wire_end_close(&c->proof_front);
    wire_end_close(&c->proof_keeper);
}

/* The keeper reads tickets late, so they need room: for as many as its table has places (1,024) where the system allows
   that, and with the usual limit of 208 KiB still for more than a front has calls (512). The kernel notes when they came. */
static err_t shared_open(struct shared *c)
{
    TRY(wire_pair(CHAN_SIGN, &c->sign_front, &c->sign_keeper));
    TRY(wire_pair(CHAN_TICKET, &c->ticket_front, &c->ticket_keeper));
    TRY(wire_pair(CHAN_PROOF, &c->proof_front, &c->proof_keeper));
    TRY(wire_room(&c->ticket_front, TICKET_ROOM));
    TRY(wire_room(&c->ticket_keeper, TICKET_ROOM));
    return wire_stamp(&c->ticket_keeper);
}

static err_t introduce(struct super *s, struct child *front, const struct shared *c)
{
    struct msg_keeper_front known = {.generation = s->generation};
    struct msg_front_start start = {.generation = s->generation, .preloading = preload_waits(s)};
    struct msg_empty none = {0};
    child_tell(s->keeper, MSG_KEEPER_FRONT, &known, view_of(NULL, 0),
               (const int[]){c->sign_keeper.fd, c->ticket_keeper.fd}, 2);
    child_tell(s->keeper, MSG_KEEPER_PROOF, &known, view_of(NULL, 0), &c->proof_keeper.fd, 1);
    child_tell(front, MSG_FRONT_CONFIG, &none, view_of(NULL, 0), &s->conf_fd, 1);
    child_tell(front, MSG_FRONT_IDENTITY, &none, view_of(NULL, 0), (const int[]){s->identity_fd, c->proof_front.fd}, 2);
    child_tell(front, MSG_FRONT_START, &start, view_of(NULL, 0), (const int[]){c->sign_front.fd, c->ticket_front.fd},
               2);
    for (uint32_t n = 0; n < s->conf->n_listen; n++) {
        struct msg_listen listen = {.port = s->ports[n]};
        TRY(listen_again(s->listeners[n], s->ports[n]));
        child_tell(front, MSG_FRONT_LISTEN, &listen, view_of(NULL, 0), &s->listeners[n], 1);
    }
    return OK;
}

/* Once it runs the keeper knows of it, so that its end can be told. */
static err_t start_front(void *self)
{
    struct super *s = self;
    struct child_setup setup = boot_child(s, NULL);
    const struct wire_end none = {.fd = -1};
    AUTO(shared_close) struct shared c = {none, none, none, none, none, none};
    if (s->generation == UINT16_MAX)
        return ERR_TOO_LARGE; /* job numbers would repeat */
    TRY(shared_open(&c));
    TRY(child_start(&s->loop, ROLE_FRONT, &setup, (struct child_owner){s, on_message, on_end}, &s->front.child));
    s->generation++;
    return introduce(s, s->front.child, &c);
}

void front_renew(struct super *s)
{
    const struct msg_empty none = {0};
    if (s->front.child != NULL)
        child_tell(s->front.child, MSG_FRONT_IDENTITY, &none, view_of(NULL, 0), &s->identity_fd, 1);
}

static void give_up(void *self)
{
    node_fail(self, "veronnx-front cannot be kept running");
}

err_t fronts_start(struct super *s)
{
    return service_init(&s->front, &s->loop, ROLE_FRONT, s, start_front, give_up);
}
