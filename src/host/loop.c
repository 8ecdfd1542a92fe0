/* epoll. */
#include "host/loop.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <sys/epoll.h>

#define EVENTS 256

err_t loop_init(struct loop *l, void *self, void (*on_tick)(void *self))
{
    *l = (struct loop){.self = self, .on_tick = on_tick, .now_ms = clock_mono_ms()};
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    return l->epoll >= 0 ? OK : err_errno();
}

static void dig(struct loop *l)
{
    while (l->graves != NULL) {
        struct grave *g = l->graves;
        l->graves = g->next;
        g->bury(g);
    }
}

void loop_done(struct loop *l)
{
    dig(l);
    fd_close(&l->epoll);
}

static void run_once(struct loop *l, const struct epoll_event *events, int n)
{
    l->now_ms = clock_mono_ms();
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;
        if (w->fd >= 0 && w->events != 0)
            w->on_ready(w, events[i].events);
    }
    dig(l);
}

err_t loop_run(struct loop *l)
{
    struct epoll_event events[EVENTS];
    uint64_t next_ms = clock_mono_ms() + LOOP_TICK_MS;
    while (!l->stop) {
        uint64_t now = clock_mono_ms();
        int n = epoll_wait(l->epoll, events, EVENTS, now < next_ms ? (int)(next_ms - now) : 0);
        if (n < 0 && errno != EINTR)
            return err_errno();
        run_once(l, events, n);
        if (l->now_ms >= next_ms) {
            next_ms = l->now_ms + LOOP_TICK_MS;
            l->on_tick(l->self);
            dig(l);
        }
    }
    return OK;
}

void watch_init(struct watch *w, struct loop *l, int *fd, void (*on_ready)(struct watch *w, uint32_t events))
{
    *w = (struct watch){.fd = TAKE_FD(*fd), .loop = l, .on_ready = on_ready};
}

/* A descriptor that waits for nothing leaves the epoll, or it would tell of its peer's end without end. */
err_t watch_for(struct watch *w, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = w};
    int op = w->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (w->fd < 0 || events == w->events)
        return OK;
    if (epoll_ctl(w->loop->epoll, op, w->fd, &event) != 0)
        return err_errno();
    w->events = events;
    return OK;
}

void watch_close(struct watch *w)
{
    fd_close(&w->fd);
    w->events = 0;
}

void loop_bury(struct loop *l, struct grave *g, void (*bury)(struct grave *g))
{
    g->bury = bury;
    g->next = l->graves;
    l->graves = g;
}
