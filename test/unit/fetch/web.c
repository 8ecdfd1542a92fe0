/* One thread that accepts, one for each connection. */
#include "web.h"

#include "base/fd.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 1024

struct web {
    web_answer *answer;
    void *user;
    char url[64];
    int listener;
    pthread_t thread;
    pthread_t links[LINKS_MAX];
    unsigned n_links;
    atomic_bool stop;
    atomic_uint requests;
    atomic_uint connections;
};

struct link {
    struct web *web;
    int fd;
};

/* Waits until readable, or until the server stops. */
static bool wait_readable(const struct web *w, int fd)
{
    while (!atomic_load(&w->stop)) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 20) > 0)
            return true;
    }
    return false;
}

static void wait_ms(const struct web *w, unsigned ms)
{
    for (; ms > 0 && !atomic_load(&w->stop); ms -= ms < 20 ? ms : 20)
        (void)usleep(1000 * (ms < 20 ? ms : 20));
}

static bool read_head(const struct link *l, struct web_request *r)
{
    size_t n = 0;
    while (n < sizeof(r->head) - 1) {
        if (!wait_readable(l->web, l->fd) || read(l->fd, r->head + n, 1) != 1)
            return false;
        r->head[++n] = '\0';
        if (n >= 4 && strcmp(r->head + n - 4, "\r\n\r\n") == 0)
            return sscanf(r->head, "%*s %511s", r->path) == 1;
    }
    return false;
}

static bool send_all(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool send_head(const struct link *l, const struct web_reply *r)
{
    char head[1024];
    char length[64] = "";
    if (r->chunked || r->trailer)
        (void)snprintf(length, sizeof(length), "Transfer-Encoding: chunked\r\n");
    else if (!r->close)
        (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", r->body.len);
    int n = snprintf(head, sizeof(head), "HTTP/1.1 %d x\r\n%s%s%s%s%s%s%s\r\n", r->status,
                     r->type != NULL ? "Content-Type: " : "", r->type != NULL ? r->type : "",
                     r->type != NULL ? "\r\n" : "", r->field != NULL ? r->field : "", r->field != NULL ? "\r\n" : "",
                     length, r->close ? "Connection: close\r\n" : "");
    return n > 0 && send_all(l->fd, head, (size_t)n);
}

static bool send_part(const struct link *l, const struct web_reply *r, size_t from, size_t to)
{
    char size[32];
    int n = snprintf(size, sizeof(size), "%zx\r\n", to - from);
    if (from == to)
        return true;
    if (!r->chunked && !r->trailer)
        return send_all(l->fd, r->body.data + from, to - from);
    return send_all(l->fd, size, (size_t)n) && send_all(l->fd, r->body.data + from, to - from) &&
           send_all(l->fd, "\r\n", 2);
}

/* Until the client has had enough. */
static void send_trailer(const struct link *l)
{
    static const char line[] = "X-Trailer: and another one\r\n";
    bool on = send_all(l->fd, "0\r\n", 3);
    while (on)
        on = send_all(l->fd, line, sizeof(line) - 1);
}

/* False when the connection ends with it. */
static bool send_reply(const struct link *l, const struct web_reply *r)
{
    size_t end = r->cut > 0 ? r->cut : r->body.len, last = r->stall_ms > 0 && end > 0 ? end - 1 : end;
    if (r->silent)
        last = 0;
    wait_ms(l->web, r->delay_ms);
    if (!send_head(l, r) || !send_part(l, r, 0, last))
        return false;
    wait_ms(l->web, r->stall_ms);
    if (!send_part(l, r, last, end) || r->cut > 0 || r->close)
        return false;
    if (r->trailer)
        send_trailer(l);
    return !r->chunked || send_all(l->fd, "0\r\n\r\n", 5);
}

static void *run_link(void *user)
{
    struct link *l = user;
    struct web_request request = {.number = 0};
    bool on = true;
    while (on && read_head(l, &request)) {
        struct web_reply reply = {.status = 404};
        request.number = atomic_fetch_add(&l->web->requests, 1) + 1;
        l->web->answer(l->web->user, &request, &reply);
        on = send_reply(l, &reply);
    }
    (void)close(l->fd);
    free(l);
    return NULL;
}

static void *run_listener(void *user)
{
    struct web *w = user;
    while (wait_readable(w, w->listener)) {
        struct link *l = calloc(1, sizeof(*l));
        if (l == NULL || w->n_links == LINKS_MAX)
            abort();
        *l = (struct link){w, accept(w->listener, NULL, NULL)};
        atomic_fetch_add(&w->connections, 1);
        if (pthread_create(&w->links[w->n_links++], NULL, run_link, l) != 0)
            abort();
    }
    return NULL;
}

struct web *web_new(web_answer *answer, void *user)
{
    return web_at(0, answer, user);
}

struct web *web_at(unsigned port, web_answer *answer, void *user)
{
    struct web *w = calloc(1, sizeof(*w));
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    socklen_t n = sizeof(at);
    int yes = 1;
    if (w == NULL)
        abort();
    w->answer = answer;
    w->user = user;
    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(w->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(w->listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(w->listener, 128) != 0 ||
        getsockname(w->listener, (struct sockaddr *)&at, &n) != 0 ||
        pthread_create(&w->thread, NULL, run_listener, w) != 0)
        abort();
    (void)snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u", ntohs(at.sin_port));
    return w;
}

void web_free(struct web *w)
{
    if (w == NULL)
        return;
    atomic_store(&w->stop, true);
    (void)pthread_join(w->thread, NULL);
    for (unsigned i = 0; i < w->n_links; i++)
        (void)pthread_join(w->links[i], NULL);
    (void)close(w->listener);
    free(w);
}

const char *web_url(const struct web *w)
{
    return w->url;
}

unsigned web_requests(struct web *w)
{
    return atomic_load(&w->requests);
}

unsigned web_connections(struct web *w)
{
    return atomic_load(&w->connections);
}
