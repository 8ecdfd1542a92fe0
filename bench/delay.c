/* delay PORT MS: a relay to PORT of this machine on which every byte, in both directions, is MS milliseconds longer
   under way: a network with a long way and much room. Prints the port on which it listens; ends with standard input. */
#include "rounds.h"

#include "base/clock.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 128
#define PIECE     (256 * KIB)

/* What was read at one time; it is on its way until `due_ns`. */
struct piece {
    struct piece *next;
    uint64_t due_ns;
    size_t len; /* 0: the end */
    size_t sent;
    uint8_t bytes[PIECE];
};

struct way {
    int from;
    int to;
    bool ended; /* all was read */
    bool full;  /* `to` takes no more now */
    struct piece *first, *last;
};

static struct way ways[2 * LINKS_MAX];
static size_t n_ways;
static struct piece *spare;
static uint64_t delay_ns;

static struct piece *piece_new(void)
{
    struct piece *p = spare;
    if (p != NULL)
        spare = p->next;
    else
        p = mem_alloc(1, sizeof(*p));
    if (p == NULL)
        give_up("memory", "for what is under way");
    p->next = NULL;
    p->sent = 0;
    return p;
}

static void read_piece(struct way *w)
{
    struct piece *p = piece_new();
    ssize_t n = recv(w->from, p->bytes, PIECE, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) {
        p->next = spare;
        spare = p;
        return;
    }
    p->len = n > 0 ? (size_t)n : 0;
    p->due_ns = clock_mono_ns() + delay_ns;
    w->ended = n <= 0;
    if (w->first == NULL)
        w->first = p;
    else
        w->last->next = p;
    w->last = p;
}

static void drop_first(struct way *w)
{
    struct piece *p = w->first;
    w->first = p->next;
    p->next = spare;
    spare = p;
}

/* Sends what has arrived. */
static void send_due(struct way *w, uint64_t now_ns)
{
    while (w->first != NULL && w->first->due_ns <= now_ns && !w->full) {
        struct piece *p = w->first;
        ssize_t n = p->len == 0 ? 0 : send(w->to, p->bytes + p->sent, p->len - p->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (p->len == 0)
            (void)shutdown(w->to, SHUT_WR);
        w->full = n < 0 && errno == EAGAIN;
        p->sent += n > 0 ? (size_t)n : 0;
        if (p->sent == p->len || (n < 0 && !w->full))
            drop_first(w);
    }
}

static int must(int fd, const char *what)
{
    if (fd < 0)
        give_up(what, strerror(errno));
    return fd;
}

static void accept_link(int listener, const struct sockaddr_in *upstream)
{
    const int on = 1;
    int client = must(accept(listener, NULL, NULL), "accept"), server = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    (void)must(connect(server, (const struct sockaddr *)upstream, sizeof(*upstream)), "connect");
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (n_ways + 2 > COUNT_OF(ways))
        give_up("connections", "too many");
    ways[n_ways++] = (struct way){.from = client, .to = server};
    ways[n_ways++] = (struct way){.from = server, .to = client};
}

/* Links both of whose ways have ended make room. */
static void drop_ended(void)
{
    for (size_t i = 0; i < n_ways;) {
        if (!ways[i].ended || ways[i].first != NULL || !ways[i + 1].ended || ways[i + 1].first != NULL) {
            i += 2;
            continue;
        }
        (void)close(ways[i].from);
        (void)close(ways[i].to);
        n_ways -= 2;
        memcpy(&ways[i], &ways[n_ways], 2 * sizeof(ways[0]));
    }
}

/* Until the next piece is due, at most a second. */
static struct timespec time_left(uint64_t now_ns)
{
    uint64_t left = 1000000000;
    for (size_t i = 0; i < n_ways; i++)
        if (ways[i].first != NULL && !ways[i].full)
            left = MIN(left, ways[i].first->due_ns > now_ns ? ways[i].first->due_ns - now_ns : 0);
    return (struct timespec){.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
}

static void relay(int listener, const struct sockaddr_in *upstream)
{
    static struct pollfd fds[2 + 4 * LINKS_MAX];
    for (;;) {
        uint64_t now = clock_mono_ns();
        for (size_t i = 0; i < n_ways; i++)
            send_due(&ways[i], now);
        drop_ended();
        fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (size_t i = 0; i < n_ways; i++) {
            fds[2 + 2 * i] = (struct pollfd){.fd = ways[i].ended ? -1 : ways[i].from, .events = POLLIN};
            fds[3 + 2 * i] = (struct pollfd){.fd = ways[i].full ? ways[i].to : -1, .events = POLLOUT};
        }
        struct timespec left = time_left(now);
        if (ppoll(fds, 2 + 2 * n_ways, &left, NULL) < 0 || fds[0].revents != 0)
            return;
        for (size_t i = 0; i < n_ways; i++) {
            ways[i].full = ways[i].full && fds[3 + 2 * i].revents == 0;
            if (fds[2 + 2 * i].revents != 0)
                read_piece(&ways[i]);
        }
        if (fds[1].revents != 0)
            accept_link(listener, upstream);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, upstream = own;
    socklen_t len = sizeof(own);
    if (argc != 3)
        give_up("usage", "delay PORT MS");
    upstream.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    delay_ns = strtoul(argv[2], NULL, 10) * 1000000;
    int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    (void)must(bind(listener, (const struct sockaddr *)&own, len), "bind");
    (void)must(listen(listener, LINKS_MAX), "listen");
    (void)must(getsockname(listener, (struct sockaddr *)&own, &len), "getsockname");
    printf("{\"ready\":%d}\n", ntohs(own.sin_port));
    (void)fflush(stdout);
    relay(listener, &upstream);
    return 0;
}
