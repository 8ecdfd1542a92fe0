/* Printing log records. */
#include "super/journal.h"

#include "wire/roles.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

static int journal_fd = -1;

void journal_print(const struct log_record *r, uint16_t role, const char *role_name)
{
    char line[512];
    struct pollfd out = {.fd = 2, .events = POLLOUT};
    if (poll(&out, 1, 0) <= 0)
        return; /* whoever reads the log has stopped; the node does not wait for it */
    if (log_format(r, role, role_name, line, sizeof(line)) == OK)
        (void)fprintf(stderr, "%s\n", line);
}

err_t journal_setup(void)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
        return err_errno();
    journal_fd = fds[0];
    log_setup(fds[1], ROLE_SUPER);
    return OK;
}

void journal_flush(void)
{
    struct log_record r;
    while (recv(journal_fd, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r))
        journal_print(&r, ROLE_SUPER, "super");
}
