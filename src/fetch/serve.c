/* epoll over the control channel, the streams and what the engine has. */
#include "fetch/serve.h"

#include "base/log.h"
#include "base/mem.h"
#include "fetch/engine.h"
#include "wire/roles.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64

struct serve {
    struct wire_end control;
    struct wire_inbox inbox;
    int epoll;
    struct engine engine;
};

static void serve_free(struct serve **serve)
{
    struct serve *s = TAKE_PTR(*serve);
    if (s == NULL)
        return;
    engine_done(&s->engine);
    wire_inbox_done(&s->inbox);
    fd_close(&s->epoll);
    mem_free(s);
}

static err_t watch(const struct serve *s, int op, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd};
    return epoll_ctl(s->epoll, op, fd, &event) == 0 ? OK : err_errno();
}

/* ── control ── */

static err_t on_serve(void *self, struct wire_msg *m)
{
    struct serve *s = self;
    const struct msg_fetch_serve *msg = m->fixed;
    struct client *c = engine_add(&s->engine, &m->fds[0], msg->infer);
    return watch(s, EPOLL_CTL_ADD, c->fd, EPOLLIN);
}

/* As long as there is room for a client. */
static err_t take_messages(struct serve *s)
{
    static const struct wire_route routes[] = {{MSG_FETCH_SERVE, 1, on_serve}};
    while (s->engine.n_clients < ENGINE_CLIENTS) {
        struct wire_msg m = WIRE_MSG_NONE;
        err_t e = wire_recv(&s->control, &s->inbox, false, &m);
        if (e == ERR_WOULD_BLOCK)
            return OK;
        TRY(e);
        TRY(wire_dispatch(routes, COUNT_OF(routes), 1, s, &m));
    }
    return OK;
}

/* ── streams ── */

static struct client *find_client(struct serve *s, int fd)
{
    for (size_t i = 0; i < s->engine.n_clients; i++)
        if (s->engine.clients[i].fd == fd)
            return &s->engine.clients[i];
    return NULL;
}

static void drop(struct serve *s, struct client *c, err_t e)
{
    if (e != ERR_CLOSED)
        log_event(LOG_PEER_REFUSED, ROLE_INFER, c->infer, e);
    engine_drop(&s->engine, c); /* its descriptor leaves the epoll when it is closed */
}

/* One that takes nothing for so long would keep memory from the others. */
static err_t write_client(struct serve *s, struct client *c)
{
    if (!client_busy(c))
        return OK;
    TRY(client_write(c, s->engine.now_ms));
    return client_busy(c) && s->engine.now_ms >= c->went_ms + BLOCK_IDLE_MS ? ERR_TIMEOUT : OK;
}

/* From the last to the first, so that one which goes leaves a place to one that was served. */
static void write_clients(struct serve *s)
{
    for (size_t i = s->engine.n_clients; i-- > 0;) {
        err_t e = write_client(s, &s->engine.clients[i]);
        if (e != OK)
            drop(s, &s->engine.clients[i], e);
    }
}

static err_t watch_clients(const struct serve *s)
{
    for (size_t i = 0; i < s->engine.n_clients; i++) {
        const struct client *c = &s->engine.clients[i];
        TRY(watch(s, EPOLL_CTL_MOD, c->fd, client_busy(c) ? EPOLLIN | EPOLLOUT : EPOLLIN));
    }
    return OK;
}

/* ── the loop ── */

/* The control channel is only looked at while there is room for a client. */
static err_t on_event(struct serve *s, const struct epoll_event *event)
{
    int fd = (int)event->data.u64;
    struct client *c = find_client(s, fd);
    if (fd == s->control.fd)
        return take_messages(s);
    if (c == NULL) {
        engine_ready(&s->engine, fd, event->events);
        return OK;
    }
    err_t e = (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 ? engine_read(&s->engine, c) : OK;
    if (e != OK)
        drop(s, c, e);
    return OK;
}

static err_t serve_once(struct serve *s)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(s->epoll, events, EVENTS, engine_timeout(&s->engine));
    if (n < 0 && errno != EINTR)
        return err_errno();
    for (int i = 0; i < n; i++)
        TRY(on_event(s, &events[i]));
    engine_take(&s->engine);
    write_clients(s);
    engine_begin(&s->engine);
    TRY(watch_clients(s));
    return watch(s, EPOLL_CTL_MOD, s->control.fd, s->engine.n_clients < ENGINE_CLIENTS ? EPOLLIN : 0);
}

static err_t start(struct serve *s, const struct serve_setup *setup)
{
    const struct engine_setup engine = {
        .sources = setup->sources, .cache = setup->cache, .ca_file = setup->ca_file, .epoll = s->epoll};
    TRY(wire_inbox_init(&s->inbox, CHAN_FETCH));
    TRY(watch(s, EPOLL_CTL_ADD, s->control.fd, EPOLLIN));
    TRY(engine_init(&s->engine, &engine));
    return wire_send(&s->control, MSG_FETCH_READY, &(struct msg_empty){0}, (struct view){0}, NULL, 0);
}

err_t serve_run(const struct serve_setup *setup)
{
    AUTO(serve_free) struct serve *s = mem_alloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    s->control = setup->control;
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    err_t e = s->epoll >= 0 ? start(s, setup) : err_errno();
    while (e == OK)
        e = serve_once(s);
    return e == ERR_CLOSED ? OK : e;
}
