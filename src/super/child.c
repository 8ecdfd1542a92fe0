/* Starting, hearing and ending child processes with libuv. */
#include "super/child.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "super/journal.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ARGS_MAX      256
#define PATH_BYTES    4096
#define HEAR_AT_ONCE  512 /* messages: more than a socket holds, so the last words of a child that ended are all heard */
#define LOG_AT_ONCE   64

static const struct {
    const char *exe;
    enum wire_chan chan;
} roles[] = {
#define ROLE_ROW(id, name, exe) [ROLE_##id] = {exe, CHAN_##id},
#define CHAN_SUPER   CHAN_COUNT_
#define CHAN_NSM_SIM CHAN_NSM
    ROLE_TABLE(ROLE_ROW)
#undef CHAN_NSM_SIM
#undef CHAN_SUPER
#undef ROLE_ROW
};

/* What a sanitizer says on standard error must be seen; a production child says nothing there. */
#if defined(__SANITIZE_ADDRESS__)
#define CHILD_STDERR UV_INHERIT_FD
#else
#define CHILD_STDERR UV_IGNORE
#endif

/* ── the end ── */

static void free_child(struct child *c)
{
    wire_end_close(&c->control);
    wire_inbox_done(&c->inbox);
    fd_close(&c->log_fd);
    mem_free(c);
}

static void on_closed(uv_handle_t *h)
{
    struct child *c = h->data;
    if (--c->open_handles == 0)
        free_child(c);
}

/* libuv owns a handle until its close callback; the child goes with the last one. */
static void end_child(struct child *c)
{
    c->gone = true;
    c->ended = true;
    c->open_handles = c->n_handles;
    if (c->n_handles == 0)
        free_child(c);
    else
        for (unsigned n = c->n_handles, i = 0; i < n; i++)
            uv_close(c->handles[i], on_closed);
}

static void own_handle(struct child *c, void *handle)
{
    ((uv_handle_t *)handle)->data = c;
    c->handles[c->n_handles++] = handle;
}

/* False at its end, which is readable for ever, and for what is not a record. Descriptors above all: while they lie in a socket
   they count against all processes of the user, and too many of them keep others from sending theirs. */
