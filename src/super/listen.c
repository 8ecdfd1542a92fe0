/* TCP listeners with close-on-exec, non-blocking. */
#include "super/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG 4096

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t fill(const struct conf_listen *l, union address *a)
{
    *a = (union address){0};
    if (l->family == AF_INET6) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons(l->port);
        memcpy(&a->v6.sin6_addr, l->addr, sizeof(a->v6.sin6_addr));
        return sizeof(a->v6);
    }
    a->v4.sin_family = AF_INET;
    a->v4.sin_port = htons(l->port);
    memcpy(&a->v4.sin_addr, l->addr, sizeof(a->v4.sin_addr));
    return sizeof(a->v4);
}

static uint16_t port_of(const union address *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

static err_t open_socket(const struct conf_listen *l, int *ret_fd, uint16_t *ret_port)
{
    union address a;
    socklen_t n = fill(l, &a);
    int on = 1;
    AUTO_FD int fd = socket(l->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return err_errno();
    if (l->family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
        return err_errno();
    if (bind(fd, &a.any, n) != 0 || listen(fd, BACKLOG) != 0 || getsockname(fd, &a.any, &n) != 0)
        return err_errno();
    *ret_port = port_of(&a);
    *ret_fd = TAKE_FD(fd);
    return OK;
}

err_t listen_again(int fd, uint16_t port)
{
    union address a = {0};
    socklen_t n = sizeof(a);
    TRY(fd_set_nonblocking(fd, true));
    if (listen(fd, BACKLOG) != 0 || getsockname(fd, &a.any, &n) != 0)
        return err_errno();
    return port_of(&a) == port ? OK : ERR_CLOSED;
}

err_t listen_open(const struct conf_listen *l, int *ret_fd, uint16_t *ret_port)
{
    if (open_socket(l, ret_fd, ret_port) == OK)
        return OK;
    (void)fprintf(stderr, "veronnx: cannot listen on %s: %s\n", l->text, strerror(errno));
    return ERR_USAGE;
}
