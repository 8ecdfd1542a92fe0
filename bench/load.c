/* load PORT CA-FILE CONNECTIONS STATUS[|STATUS] REQUEST-FILE [spin | US]: the same request again and again over TLS
   connections that stay open, each with one request under way, from one thread. A time is from the first byte handed
   to TLS to the last byte of the answer; answers with the second status are counted apart. With `spin` it never
   sleeps, for a core of its own: who answers need not wake it, as a network card needs no waking either. With a
   number a connection asks at most once in so many microseconds. With the status "grpc" the file is a ModelInferRequest
   with its prefix, which goes to ModelInfer over HTTP/2. With "-" for the CA-FILE it is TCP alone. */
#include "load.h"
#include "rounds.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 1024
#define EVENTS          64
#define TRIES_MAX       20

static err_t tls_result(const struct conn *c, int rc)
{
    int error = SSL_get_error(c->ssl, rc);
    if (error == SSL_ERROR_NONE)
        return OK;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return ERR_WOULD_BLOCK;
    return error == SSL_ERROR_ZERO_RETURN ? ERR_CLOSED : ERR_IO;
}

static err_t tcp_result(ssize_t n, size_t *ret_len)
{
    if (n > 0) {
        *ret_len = (size_t)n;
        return OK;
    }
    return n == 0 ? ERR_CLOSED : err_errno();
}

err_t load_send(struct conn *c, const void *bytes, size_t len, size_t *ret_sent)
{
    return c->ssl != NULL ? tls_result(c, SSL_write_ex(c->ssl, bytes, len, ret_sent))
                          : tcp_result(send(c->fd, bytes, len, MSG_NOSIGNAL), ret_sent);
}

err_t load_receive(struct conn *c, void *ret_bytes, size_t room, size_t *ret_len)
{
    return c->ssl != NULL ? tls_result(c, SSL_read_ex(c->ssl, ret_bytes, room, ret_len))
                          : tcp_result(recv(c->fd, ret_bytes, room, 0), ret_len);
}

void load_watch(struct conn *c, bool writable)
{
    struct epoll_event e = {.events = EPOLLIN | (writable ? (uint32_t)EPOLLOUT : 0), .data.ptr = c};
    if (writable == c->wants_write)
        return;
    c->wants_write = writable;
    (void)epoll_ctl(c->load->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* ── connecting ── */

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        give_up("connect", strerror(errno));
    return fd;
}

static SSL_CTX *new_context(const struct load *l, const char *ca_file)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL || SSL_CTX_load_verify_locations(ctx, ca_file, NULL) != 1)
        give_up("cannot read the certificate", ca_file);
    if (SSL_CTX_set_alpn_protos(ctx, l->protocol->alpn, l->protocol->alpn_len) != 0)
        give_up("TLS", "ALPN");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(ctx, 1); /* a record with one receive */
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

/* Under load the front may give up waiting for its signature, so once is not enough to say that it does not work. */
static void open_tls(struct conn *c, SSL_CTX *ctx, uint16_t port)
{
    for (unsigned tries = 0; c->ssl == NULL; tries++) {
        c->fd = connect_to(port);
        c->ssl = SSL_new(ctx);
        if (c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1 && SSL_connect(c->ssl) == 1)
            break;
        if (tries == TRIES_MAX)
            give_up("TLS", "the handshake failed");
        SSL_free(c->ssl);
        c->ssl = NULL;
        fd_close(&c->fd);
    }
}

static void open_conn(const struct load *l, struct conn *c, SSL_CTX *ctx, uint16_t port)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (ctx != NULL)
        open_tls(c, ctx, port);
    else
        c->fd = connect_to(port);
    if (fd_set_nonblocking(c->fd, true) != OK || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
        give_up("epoll", strerror(errno));
    c->load = l;
    if (l->protocol->open != NULL)
        l->protocol->open(c);
}

/* ── a round ── */

static err_t begin(struct conn *c)
{
    c->busy = true;
    c->waits = c->is_other = false;
    c->start_ns = clock_mono_ns();
    return c->load->protocol->begin(c);
}

