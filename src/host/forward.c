/* Two sockets a connection, and what is on its way between them. */
#include "host/forward.h"

#include "base/fd.h"
#include "base/list.h"
#include "base/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ACCEPT_AT_ONCE 64
#define ROUNDS         8 /* of a direction, then it is another's turn */
#define ANSWER_MAX     32

/* What comes from a side: read there, written to the other one. */
struct side {
    struct watch watch;
    struct connection *connection;
    uint8_t *rest; /* what the other side has not taken, in memory of its own */
    size_t rest_at;
    size_t rest_len;
    bool ended; /* nothing more will come */
    bool told;  /* and the other side knows */
};

enum phase { DIALLING, GREETING, OPEN };
enum { CLIENT, ENCLAVE, SIDES };

struct connection {
    struct grave grave;
    struct list link;
    struct forwarder *forwarder;
    struct side sides[SIDES];
    enum phase phase;
    uint8_t answered; /* bytes of the device's answer */
    uint64_t moved_ms;
    struct address to; /* where its row led when it came */
};

struct entrance {
    struct watch watch;
    struct forwarder *forwarder;
    uint32_t port;
};

struct forwarder {
    struct loop *loop;
    struct forward_row rows[FORWARD_MAX];
    struct entrance entrances[FORWARD_MAX];
    size_t n;
    uint32_t most;
    uint32_t idle_ms;
    bool draining;
    struct list all; /* the connections */
    struct forward_counts counts;
    uint8_t chunk[FORWARD_CHUNK]; /* what is read is written at once, and kept only when it is not taken */
};

/* ── the end ── */

static void accept_more(struct forwarder *f);

static void bury(struct grave *g)
{
    mem_free(LIST_OF(g, struct connection, grave));
}

static void end(struct connection *c)
{
    struct forwarder *f = c->forwarder;
    for (unsigned i = 0; i < SIDES; i++) {
        watch_close(&c->sides[i].watch);
        mem_free(TAKE_PTR(c->sides[i].rest));
    }
    list_remove(&c->link);
    f->counts.open--;
    loop_bury(f->loop, &c->grave, bury);
    accept_more(f);
}

/* ── moving bytes ── */

static struct side *other(struct side *s)
{
    struct connection *c = s->connection;
    return &c->sides[s == &c->sides[CLIENT] ? ENCLAVE : CLIENT];
}

