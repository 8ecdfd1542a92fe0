/* Start, jail and loop of both executables. */
#include "nsm/process.h"

#include "attest/module.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/roles.h"

#include <errno.h>
#include <poll.h>

#define START_MS 5000

enum phase { PHASE_FRESH = 1, PHASE_STARTED = 2 };

struct process {
    const struct nsm_kind *kind;
    enum phase phase;
    struct wire_end control;
    struct wire_inbox inbox; /* of the channel that is being read */
    struct nsm_given given;
    struct nsm_device device;
    uint8_t response[NSM_RESPONSE_MAX];
};

/* ── start ── */

static err_t take(struct wire_msg *m, int *ret_fd)
{
    if (*ret_fd >= 0)
        return ERR_PROTOCOL;
    *ret_fd = TAKE_FD(m->fds[0]);
    return OK;
}

static err_t on_device(void *self, struct wire_msg *m)
{
    return take(m, &((struct process *)self)->given.device);
}

static err_t on_state(void *self, struct wire_msg *m)
{
    return take(m, &((struct process *)self)->given.state);
}

static err_t on_start(void *self, struct wire_msg *m)
{
    struct process *p = self;
    p->phase = PHASE_STARTED;
    return take(m, &p->given.module.fd);
}

static const struct wire_route routes[] = {
    {MSG_NSM_DEVICE, PHASE_FRESH, on_device},
    {MSG_NSM_STATE, PHASE_FRESH, on_state},
    {MSG_NSM_START, PHASE_FRESH, on_start},
};

static err_t hear_supervisor(struct process *p)
{
    struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_recv(&p->control, &p->inbox, false, &m));
    return wire_dispatch(routes, COUNT_OF(routes), p->phase, p, &m);
}

static err_t enter_jail(struct process *p)
{
    const int keep[] = {CONTROL_FD, LOG_FD, p->given.module.fd, p->given.device};
    const struct jail_paths paths = {
        .empty_dir = ".", .keep_fds = keep, .n_keep_fds = COUNT_OF(keep) - (p->given.device < 0 ? 1 : 0)};
    struct jail_failure failure = {0};
    err_t e = jail_enter(p->kind->row, &paths, &failure);
    if (e != OK)
        log_event(LOG_JAIL_FAILED, p->kind->role, p->kind->row, failure.step, failure.os_error);
    return e;
}

static err_t start(struct process *p)
{
    TRY(wire_inbox_init(&p->inbox, CHAN_NSM));
    while (p->phase == PHASE_FRESH) {
        TRY(wire_wait(&p->control, START_MS));
        TRY(hear_supervisor(p));
    }
    wire_inbox_done(&p->inbox);
    TRY(p->kind->open(&p->given, &p->device));
    TRY(enter_jail(p));
    TRY(wire_inbox_init(&p->inbox, CHAN_MODULE));
    return wire_send_wait(&p->control, MSG_NSM_READY, &(struct msg_empty){0}, view_of(NULL, 0), NULL, 0);
}

/* ── loop ── */

static err_t answer_keeper(struct process *p)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct nsm_request q;
    uint32_t id = 0;
    TRY(wire_recv(&p->given.module, &p->inbox, false, &m));
    TRY(module_request(&m, &id, &q));
    struct nsm_response answer = device_ask(&p->device, &q, p->response);
    if (answer.error != NSM_SUCCESS)
        log_event(LOG_NSM_REFUSED, q.op, answer.error);
    return module_reply(&p->given.module, id, &answer);
}

/* The supervisor has nothing more to say: only its end is news. */
static err_t serve_once(struct process *p)
{
    struct pollfd fds[] = {{.fd = p->control.fd, .events = POLLIN}, {.fd = p->given.module.fd, .events = POLLIN}};
    if (poll(fds, COUNT_OF(fds), -1) < 0)
        return errno == EINTR ? OK : err_errno();
    if (fds[0].revents != 0)
        return wire_recv(&p->control, &p->inbox, false, &WIRE_MSG_NONE) == ERR_CLOSED ? ERR_CLOSED : ERR_PROTOCOL;
    err_t e = answer_keeper(p);
    return e == ERR_WOULD_BLOCK ? OK : e;
}

int process_run(const struct nsm_kind *kind)
{
    AUTO_MEM struct process *p = mem_alloc(1, sizeof(*p));
    log_setup(LOG_FD, kind->role);
    if (p == NULL)
        return 1;
    *p = (struct process){
        .kind = kind,
        .phase = PHASE_FRESH,
        .control = {CONTROL_FD, CHAN_NSM, SIDE_B},
        .given = {.device = -1, .state = -1, .module = {-1, CHAN_MODULE, SIDE_B}},
    };
    err_t e = start(p);
    bool started = e == OK;
    while (e == OK)
        e = serve_once(p);
    if (started && e != ERR_CLOSED)
        log_event(LOG_PEER_REFUSED, ROLE_KEEPER, 0, e);
    else if (e != ERR_CLOSED)
        log_event(LOG_NSM_FAILED, p->phase, e);
    wire_inbox_done(&p->inbox);
    wire_end_close(&p->given.module);
    fd_close(&p->given.device);
    fd_close(&p->given.state);
    return e == ERR_CLOSED ? 0 : 1;
}