/* One request of a connection is done: the next, or the end of its round. */
static err_t finish(struct conn *c, uint64_t until_ns, unsigned *busy, struct times *t)
{
    uint64_t now = clock_mono_ns();
    if (c->is_other)
        t->others++;
    else
        times_add(t, now - c->start_ns);
    c->busy = now < until_ns;
    c->waits = c->busy && now < c->start_ns + c->load->every_ns;
    if (c->busy && !c->waits)
        return begin(c);
    *busy -= !c->busy;
    return OK;
}

/* Those whose time has come ask; when the round is over they end. Until when may the loop sleep? */
static err_t wake(struct load *l, uint64_t until_ns, unsigned *busy, uint64_t *ret_ns)
{
    uint64_t now = clock_mono_ns();
    *ret_ns = UINT64_MAX;
    for (unsigned i = 0; l->every_ns > 0 && i < l->count; i++) {
        struct conn *c = &l->conns[i];
        uint64_t due = MIN(c->start_ns + l->every_ns, until_ns);
        if (!c->busy || !c->waits)
            continue;
        if (now < due) {
            *ret_ns = MIN(*ret_ns, due);
        } else if (now < until_ns) {
            TRY(begin(c));
        } else {
            c->busy = c->waits = false;
            --*busy;
        }
    }
    return OK;
}

static int wait_for_events(const struct load *l, struct epoll_event events[static EVENTS], uint64_t until_ns,
                           struct times *t)
{
    uint64_t start = clock_mono_ns();
    int patience_ms = l->spins ? 0 : until_ns == UINT64_MAX ? -1 : (int)((until_ns - MIN(start, until_ns)) / 1000000);
    int n = epoll_wait(l->epoll, events, EVENTS, patience_ms);
    t->idle_ns += clock_mono_ns() - start;
    return n;
}

static err_t run(void *self, uint64_t until_ns, struct times *t)
{
    struct load *l = self;
    struct epoll_event events[EVENTS];
    unsigned busy = l->count;
    uint64_t sleep_until = 0;
    for (unsigned i = 0; i < l->count; i++)
        TRY(begin(&l->conns[i]));
    while (busy > 0) {
        TRY(wake(l, until_ns, &busy, &sleep_until));
        int n = wait_for_events(l, events, sleep_until, t);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            err_t e = c->busy && !c->waits ? l->protocol->advance(c) : ERR_CLOSED;
            if (e == OK)
                e = finish(c, until_ns, &busy, t);
            if (e != OK && e != ERR_WOULD_BLOCK)
                return e;
        }
    }
    return OK;
}

/* "200" or "200|503" */
static void set_statuses(struct load *l, const char *text)
{
    const char *bar = strchr(text, '|');
    (void)snprintf(l->status, sizeof(l->status), "HTTP/1.1 %.3s ", text);
    if (bar != NULL)
        (void)snprintf(l->other, sizeof(l->other), "HTTP/1.1 %.3s ", bar + 1);
}

static void set_pace(struct load *l, const char *text)
{
    l->spins = strcmp(text, "spin") == 0;
    if (!l->spins)
        l->every_ns = strtoull(text, NULL, 10) * 1000;
}

int main(int argc, char **argv)
{
    struct load l = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (argc < 6)
        give_up("usage", "load PORT CA-FILE CONNECTIONS STATUS[|STATUS]|grpc REQUEST-FILE [spin | US]");
    (void)signal(SIGPIPE, SIG_IGN);
    l.protocol = strcmp(argv[4], "grpc") == 0 ? &load_grpc : &load_http1;
    set_statuses(&l, argv[4]);
    l.count = (unsigned)MIN(strtoul(argv[3], NULL, 10), CONNECTIONS_MAX);
    l.request = read_file(argv[5], 0);
    set_pace(&l, argc > 6 ? argv[6] : "0");
    l.conns = mem_alloc(l.count, sizeof(*l.conns));
    SSL_CTX *ctx = strcmp(argv[2], "-") != 0 ? new_context(&l, argv[2]) : NULL;
    if (l.conns == NULL || l.epoll < 0)
        give_up("start", err_text(ERR_NOMEM));
    for (unsigned i = 0; i < l.count; i++)
        open_conn(&l, &l.conns[i], ctx, (uint16_t)strtoul(argv[1], NULL, 10));
    return rounds_serve("load", run, &l);
}