/* OK: all of it went; ERR_WOULD_BLOCK: `ret_n` of it did; ERR_CLOSED: nobody reads it any more. */
static err_t send_to(struct side *to, const uint8_t *bytes, size_t n, size_t *ret_n)
{
    size_t sent = 0;
    err_t e = OK;
    while (sent < n && e == OK) {
        ssize_t now = send(to->watch.fd, bytes + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (now >= 0)
            sent += (size_t)now;
        else if (errno != EINTR)
            e = errno == EAGAIN ? ERR_WOULD_BLOCK : ERR_CLOSED;
    }
    *ret_n = sent;
    return e;
}

static void count(struct side *s, size_t n)
{
    struct connection *c = s->connection;
    c->forwarder->counts.bytes[s == &c->sides[CLIENT] ? 0 : 1] += n;
    c->moved_ms = c->forwarder->loop->now_ms;
}

static err_t keep(struct side *s, const uint8_t *bytes, size_t n)
{
    s->rest = mem_copy(bytes, n);
    s->rest_at = 0;
    s->rest_len = n;
    return s->rest != NULL ? OK : ERR_NOMEM;
}

/* What was kept goes first. */
static err_t move_rest(struct side *s)
{
    size_t n = 0;
    if (s->rest == NULL)
        return OK;
    err_t e = send_to(other(s), s->rest + s->rest_at, s->rest_len - s->rest_at, &n);
    s->rest_at += n;
    count(s, n);
    if (e == OK)
        mem_free(TAKE_PTR(s->rest));
    return e;
}

/* The end of a direction. */
static err_t tell_end(struct side *s)
{
    if (!s->ended || s->told)
        return OK;
    s->told = true;
    return shutdown(other(s)->watch.fd, SHUT_WR) == 0 || errno == ENOTCONN ? OK : err_errno();
}

/* Reads once and writes what came. ERR_WOULD_BLOCK when one of the two can do no more now: a chunk that is not full was
   all there was, and who is asked again without need costs as much as who has something. */
static err_t move_once(struct side *s)
{
    uint8_t *chunk = s->connection->forwarder->chunk;
    size_t sent = 0;
    TRY(move_rest(s));
    if (s->ended)
        return ERR_WOULD_BLOCK;
    ssize_t n = recv(s->watch.fd, chunk, FORWARD_CHUNK, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
        return OK;
    if (n < 0)
        return errno == EAGAIN ? ERR_WOULD_BLOCK : ERR_IO;
    s->ended = n == 0;
    err_t e = send_to(other(s), chunk, (size_t)n, &sent);
    count(s, sent);
    if (e == ERR_WOULD_BLOCK)
        TRY(keep(s, chunk + sent, (size_t)n - sent));
    return e == OK && (size_t)n < FORWARD_CHUNK ? ERR_WOULD_BLOCK : e;
}

/* Who closed without reading to the end may have answered before: the other direction goes on. */
static void give_up(struct side *s)
{
    mem_free(TAKE_PTR(s->rest));
    s->ended = true;
    s->told = true;
}

static err_t move(struct side *s)
{
    err_t e = OK;
    for (unsigned round = 0; round < ROUNDS && e == OK && !(s->ended && s->rest == NULL); round++)
        e = move_once(s);
    if (e == ERR_CLOSED)
        give_up(s);
    else if (e != OK && e != ERR_WOULD_BLOCK)
        return e;
    return s->rest == NULL ? tell_end(s) : OK;
}

/* A side is read while it has not ended and what came from it went on; it is written while something for it is kept. */
static err_t watch_side(struct side *s)
{
    uint32_t events = !s->ended && s->rest == NULL ? EPOLLIN : 0;
    return watch_for(&s->watch, events | (other(s)->rest != NULL ? EPOLLOUT : 0));
}

static err_t turn(struct connection *c, struct side *ready, uint32_t events)
{
    if ((events & EPOLLOUT) != 0)
        TRY(move(other(ready)));
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        TRY(move(ready));
    if (c->sides[CLIENT].told && c->sides[ENCLAVE].told)
        return ERR_CLOSED;
    TRY(watch_side(&c->sides[CLIENT]));
    return watch_side(&c->sides[ENCLAVE]);
}

/* ── reaching the enclave ── */

static err_t open_both(struct connection *c)
{
    c->phase = OPEN;
    TRY(watch_side(&c->sides[CLIENT]));
    return watch_side(&c->sides[ENCLAVE]);
}

/* A vsock device in user space answers a line that begins with OK. It is read to its end and no further. */
static err_t read_answer(struct connection *c)
{
    static const char ok[] = "OK ";
    char byte = 0;
    ssize_t n = 0;
    while ((n = recv(c->sides[ENCLAVE].watch.fd, &byte, 1, MSG_DONTWAIT)) == 1) {
        if (c->answered == ANSWER_MAX || (c->answered < sizeof(ok) - 1 && byte != ok[c->answered]))
            return ERR_PROTOCOL;
        c->answered++;
        if (byte == '\n')
            return open_both(c);
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? OK : ERR_CLOSED;
}

static err_t greet(struct connection *c)
{
    char line[ADDRESS_GREETING_MAX];
    size_t sent = 0, n = address_greeting(&c->to, line);
    if (n == 0)
        return open_both(c);
    TRY(send_to(&c->sides[ENCLAVE], (const uint8_t *)line, n, &sent));
    c->phase = GREETING;
    return watch_for(&c->sides[ENCLAVE].watch, EPOLLIN);
}

static err_t step(struct connection *c, struct side *ready, uint32_t events)
{
    switch (c->phase) {
    case DIALLING:
        TRY(address_connected(c->sides[ENCLAVE].watch.fd));
        return greet(c);
    case GREETING:
        return read_answer(c);
    case OPEN:
    default:
        return turn(c, ready, events);
    }
}

static void on_side(struct watch *w, uint32_t events)
{
    struct side *s = LIST_OF(w, struct side, watch);
    struct connection *c = s->connection;
    if (step(c, s, events) == OK)
        return;
    c->forwarder->counts.refused += c->phase != OPEN;
    end(c);
}

/* ── taking connections ── */

/* What is small goes at once, and a Unix socket takes some chunks before its reader has come: as it is made it has room
   for less than two, so that nearly each would be taken in part and the rest kept. vsock's room is its reader's affair.
 */
static void tune(int fd, const struct address *a)
{
    int on = 1, room = FORWARD_ROOM;
    if (address_is_local(a))
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    else
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static struct connection *new_connection(struct forwarder *f, size_t row, int *client, int *enclave)
{
    struct connection *c = mem_alloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->forwarder = f;
    c->to = f->rows[row].to;
    c->moved_ms = f->loop->now_ms;
    for (unsigned i = 0; i < SIDES; i++) {
        watch_init(&c->sides[i].watch, f->loop, i == CLIENT ? client : enclave, on_side);
        c->sides[i].connection = c;
    }
    list_init(&c->link);
    list_move(&f->all, &c->link);
    f->counts.open++;
    return c;
}

static void begin(struct forwarder *f, size_t row, int *client)
{
    AUTO_FD int enclave = -1;
    bool done = false;
    const struct forward_row *r = &f->rows[row];
    f->counts.accepted++;
    if (address_connect(&r->to, &enclave, &done) != OK) {
        f->counts.refused++;
        return;
    }
    tune(*client, &r->from);
    tune(enclave, &r->to);
    struct connection *c = new_connection(f, row, client, &enclave);
    if (c != NULL && (done ? greet(c) : watch_for(&c->sides[ENCLAVE].watch, EPOLLOUT)) != OK)
        end(c);
}

/* ERR_WOULD_BLOCK: nobody waits. ERR_OVERLOADED: no room for who waits. */
static err_t take_one(struct entrance *e)
{
    struct forwarder *f = e->forwarder;
    if (f->counts.open >= f->most)
        return ERR_OVERLOADED;
    AUTO_FD int fd = accept4(e->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        begin(f, (size_t)(e - f->entrances), &fd);
    else if (errno != ECONNABORTED && errno != EINTR)
        return errno == EAGAIN ? ERR_WOULD_BLOCK : ERR_OVERLOADED;
    return OK;
}

/* Who cannot be taken waits in the system's queue; the entrances rest until a connection ends or the next tick. */
static void on_entrance(struct watch *w, uint32_t events UNUSED)
{
    err_t e = OK;
    for (unsigned n = 0; n < ACCEPT_AT_ONCE && e == OK; n++)
        e = take_one(LIST_OF(w, struct entrance, watch));
    if (e == ERR_OVERLOADED)
        (void)watch_for(w, 0);
}

static void accept_more(struct forwarder *f)
{
    for (size_t i = 0; i < f->n && !f->draining && f->counts.open < f->most; i++)
        (void)watch_for(&f->entrances[i].watch, EPOLLIN);
}

/* ── the whole ── */

static err_t open_entrance(struct forwarder *f, const struct forward_row *row)
{
    struct entrance *e = &f->entrances[f->n];
    AUTO_FD int fd = -1;
    e->forwarder = f;
    f->rows[f->n] = *row;
    if (address_listen(&row->from, &fd, &e->port) != OK) {
        (void)fprintf(stderr, "veronnx host: cannot listen on %s: %s\n", row->from.text, strerror(errno));
        return ERR_USAGE;
    }
    watch_init(&e->watch, f->loop, &fd, on_entrance);
    f->n++;
    return OK;
}

err_t forwarder_new(struct loop *l, const struct forward_row *rows, size_t n, uint32_t most, uint32_t idle_ms,
                    struct forwarder **ret)
{
    AUTO(forwarder_free) struct forwarder *f = mem_alloc(1, sizeof(*f));
    if (f == NULL)
        return ERR_NOMEM;
    f->loop = l;
    f->most = most;
    f->idle_ms = idle_ms;
    list_init(&f->all);
    for (size_t i = 0; i < n && i < FORWARD_MAX; i++)
        TRY(open_entrance(f, &rows[i]));
    accept_more(f);
    *ret = TAKE_PTR(f);
    return OK;
}

void forwarder_free(struct forwarder **forwarder)
{
    struct forwarder *f = TAKE_PTR(*forwarder);
    if (f == NULL)
        return;
    forwarder_drain(f);
    while (!list_empty(&f->all))
        end(LIST_OF(f->all.next, struct connection, link));
    mem_free(f);
}

void forwarder_aim(struct forwarder *f, size_t row, const struct address *to)
{
    f->rows[row].to = *to;
}

uint32_t forwarder_port(const struct forwarder *f, size_t row)
{
    return f->entrances[row].port;
}

void forwarder_tick(struct forwarder *f)
{
    for (struct list *at = f->all.next, *next = NULL; at != &f->all; at = next) {
        struct connection *c = LIST_OF(at, struct connection, link);
        uint64_t still_ms = f->loop->now_ms - c->moved_ms;
        next = at->next;
        if (still_ms < (c->phase == OPEN ? f->idle_ms : FORWARD_DIAL_MS))
            continue;
        f->counts.refused += c->phase != OPEN;
        end(c);
    }
    accept_more(f);
}

void forwarder_drain(struct forwarder *f)
{
    f->draining = true;
    for (size_t i = 0; i < f->n; i++)
        watch_close(&f->entrances[i].watch);
}

struct forward_counts forwarder_counts(const struct forwarder *f)
{
    return f->counts;
}
