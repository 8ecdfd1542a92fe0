/* Listeners, opened once and listening again for every front. */
#include "super/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 4096

err_t listen_again(int fd, uint32_t port)
{
    uint32_t now = 0;
    TRY(fd_set_nonblocking(fd, true));
    if (listen(fd, BACKLOG) != 0)
        return err_errno();
    TRY(address_port_of(fd, &now));
    return now == port ? OK : ERR_CLOSED;
}

err_t listen_open(const struct address *a, int *ret_fd, uint32_t *ret_port)
{
    if (address_listen(a, ret_fd, ret_port) == OK)
        return OK;
    (void)fprintf(stderr, "veronnx: cannot listen on %s: %s\n", a->text, strerror(errno));
    return ERR_USAGE;
}
