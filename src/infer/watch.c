/* Polling, dispatching, expiring. */
#include "infer/watch.h"

#include "base/clock.h"
#include "infer/end.h"
#include "infer/warm.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HOLD_MS    2 /* how often it comes by while workers hold something */
#define IDLE_TICKS 16

/* ── the supervisor ── */

static err_t on_grant(void *self, struct wire_msg *m)
{
    struct watch *w = self;
    const struct msg_infer_bytes *granted = m->fixed;
    return memory_answer(&w->crew->memory, granted->bytes);
}

static void drop_front(struct watch *w)
{
    if (w->front == NULL)
        return;
    atomic_store(&w->front->dead, true);
    runs_cancel_front(&w->crew->runs, w->front);
    seat_let_go(&w->crew->seat, w->front);
    w->front = NULL;
}

/* Its first message is what the model takes and gives. A front that dies before it can be told has had no job from
   anyone. */
static err_t on_front(void *self, struct wire_msg *m)
{
    struct watch *w = self;
    struct msg_empty none = {0};
    struct front *f = NULL;
    drop_front(w);
    TRY(front_new(&m->fds[0], &m->fds[1], &f));
    w->front = f;
    err_t e = wire_send(&f->job, MSG_META, &none, w->crew->session.signature.encoded, NULL, 0);
    if (e != OK && e != ERR_CLOSED)
        return e;
    seat_put(&w->crew->seat, f);
    warm_stop(w->crew);
    return OK;
}

/* While nobody has asked for a run. */
static err_t on_warm(void *self, struct wire_msg *m)
{
    struct watch *w = self;
    w->crew->warm_ms = ((const struct msg_infer_warm *)m->fixed)->ms;
    seat_warm(&w->crew->seat);
    return OK;
}

static const struct wire_route routes[] = {
    {MSG_INFER_GRANT, WATCH_LOADING | WATCH_SERVING, on_grant},
    {MSG_INFER_FRONT, WATCH_SERVING, on_front},
    {MSG_INFER_WARM, WATCH_SERVING, on_warm},
};

static void hear_supervisor(struct watch *w)
{
    struct wire_msg m = WIRE_MSG_NONE;
    err_t e = wire_recv(w->control, &w->inbox, false, &m);
    unsigned type = m.type;
    if (e == OK)
        e = wire_dispatch(routes, COUNT_OF(routes), w->state, w, &m);
    if (e == ERR_CLOSED)
        _exit(0);
    if (e != OK && e != ERR_WOULD_BLOCK)
        end_refusing(ROLE_SUPER, type, e);
}

/* ── front ── */

static void hear_front(struct watch *w)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    err_t e = wire_recv(&w->front->cancel, &w->cancels, false, &m);
    if (e == OK)
        runs_cancel(&w->crew->runs, ((const struct msg_cancel *)m.fixed)->job);
    else if (e == ERR_CLOSED)
        drop_front(w);
    else if (e != ERR_WOULD_BLOCK)
        end_refusing(ROLE_FRONT, m.type, e);
}

/* ── the clock ── */

/* Looks after what workers hold while any does, and a little longer: being called again costs more. One that begins to
   hold something when the flag has just fallen raises it, or was seen. */
static bool relieve(struct watch *w, uint64_t now)
{
    struct crew *crew = w->crew;
    if (!atomic_load(&crew->holding) || now < w->relieved_ms + HOLD_MS)
        return atomic_load(&crew->holding);
    w->relieved_ms = now;
    w->idle_ticks = workers_relieve(crew) ? 0 : w->idle_ticks + 1;
    if (w->idle_ticks < IDLE_TICKS)
        return true;
    w->idle_ticks = 0;
    atomic_store(&crew->holding, false);
    if (workers_relieve(crew))
        atomic_store(&crew->holding, true);
    return atomic_load(&crew->holding);
}

/* Stops runs that are due; how long until the next one is. */
static int time_left(struct watch *w)
{
    uint64_t now = clock_mono_ms();
    uint64_t next = runs_expire(&w->crew->runs, now);
    if (relieve(w, now))
        next = MIN(next, now + HOLD_MS);
    if (w->state == WATCH_LOADING) {
        next = MIN(next, w->load_deadline_ms);
        if (w->load_deadline_ms <= now)
            end_without_model(w->control, ERR_MODEL_LOAD_TIMEOUT, &(struct why){{0}});
    }
    return next == RUNS_NEVER ? -1 : (int)MIN(next - now, INT32_MAX);
}

static void take_wake(const struct watch *w)
{
    eventfd_t count = 0;
    (void)eventfd_read(w->wake_fd, &count);
}

err_t watch_init(struct watch *w, struct crew *crew, struct wire_end *control, int wake_fd)
{
    *w = (struct watch){.crew = crew, .control = control, .wake_fd = wake_fd, .state = WATCH_LOADING};
    TRY(wire_inbox_init(&w->inbox, CHAN_INFER));
    TRY(wire_inbox_init(&w->cancels, CHAN_CANCEL));
    return sem_init(&w->begin, 0, 0) == 0 ? OK : ERR_INTERNAL;
}

void watch_loop(struct watch *w)
{
    while (sem_wait(&w->begin) != 0)
        continue;
    for (;;) {
        struct pollfd fds[] = {{.fd = w->control->fd, .events = POLLIN},
                               {.fd = w->wake_fd, .events = POLLIN},
                               {.fd = w->front != NULL ? w->front->cancel.fd : -1, .events = POLLIN}};
        int n = poll(fds, COUNT_OF(fds), time_left(w));
        if (n < 0 && errno != EINTR)
            end_refusing(ROLE_INFER, 0, err_errno());
        if (n <= 0)
            continue;
        if (fds[1].revents != 0)
            take_wake(w);
        if (fds[2].revents != 0)
            hear_front(w);
        if (fds[0].revents != 0)
            hear_supervisor(w);
    }
}
