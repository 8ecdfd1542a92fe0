/* A ring of records and the connection that empties it. */
#include "super/relay.h"

#include "base/fd.h"
#include "super/dial.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_MS     2000U
#define PAUSE_FIRST_MS 100U
#define PAUSE_LAST_MS  10000U

static void connect_again(uv_timer_t *timer);

static void pause_then_connect(struct relay *r)
{
    (void)uv_timer_start(&r->timer, connect_again, r->pause_ms, 0);
    r->pause_ms = MIN(2 * r->pause_ms, PAUSE_LAST_MS);
}

static void on_poll_closed(uv_handle_t *h)
{
    struct relay *r = h->data;
    if (!uv_is_closing((uv_handle_t *)&r->timer))
        pause_then_connect(r);
}

static void hang_up(struct relay *r)
{
    if (r->fd < 0)
        return;
    r->sent = 0;
    uv_close((uv_handle_t *)&r->poll, on_poll_closed);
    fd_close(&r->fd);
}

/* ── the ring ── */

static void drop_first(struct relay *r)
{
    r->first = (r->first + 1) % RELAY_RECORDS;
    r->count--;
    r->sent = 0;
}

/* One that is partly sent stays: the stream would be out of step. */
static void make_room(struct relay *r)
{
    size_t victim = (r->first + (r->sent > 0 ? 1 : 0)) % RELAY_RECORDS;
    if (r->sent > 0)
        r->ring[victim] = r->ring[r->first];
    size_t sent = r->sent;
    drop_first(r);
    r->sent = sent;
    r->lost++;
}

static void put(struct relay *r, const struct log_record *record, uint64_t wall_us)
{
    if (r->count == RELAY_RECORDS)
        make_room(r);
    r->ring[(r->first + r->count++) % RELAY_RECORDS] = (struct log_sent){wall_us, *record};
}

/* What was lost is told where it would have stood last. */
static void put_lost(struct relay *r, uint64_t wall_us)
{
    struct log_record record = {.event = LOG_LOG_DROPPED, .role = ROLE_SUPER, .count = LOG_LOG_DROPPED_ARGS};
    if (r->lost == 0 || r->count > RELAY_RECORDS / 2)
        return;
    record.args[0] = (int64_t)MIN(r->lost, (uint64_t)UINT32_MAX);
    r->lost = 0;
    put(r, &record, wall_us);
}

/* ── the connection ── */

/* OK when all is sent, ERR_WOULD_BLOCK when the other side takes no more now. */
static err_t send_some(struct relay *r)
{
    while (r->count > 0) {
        const uint8_t *record = (const uint8_t *)&r->ring[r->first];
        ssize_t n = send(r->fd, record + r->sent, sizeof(struct log_sent) - r->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? ERR_WOULD_BLOCK : ERR_CLOSED;
        r->sent += (size_t)n;
        if (r->sent == sizeof(struct log_sent))
            drop_first(r);
    }
    return OK;
}

static void on_event(uv_poll_t *poll, int status, int events);

static void send_and_watch(struct relay *r)
{
    err_t e = send_some(r);
    if (e == ERR_CLOSED)
        hang_up(r);
    else
        (void)uv_poll_start(&r->poll, e == OK ? UV_READABLE : UV_READABLE | UV_WRITABLE, on_event);
}

/* Nothing is ever said in this direction: what can be read is the end, or a machine that breaks the form. */
static void on_event(uv_poll_t *poll, int status, int events)
{
    struct relay *r = poll->data;
    if (status < 0 || (events & UV_READABLE) != 0)
        hang_up(r);
    else
        send_and_watch(r);
}

static void on_connected(void *self, uint32_t tag UNUSED, err_t e, int *fd)
{
    struct relay *r = self;
    if (e != OK || uv_poll_init(r->loop, &r->poll, *fd) != 0) {
        pause_then_connect(r);
        return;
    }
    r->fd = TAKE_FD(*fd);
    r->poll.data = r;
    r->pause_ms = PAUSE_FIRST_MS;
    uv_unref((uv_handle_t *)&r->poll);
    send_and_watch(r);
}

static void connect_again(uv_timer_t *timer)
{
    struct relay *r = timer->data;
    if (dial_start(r->loop, r->to, CONNECT_MS, (struct dialer){r, 0, on_connected}) != OK)
        pause_then_connect(r);
}

err_t relay_start(struct relay *r, uv_loop_t *loop, const struct address *to)
{
    r->loop = loop;
    r->to = to;
    r->fd = -1;
    r->pause_ms = PAUSE_FIRST_MS;
    if (uv_timer_init(loop, &r->timer) != 0)
        return ERR_INTERNAL;
    r->timer.data = r;
    connect_again(&r->timer);
    uv_unref((uv_handle_t *)&r->timer);
    return OK;
}

void relay_take(void *self, const struct log_record *record, uint64_t wall_us)
{
    struct relay *r = self;
    put_lost(r, wall_us);
    put(r, record, wall_us);
    if (r->fd >= 0)
        send_and_watch(r);
}

void relay_flush(struct relay *r)
{
    if (r->fd >= 0)
        (void)send_some(r);
}
