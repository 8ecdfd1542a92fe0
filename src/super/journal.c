/* Printing log records. */
#include "super/journal.h"

#include "base/clock.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Records a second of all processes of a role: what a process that was taken over can tell the reader of the log. Infer has next
   to nothing to say once it has its model. */
#define OF_INFER 20
#define OF_OTHER 100

static struct {
    int fd;
    uint64_t second;
    struct {
        unsigned printed;
        int64_t refused;
    } roles[ROLE_COUNT_];
    void (*take)(void *self, const struct log_record *r, uint64_t wall_us);
    void *taker;
} journal = {.fd = -1};

static bool may_print(enum role role)
{
    unsigned most = role == ROLE_INFER ? OF_INFER : OF_OTHER;
    return role == ROLE_SUPER || journal.roles[role].printed++ < most;
}

static void next_second(void)
{
    uint64_t second = clock_mono_ms() / 1000;
    if (second == journal.second)
        return;
    journal.second = second;
    for (enum role role = 0; role < ROLE_COUNT_; role++) {
        if (journal.roles[role].refused > 0)
            log_event(LOG_RECORDS_REFUSED, role, journal.roles[role].refused);
        journal.roles[role].refused = 0;
        journal.roles[role].printed = 0;
    }
}

void journal_print(const struct log_record *r, enum role role)
{
    char line[LOG_LINE_MAX];
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    uint64_t now_us = clock_wall_us();
    next_second();
    if (!may_print(role) || log_format(r, role, now_us, line) != OK) {
        journal.roles[role].refused++;
        return;
    }
    if (journal.take != NULL)
        journal.take(journal.taker, r, now_us);
    if (poll(&out, 1, 0) > 0) /* whoever reads the log may have stopped; the node does not wait for it */
        (void)fprintf(stderr, "%s\n", line);
}

void journal_also(void (*take)(void *self, const struct log_record *r, uint64_t wall_us), void *self)
{
    journal.take = take;
    journal.taker = self;
}

err_t journal_setup(void)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return err_errno();
    journal.fd = fds[0];
    log_setup(fds[1], ROLE_SUPER);
    return OK;
}

void journal_flush(void)
{
    struct log_record r;
    next_second();
    while (recv(journal.fd, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r))
        journal_print(&r, ROLE_SUPER);
}
