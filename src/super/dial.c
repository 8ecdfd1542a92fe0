/* A connecting socket, its poll and its clock. */
#include "super/dial.h"

#include "base/fd.h"
#include "base/mem.h"

struct dial {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open_handles;
    int fd;
    struct dialer who;
};

static void on_closed(uv_handle_t *h)
{
    struct dial *d = h->data;
    if (--d->open_handles > 0)
        return;
    fd_close(&d->fd);
    mem_free(d);
}

/* The node's end closes timers by itself, and then nobody wants to hear of this any more. */
static void finish(struct dial *d, err_t e)
{
    if (uv_is_closing((uv_handle_t *)&d->timer)) {
        (void)uv_poll_stop(&d->poll);
        return;
    }
    AUTO_FD int fd = e == OK ? TAKE_FD(d->fd) : -1;
    struct dialer who = d->who;
    uv_close((uv_handle_t *)&d->poll, on_closed);
    uv_close((uv_handle_t *)&d->timer, on_closed);
    who.on_done(who.self, who.tag, e, &fd);
}

static void on_writable(uv_poll_t *poll, int status, int events UNUSED)
{
    struct dial *d = poll->data;
    finish(d, status < 0 ? ERR_IO : address_connected(d->fd));
}

static void on_late(uv_timer_t *timer)
{
    finish(timer->data, ERR_TIMEOUT);
}

/* What waits here does not keep the node from ending. */
static err_t watch(uv_loop_t *loop, struct dial *d, uint32_t timeout_ms)
{
    if (uv_timer_init(loop, &d->timer) != 0)
        return ERR_INTERNAL;
    if (uv_poll_init(loop, &d->poll, d->fd) != 0) {
        d->open_handles = 1;
        uv_close((uv_handle_t *)&d->timer, on_closed);
        return ERR_INTERNAL;
    }
    (void)uv_timer_start(&d->timer, on_late, timeout_ms, 0);
    (void)uv_poll_start(&d->poll, UV_WRITABLE, on_writable);
    uv_unref((uv_handle_t *)&d->timer);
    uv_unref((uv_handle_t *)&d->poll);
    return OK;
}

err_t dial_start(uv_loop_t *loop, const struct address *to, uint32_t timeout_ms, struct dialer who)
{
    bool done = false;
    AUTO_FD int fd = -1;
    TRY(address_connect(to, &fd, &done)); /* one that is connected is writable at once */
    struct dial *d = mem_alloc(1, sizeof(*d));
    if (d == NULL)
        return ERR_NOMEM;
    d->who = who;
    d->fd = TAKE_FD(fd);
    d->open_handles = 2;
    d->poll.data = d->timer.data = d;
    return watch(loop, d, timeout_ms);
}
