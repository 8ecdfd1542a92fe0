/* Start-up, the jail and the loop. */
#include "keeper/keeper.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "jail/jail.h"
#include "keeper/state.h"
#include "keeper/tags.h"
#include "wire/roles.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sched.h>
#include <sys/epoll.h>

#define EVENTS (2 + 2 * FRONTS_MAX + LIVE_INFERS_MAX) /* all that there can be, so that no kind hides behind another   \
                                                       */
#define LOOK_MS 100                                   /* how long tickets may lie unread when nothing else happens */

err_t keeper_enter_jail(struct keeper *k)
{
    const int keep[] = {CONTROL_FD, LOG_FD, k->epoll, k->trust.module.fd};
    const struct jail_paths paths = {.empty_dir = ".", .keep_fds = keep, .n_keep_fds = COUNT_OF(keep)};
    struct jail_failure failure = {0};
    err_t e = jail_enter(JAIL_KEEPER, &paths, &failure);
    if (e != OK)
        log_event(LOG_JAIL_FAILED, ROLE_KEEPER, JAIL_KEEPER, failure.step, failure.os_error);
    return e;
}

err_t keeper_watch(struct keeper *k, int fd, uint64_t tag)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = tag};
    return epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? OK : err_errno();
}

/* An infer or a front may be gone by the time its event is looked at. */
static err_t serve_event(struct keeper *k, uint64_t tag)
{
    uint32_t number = TAG_NUMBER(tag);
    uint64_t kind = tag & TAG_KIND;
    struct keeper_front *f = kind == TAG_SIGN || kind == TAG_PROOF ? peers_front(&k->peers, (uint16_t)number) : NULL;
    if (f != NULL && kind == TAG_SIGN)
        keeper_handshakes(k, f);
    if (f != NULL && kind == TAG_PROOF)
        return keeper_questions(k, f);
    if (kind == TAG_MODULE)
        return keeper_module(k);
    return kind == TAG_REPORT ? keeper_reports(k, number) : OK;
}

static bool has_kind(const struct epoll_event *events, int n, uint64_t kind)
{
    for (int i = 0; i < n; i++)
        if ((events[i].data.u64 & TAG_KIND) == kind)
            return true;
    return false;
}

/* The supervisor's messages come first: what a front or an infer says may rest on them. A ticket wakes nobody, for a
   report will follow; but reports can fail to come, and the tickets must not fill their socket. Where a ticket is alone
   its report is answered before anybody looks for another one.

   Whoever has just reported was stopped for it. Where there are others it goes on first, and what all report meanwhile
   shares a signature; a handshake does not wait for that. */
static err_t serve_once(struct keeper *k)
{
    UNINITIALIZED struct epoll_event events[EVENTS];
    int n = epoll_wait(k->epoll, events, EVENTS, LOOK_MS);
    if (n < 0)
        return errno == EINTR ? OK : err_errno();
    if (has_kind(events, n, TAG_CONTROL))
        TRY(keeper_control(k));
    keeper_tickets(k, n == 0 || !has_kind(events, n, TAG_REPORT));
    k->company = k->tickets.count > 1 || k->shared;
    if (k->company && has_kind(events, n, TAG_REPORT) && !has_kind(events, n, TAG_SIGN))
        (void)sched_yield();
    for (int i = 0; i < n; i++)
        TRY(serve_event(k, events[i].data.u64));
    TRY(keeper_flush(k));
    return documents_look(&k->documents);
}

static err_t start(struct keeper *k)
{
    peers_init(&k->peers);
    tickets_init(&k->tickets);
    k->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (k->epoll < 0)
        return err_errno();
    TRY(sha256_setup());
    TRY(wire_inbox_init(&k->inbox, CHAN_KEEPER));
    TRY(wire_inbox_init(&k->ticket_inbox, CHAN_TICKET));
    TRY(wire_inbox_init(&k->report_inbox, CHAN_REPORT));
    buf_init(&k->receipts, WIRE_TAIL_MAX);
    TRY(wire_wait(&k->control, 5000));
    TRY(keeper_control(k));
    if (k->phase != KEEPER_SERVING)
        return ERR_PROTOCOL;
    TRY(keeper_watch(k, k->trust.module.fd, TAG_MODULE));
    return keeper_watch(k, k->control.fd, TAG_CONTROL);
}

static void finish(struct keeper *k)
{
    trust_done(&k->trust);
    peers_done(&k->peers);
    batch_done(&k->batch);
    keys_done(&k->keys);
    wire_inbox_done(&k->inbox);
    wire_inbox_done(&k->ticket_inbox);
    wire_inbox_done(&k->report_inbox);
    buf_done(&k->receipts);
    fd_close(&k->epoll);
}

int keeper_main(void)
{
    AUTO_MEM struct keeper *k = mem_alloc(1, sizeof(*k));
    log_setup(LOG_FD, ROLE_KEEPER);
    if (k == NULL || OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return 1;
    k->phase = KEEPER_FRESH;
    k->trust.module.fd = -1;
    k->control = (struct wire_end){CONTROL_FD, CHAN_KEEPER, SIDE_B};
    err_t e = start(k);
    while (e == OK)
        e = serve_once(k);
    if (e != ERR_CLOSED)
        log_event(LOG_PEER_REFUSED, ROLE_SUPER, 0, e);
    finish(k);
    return e == ERR_CLOSED ? 0 : 1;
}
