/* Four listeners, and short conversations. */
#include "host/services.h"

#include "base/fd.h"
#include "base/mem.h"
#include "host/print.h"
#include "wire/log_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define GUESTS_MAX  64
#define LOG_AT_ONCE 64
#define FINISH_MS   10000
#define BOOT_BYTE   0xb7

struct guest {
    struct grave grave;
    struct list link;
    struct watch watch;
    struct services *services;
    enum service service;
    uint64_t until_ms; /* 0: as long as it likes */
    size_t at;         /* bytes sent of the configuration, or received of a record */
    struct log_sent record;
};

static void bury(struct grave *g)
{
    mem_free(LIST_OF(g, struct guest, grave));
}

static void see_off(struct guest *g)
{
    watch_close(&g->watch);
    list_remove(&g->link);
    g->services->n_guests--;
    loop_bury(g->services->loop, &g->grave, bury);
}

/* ── what each of them gets: OK to go on, ERR_CLOSED when done, as any error ── */

static err_t deliver(struct guest *g)
{
    struct view all = g->services->delivery;
    ssize_t n = send(g->watch.fd, all.data + g->at, all.len - g->at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? OK : ERR_CLOSED;
    g->at += (size_t)n;
    return g->at == all.len ? ERR_CLOSED : OK;
}

/* nitro-cli's convention: a byte comes and goes back. */
static err_t echo(struct guest *g)
{
    uint8_t byte = 0;
    ssize_t n = recv(g->watch.fd, &byte, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return OK;
    if (n == 1 && byte == BOOT_BYTE && send(g->watch.fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
        print_line("the enclave is up");
    return ERR_CLOSED;
}

/* The enclave's word is taken for what its log says, but its form is checked as inside. */
static err_t take_record(struct guest *g)
{
    uint8_t *into = (uint8_t *)&g->record;
    ssize_t n = recv(g->watch.fd, into + g->at, sizeof(g->record) - g->at, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return ERR_WOULD_BLOCK;
    if (n <= 0)
        return ERR_CLOSED;
    g->at += (size_t)n;
    if (g->at < sizeof(g->record))
        return OK;
    g->at = 0;
    if (g->record.record.role >= ROLE_COUNT_)
        return ERR_PROTOCOL;
    print_record(&g->record.record, (enum role)g->record.record.role, g->record.wall_us);
    return OK;
}

static err_t read_log(struct guest *g)
{
    err_t e = OK;
    for (unsigned n = 0; n < LOG_AT_ONCE && e == OK; n++)
        e = take_record(g);
    return e == ERR_WOULD_BLOCK ? OK : e;
}

static const struct {
    const char *name;
    uint32_t events;
    uint64_t most_ms;
    err_t (*serve)(struct guest *g); /* NULL: the fetcher gets it */
} kinds[SERVICES_] = {
    [SERVICE_CONFIG] = {"the configuration", EPOLLOUT, FINISH_MS, deliver},
    [SERVICE_BLOCKS] = {"blocks", 0, 0, NULL},
    [SERVICE_LOG] = {"the log", EPOLLIN, 0, read_log},
    [SERVICE_BOOT] = {"the first heartbeat", EPOLLIN, FINISH_MS, echo},
};

static void on_guest(struct watch *w, uint32_t events UNUSED)
{
    struct guest *g = LIST_OF(w, struct guest, watch);
    if (kinds[g->service].serve(g) != OK)
        see_off(g);
}

/* ── who comes ── */

static void welcome(struct services *s, enum service service, int *fd)
{
    struct guest *g = s->n_guests < GUESTS_MAX ? mem_alloc(1, sizeof(*g)) : NULL;
    if (g == NULL)
        return;
    g->services = s;
    g->service = service;
    g->until_ms = kinds[service].most_ms > 0 ? s->loop->now_ms + kinds[service].most_ms : 0;
    watch_init(&g->watch, s->loop, fd, on_guest);
    list_init(&g->link);
    list_move(&s->guests, &g->link);
    s->n_guests++;
    if (watch_for(&g->watch, kinds[service].events) != OK)
        see_off(g);
}

static void on_listener(struct watch *w, uint32_t events UNUSED)
{
    struct desk *d = LIST_OF(w, struct desk, watch);
    struct services *s = d->services;
    enum service service = (enum service)(d - s->desks);
    AUTO_FD int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (kinds[service].serve == NULL)
        fetcher_serve(s->fetcher, &fd);
    else
        welcome(s, service, &fd);
}

static err_t open_desk(struct services *s, enum service service, const struct address *at)
{
    struct desk *d = &s->desks[service];
    AUTO_FD int fd = -1;
    uint32_t port = 0;
    d->services = s;
    d->watch.fd = -1;
    if (at->family == 0)
        return OK;
    if (address_listen(at, &fd, &port) != OK) {
        print_line("cannot listen on %s for %s: %s", at->text, kinds[service].name, strerror(errno));
        return ERR_USAGE;
    }
    watch_init(&d->watch, s->loop, &fd, on_listener);
    return watch_for(&d->watch, EPOLLIN);
}

err_t services_open(struct services *s, struct loop *l, const struct address at[static SERVICES_],
                    struct fetcher *fetcher, struct view delivery)
{
    *s = (struct services){.loop = l, .fetcher = fetcher, .delivery = delivery};
    list_init(&s->guests);
    for (enum service service = 0; service < SERVICES_; service++)
        TRY(open_desk(s, service, &at[service]));
    return OK;
}

void services_close(struct services *s)
{
    for (enum service service = 0; service < SERVICES_; service++)
        if (s->desks[service].services != NULL)
            watch_close(&s->desks[service].watch);
    while (s->guests.next != NULL && !list_empty(&s->guests))
        see_off(LIST_OF(s->guests.next, struct guest, link));
}

void services_tick(struct services *s)
{
    for (struct list *at = s->guests.next, *next = NULL; at != &s->guests; at = next) {
        struct guest *g = LIST_OF(at, struct guest, link);
        next = at->next;
        if (g->until_ms != 0 && s->loop->now_ms >= g->until_ms)
            see_off(g);
    }
}
