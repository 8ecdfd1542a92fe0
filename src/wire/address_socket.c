/* Addresses as sockets. */
#include "wire/address.h"

#include "base/clock.h"
#include "base/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* It needs what sys/socket.h defines. */
#include <linux/vm_sockets.h>

#define BACKLOG      4096
#define TRY_AGAIN_MS 100

union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_vm vm;
    struct sockaddr_un un;
};

static socklen_t fill_unix(const struct address *a, struct sockaddr_un *un)
{
    const char *path = strchr(a->text, ':');
    const char *end = a->port > 0 ? strrchr(a->text, ':') : a->text + strlen(a->text);
    path = path != NULL ? path + 1 : a->text;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, MIN((size_t)(end - path), sizeof(un->sun_path) - 1));
    return sizeof(*un);
}

static socklen_t fill(const struct address *a, union place *p)
{
    *p = (union place){0};
    switch (a->family) {
    case AF_UNIX:
        return fill_unix(a, &p->un);
    case AF_VSOCK:
        p->vm.svm_family = AF_VSOCK;
        p->vm.svm_cid = a->cid;
        p->vm.svm_port = a->port;
        return sizeof(p->vm);
    case AF_INET6:
        p->v6.sin6_family = AF_INET6;
        p->v6.sin6_port = htons((uint16_t)a->port);
        memcpy(&p->v6.sin6_addr, a->addr, sizeof(p->v6.sin6_addr));
        return sizeof(p->v6);
    default:
        p->v4.sin_family = AF_INET;
        p->v4.sin_port = htons((uint16_t)a->port);
        memcpy(&p->v4.sin_addr, a->addr, sizeof(p->v4.sin_addr));
        return sizeof(p->v4);
    }
}

static err_t new_socket(const struct address *a, int *ret_fd)
{
    int fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno();
    *ret_fd = fd;
    return OK;
}

/* TCP: a port of a node that ended a moment ago can be had at once. */
static err_t set_listener(const struct address *a, int fd)
{
    int on = 1;
    if (address_is_local(a))
        return OK;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return err_errno();
    if (a->family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
        return err_errno();
    return OK;
}

/* The file of a Unix socket outlives its process. Who still listens there keeps it: errno is EADDRINUSE. */
static err_t clear_path(const union place *p, socklen_t n)
{
    struct stat st;
    if (lstat(p->un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return OK; /* bind says what is wrong with anything else */
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno();
    if (connect(fd, &p->any, n) == 0 || errno != ECONNREFUSED)
        return OK;
    return unlink(p->un.sun_path) == 0 ? OK : err_errno();
}

err_t address_port_of(int listener, uint32_t *ret_port)
{
    union place p = {0};
    socklen_t n = sizeof(p);
    if (getsockname(listener, &p.any, &n) != 0)
        return err_errno();
    *ret_port = p.any.sa_family == AF_VSOCK   ? p.vm.svm_port
                : p.any.sa_family == AF_INET  ? ntohs(p.v4.sin_port)
                : p.any.sa_family == AF_INET6 ? ntohs(p.v6.sin6_port)
                                              : 0;
    return OK;
}

err_t address_listen(const struct address *a, int *ret_fd, uint32_t *ret_port)
{
    union place p;
    socklen_t n = fill(a, &p);
    uint32_t port = 0;
    AUTO_FD int fd = -1;
    TRY(new_socket(a, &fd));
    TRY(set_listener(a, fd));
    if (a->family == AF_UNIX)
        TRY(clear_path(&p, n));
    if (bind(fd, &p.any, n) != 0 || listen(fd, BACKLOG) != 0)
        return err_errno();
    TRY(address_port_of(fd, &port));
    *ret_port = port;
    *ret_fd = TAKE_FD(fd);
    return OK;
}

err_t address_connect(const struct address *a, int *ret_fd, bool *ret_done)
{
    union place p;
    socklen_t n = fill(a, &p);
    AUTO_FD int fd = -1;
    TRY(new_socket(a, &fd));
    bool done = connect(fd, &p.any, n) == 0;
    if (!done && errno != EINPROGRESS && errno != EINTR)
        return err_errno();
    *ret_done = done;
    *ret_fd = TAKE_FD(fd);
    return OK;
}

err_t address_connected(int fd)
{
    int error = 0;
    socklen_t n = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        return err_errno();
    errno = error;
    return error == 0 ? OK : err_errno();
}

static int time_left(uint64_t deadline_ms)
{
    uint64_t now = clock_mono_ms();
    return now < deadline_ms ? (int)MIN(deadline_ms - now, (uint64_t)INT32_MAX) : 0;
}

static err_t reach_once(const struct address *a, uint64_t deadline_ms, int *ret_fd)
{
    bool done = false;
    AUTO_FD int fd = -1;
    TRY(address_connect(a, &fd, &done));
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (!done && poll(&ready, 1, time_left(deadline_ms)) <= 0)
        return ERR_TIMEOUT;
    TRY(address_connected(fd));
    TRY(fd_set_nonblocking(fd, false));
    *ret_fd = TAKE_FD(fd);
    return OK;
}

err_t address_reach(const struct address *a, uint64_t deadline_ms, int *ret_fd)
{
    const struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * 1000000L};
    while (reach_once(a, deadline_ms, ret_fd) != OK) {
        if (time_left(deadline_ms) == 0)
            return ERR_TIMEOUT;
        (void)nanosleep(&pause, NULL);
    }
    return OK;
}