static bool read_log(struct child *c, unsigned most)
{
    struct log_record r;
    struct iovec part = {&r, sizeof(r)};
    for (unsigned i = 0; i < most; i++) {
        struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
        ssize_t n = recvmsg(c->log_fd, &msg, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0;
        if (n != (ssize_t)sizeof(r) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
            child_kill(c, ERR_PROTOCOL);
            return false;
        }
        journal_print(&r, c->role);
    }
    return true;
}

/* Who has closed its channel may have ended by itself and said why. */
void child_kill(struct child *c, err_t reason)
{
    if (c->gone || c->killed)
        return;
    c->killed = true;
    c->unheard = reason != ERR_CLOSED;
    if (reason != OK) {
        log_event(LOG_PROCESS_KILLED, c->role, c->pid, reason);
        c->kills[reason]++;
    }
    (void)uv_process_kill(&c->process, SIGKILL);
    (void)uv_poll_stop(&c->control_poll);
}

/* ── hearing it ── */

/* Takes what is waiting, but not for ever from one that sends without an end: OK when there may be more. */
static err_t hear(struct child *c)
{
    err_t e = OK;
    for (unsigned n = 0; n < HEAR_AT_ONCE && e == OK && !c->unheard; n++) {
        struct wire_msg m = WIRE_MSG_NONE;
        e = wire_recv(&c->control, &c->inbox, false, &m);
        if (e == OK)
            e = c->owner.on_message(c->owner.self, &m);
        wire_msg_done(&m);
    }
    return e;
}

/* An error is what a child leaves that ended with messages unread; what it said is there all the same. libuv listens no more then. */
static void on_control(uv_poll_t *poll, int status, int events UNUSED)
{
    struct child *c = poll->data;
    err_t e = hear(c);
    if (status < 0 && (e == OK || e == ERR_WOULD_BLOCK))
        e = ERR_CLOSED;
    if (e == OK || e == ERR_WOULD_BLOCK)
        return;
    (void)uv_poll_stop(poll);
    if (e != ERR_CLOSED)
        log_event(LOG_PEER_REFUSED, c->role, 0, e);
    child_kill(c, e == ERR_CLOSED ? OK : e); /* who does not speak any more has no work here */
}

static void on_log(uv_poll_t *poll, int status, int events UNUSED)
{
    struct child *c = poll->data;
    if (status < 0 || c->ended || !read_log(c, LOG_AT_ONCE))
        (void)uv_poll_stop(poll);
}

void child_tell(struct child *c, enum wire_type type, const void *fixed, struct view tail, const int *fds,
                unsigned n_fds)
{
    if (c->gone)
        return;
    err_t e = wire_send(&c->control, type, fixed, tail, fds, n_fds);
    if (e != OK)
        child_kill(c, e);
}

/* What it said last still counts: a reason for its end may be there. */
static void on_exit(uv_process_t *process, int64_t status, int signal)
{
    struct child *c = process->data;
    c->gone = true;
    (void)hear(c);
    (void)read_log(c, LOG_AT_ONCE);
    log_event(LOG_PROCESS_ENDED, c->role, c->pid, status, signal);
    c->owner.on_end(c->owner.self, (int)status, signal);
    end_child(c);
}

/* ── starting it ── */

static err_t spawn(uv_loop_t *loop, struct child *c, const struct child_setup *setup, int control, int log)
{
    char path[PATH_BYTES];
    const char *args[ARGS_MAX] = {roles[c->role].exe};
    uv_stdio_container_t stdio[5] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = CHILD_STDERR, .data.fd = 2},
        {.flags = UV_INHERIT_FD, .data.fd = control},
        {.flags = UV_INHERIT_FD, .data.fd = log},
    };
    for (size_t i = 0; setup->args != NULL && setup->args[i] != NULL; i++) {
        if (i + 2 >= ARGS_MAX)
            return ERR_TOO_LARGE;
        args[i + 1] = setup->args[i];
    }
    int n = snprintf(path, sizeof(path), "%s/%s", setup->exe_dir, roles[c->role].exe);
    if (n < 0 || (size_t)n >= sizeof(path))
        return ERR_TOO_LARGE;
    uv_process_options_t options = {
        .exit_cb = on_exit,
        .file = path,
        .args = (char **)(uintptr_t)args,
        .env = (char **)(uintptr_t)setup->env,
        .cwd = setup->empty_dir,
        .stdio = stdio,
        .stdio_count = COUNT_OF(stdio),
    };
    own_handle(c, &c->process); /* uv_spawn initialises it even when it fails */
    return uv_spawn(loop, &c->process, &options) == 0 ? OK : ERR_NOT_PERMITTED;
}

static err_t watch(uv_loop_t *loop, struct child *c, uv_poll_t *poll, int fd, uv_poll_cb callback)
{
    if (uv_poll_init(loop, poll, fd) != 0)
        return ERR_INTERNAL;
    own_handle(c, poll);
    return uv_poll_start(poll, UV_READABLE, callback) == 0 ? OK : ERR_INTERNAL;
}

static err_t new_child(enum role role, const struct child_setup *setup, struct child_owner owner, struct child **ret)
{
    struct child *c = mem_alloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->role = role;
    c->kills = setup->kills;
    c->owner = owner;
    c->control.fd = -1;
    c->log_fd = -1;
    *ret = c;
    return OK;
}

static err_t start_parts(uv_loop_t *loop, struct child *c, const struct child_setup *setup)
{
    AUTO(wire_end_close) struct wire_end remote = {.fd = -1};
    int log[2] = {-1, -1};
    TRY(wire_inbox_init(&c->inbox, roles[c->role].chan));
    TRY(wire_pair(roles[c->role].chan, &c->control, &remote));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log) != 0)
        return err_errno();
    c->log_fd = log[0];
    AUTO_FD int log_remote = log[1];
    TRY(watch(loop, c, &c->control_poll, c->control.fd, on_control));
    TRY(watch(loop, c, &c->log_poll, c->log_fd, on_log));
    return spawn(loop, c, setup, remote.fd, log_remote);
}

err_t child_start(uv_loop_t *loop, enum role role, const struct child_setup *setup, struct child_owner owner,
                  struct child **ret)
{
    struct child *c = NULL;
    assert(role != ROLE_SUPER);
    TRY(new_child(role, setup, owner, &c));
    err_t e = start_parts(loop, c, setup);
    if (e == OK) {
        c->pid = c->process.pid;
        log_event(LOG_PROCESS_STARTED, role, c->pid);
        *ret = c;
        return OK;
    }
    end_child(c);
    return e;
}
