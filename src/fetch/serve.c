/* poll over the control channel and the streams. */
#include "fetch/serve.h"

#include "base/log.h"
#include "fetch/client.h"
#include "wire/roles.h"

#include <errno.h>
#include <poll.h>

struct serve {
    struct wire_end control;
    struct wire_inbox inbox;
    const struct store *store;
    struct client clients[SERVE_CLIENTS];
    size_t n_clients;
};

static void serve_done(struct serve *s)
{
    while (s->n_clients > 0)
        client_done(&s->clients[--s->n_clients]);
    wire_inbox_done(&s->inbox);
}

/* ── control ── */

static err_t on_serve(void *self, struct wire_msg *m)
{
    struct serve *s = self;
    const struct msg_fetch_serve *msg = m->fixed;
    client_init(&s->clients[s->n_clients++], &m->fds[0], msg->infer);
    return OK;
}

/* As long as there is room for a client. */
static err_t take_messages(struct serve *s)
{
    static const struct wire_route routes[] = {{MSG_FETCH_SERVE, 1, on_serve}};
    while (s->n_clients < SERVE_CLIENTS) {
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

static err_t serve_client(struct client *c, const struct store *store, short events)
{
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
        TRY(client_read(c));
    return client_busy(c) ? client_write(c, store) : OK;
}

/* From the last to the first, so that one which goes leaves a place to one that was served. */
static void serve_clients(struct serve *s, const struct pollfd *polled)
{
    for (size_t i = s->n_clients; i-- > 0;) {
        struct client *c = &s->clients[i];
        if (polled[i].revents == 0)
            continue;
        err_t e = serve_client(c, s->store, polled[i].revents);
        if (e == OK)
            continue;
        if (e != ERR_CLOSED)
            log_event(LOG_PEER_REFUSED, ROLE_INFER, c->infer, e);
        client_done(c);
        *c = s->clients[--s->n_clients];
    }
}

static err_t serve_once(struct serve *s)
{
    struct pollfd polled[SERVE_CLIENTS + 1];
    for (size_t i = 0; i < s->n_clients; i++)
        polled[i] = (struct pollfd){.fd = s->clients[i].fd,
                                    .events = (short)(client_busy(&s->clients[i]) ? POLLIN | POLLOUT : POLLIN)};
    struct pollfd *control = &polled[s->n_clients];
    *control = (struct pollfd){.fd = s->control.fd, .events = s->n_clients < SERVE_CLIENTS ? POLLIN : 0};
    if (poll(polled, s->n_clients + 1, -1) < 0)
        return errno == EINTR ? OK : err_errno();
    short told = control->revents;
    serve_clients(s, polled);
    if ((told & (POLLHUP | POLLERR)) != 0)
        return ERR_CLOSED;
    return told != 0 ? take_messages(s) : OK;
}

err_t serve_run(const struct wire_end *control, const struct store *store)
{
    AUTO(serve_done) struct serve s = {.control = *control, .store = store};
    TRY(wire_inbox_init(&s.inbox, CHAN_FETCH));
    err_t e = wire_send(control, MSG_FETCH_READY, &(struct msg_empty){0}, (struct view){0}, NULL, 0);
    while (e == OK)
        e = serve_once(&s);
    return e == ERR_CLOSED ? OK : e;
}
