/* Linked into an executable, stands between it and its libraries on one side and the system on the other: calls fail, move fewer bytes
   than they should, or tell another time, as the test's plan says (shim.h). Without a plan all is as it was. */
#undef _FORTIFY_SOURCE /* it would define some of these itself */
#include "shim.h"

#include "base/mem.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PUBLIC    __attribute__((visibility("default"))) /* the libraries find it too */
#define TWIN(of)  __attribute__((alias(#of), visibility("default")))
#define PARTS_MAX 16
#define NO_FD     (-1)

static struct shim_rule *shim_rules;
static char shim_role[sizeof(shim_rules->role)];

/* ── the plan ── */

/* Before the first line of main, and before any jail of its own. */
__attribute__((constructor)) static void read_plan(int argc, char **argv)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("faults"));
    if (n <= 0)
        return;
    path[n] = '\0';
    char *name = strrchr(path, '/') + 1;
    bool admin = argc > 1 && strcmp(argv[1], "--admin") == 0;
    (void)snprintf(shim_role, sizeof(shim_role), "%s", admin ? "admin" : name + strlen("veronnx-"));
    memcpy(name, "faults", sizeof("faults"));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *rules = mmap(NULL, SHIM_RULES * sizeof(*shim_rules), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    shim_rules = rules == MAP_FAILED ? NULL : rules;
}

/* The rule of this call for this process, if it is on. */
static struct shim_rule *rule_of(const char *call)
{
    for (struct shim_rule *r = shim_rules; r != NULL && r < shim_rules + SHIM_RULES; r++)
        if (__atomic_load_n(&r->on, __ATOMIC_ACQUIRE) != 0 && strcmp(r->call, call) == 0 &&
            (strcmp(r->role, "*") == 0 || strcmp(r->role, shim_role) == 0))
            return r;
    return NULL;
}

static bool is_turn(struct shim_rule *r)
{
    uint64_t n = __atomic_fetch_add(&r->seen, 1, __ATOMIC_RELAXED);
    if (n < r->first || (n - r->first) % r->every != 0 || (n - r->first) / r->every >= r->most)
        return false;
    (void)__atomic_fetch_add(&r->struck, 1, __ATOMIC_RELAXED);
    return true;
}

/* Who waits is never told EAGAIN, and who does not is never interrupted. */
static bool could_be(int error, int fd, bool never_waits)
{
    if (fd < 0 || (error != EAGAIN && error != EINTR))
        return true;
    bool waits = !never_waits && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    return waits == (error == EINTR);
}

/* True: the call fails, with errno. Else `ret_most` is how many bytes it may move. */
static bool fails(const char *call, int fd, bool never_waits, size_t *ret_most)
{
    struct shim_rule *r = rule_of(call);
    *ret_most = SIZE_MAX;
    if (r == NULL || !could_be(r->error, fd, never_waits) || !is_turn(r))
        return false;
    if (r->error == 0)
        *ret_most = (size_t)r->amount;
    else
        errno = r->error;
    return r->error != 0;
}

/* ── the system's own functions ── */

#define REAL(name)                                                                                                     \
    ({                                                                                                                 \
        static _Atomic(void *) found;                                                                                  \
        void *f = atomic_load_explicit(&found, memory_order_relaxed);                                                  \
        if (f == NULL) {                                                                                               \
            f = dlsym(RTLD_NEXT, #name);                                                                               \
            atomic_store_explicit(&found, f, memory_order_relaxed);                                                    \
        }                                                                                                              \
        (typeof(&(name)))f;                                                                                            \
    })

/* ── what comes to pass or does not ── */

#define CALL(type, name, fd, never_waits, params, ...)                                                                 \
    PUBLIC type name params                                                                                            \
    {                                                                                                                  \
        size_t most = 0;                                                                                               \
        return fails(#name, fd, never_waits, &most) ? (type)-1 : REAL(name)(__VA_ARGS__);                              \
    }

CALL(int, accept4, fd, false, (int fd, struct sockaddr *name, socklen_t *n, int flags), fd, name, n, flags)
CALL(int, connect, fd, false, (int fd, const struct sockaddr *name, socklen_t n), fd, name, n)
CALL(int, socket, NO_FD, false, (int family, int type, int protocol), family, type, protocol)
CALL(int, socketpair, NO_FD, false, (int family, int type, int protocol, int fds[2]), family, type, protocol, fds)
CALL(int, pipe2, NO_FD, false, (int fds[2], int flags), fds, flags)
CALL(int, eventfd, NO_FD, false, (unsigned count, int flags), count, flags)
CALL(int, epoll_create1, NO_FD, false, (int flags), flags)
CALL(int, epoll_ctl, NO_FD, false, (int epoll, int op, int fd, struct epoll_event *event), epoll, op, fd, event)
CALL(int, epoll_wait, NO_FD, false, (int epoll, struct epoll_event *ret, int n, int ms), epoll, ret, n, ms)
CALL(int, epoll_pwait, NO_FD, false, (int epoll, struct epoll_event *ret, int n, int ms, const sigset_t *mask), epoll, ret, n,
     ms, mask)
CALL(int, poll, NO_FD, false, (struct pollfd *fds, nfds_t n, int ms), fds, n, ms)
CALL(int, memfd_create, NO_FD, false, (const char *name, unsigned flags), name, flags)
CALL(int, ftruncate, NO_FD, false, (int fd, off_t size), fd, size)
CALL(void *, mmap, NO_FD, false, (void *at, size_t n, int prot, int flags, int fd, off_t offset), at, n, prot, flags, fd, offset)
CALL(int, mlock, NO_FD, false, (const void *at, size_t n), at, n)
CALL(int, fsync, NO_FD, false, (int fd), fd)
CALL(int, fdatasync, NO_FD, false, (int fd), fd)
CALL(int, rename, NO_FD, false, (const char *from, const char *to), from, to)
CALL(int, renameat, NO_FD, false, (int from_dir, const char *from, int to_dir, const char *to), from_dir, from, to_dir, to)
CALL(int, mkdirat, NO_FD, false, (int dir, const char *name, mode_t mode), dir, name, mode)
CALL(ssize_t, getrandom, NO_FD, false, (void *ret, size_t n, unsigned flags), ret, n, flags)
CALL(pid_t, fork, NO_FD, false, (void))

PUBLIC int pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *self)
{
    size_t most = 0;
    return fails("pthread_create", NO_FD, false, &most) ? errno : REAL(pthread_create)(ret, attributes, run, self);
}

/* With the mode, which counts only where a file is made. */
#define OPEN(name, last, params, ...)                                                                                  \
    PUBLIC int name params                                                                                             \
    {                                                                                                                  \
        va_list more;                                                                                                  \
        size_t most = 0;                                                                                               \
        va_start(more, last);                                                                                          \
        mode_t mode = (last & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;                                                \
        va_end(more);                                                                                                  \
        return fails(#name, NO_FD, false, &most) ? -1 : REAL(name)(__VA_ARGS__, mode);                                 \
    }

OPEN(open, flags, (const char *path, int flags, ...), path, flags)
OPEN(openat, flags, (int dir, const char *path, int flags, ...), dir, path, flags)

/* Only what needs something of the system can fail: a seal, a descriptor. */
PUBLIC int fcntl(int fd, int command, ...)
{
    va_list more;
    size_t most = 0;
    va_start(more, command);
    long argument = va_arg(more, long);
    va_end(more);
    if ((command == F_ADD_SEALS || command == F_DUPFD_CLOEXEC) && fails("fcntl", NO_FD, false, &most))
        return -1;
    return REAL(fcntl)(fd, command, argument);
}

typeof(mem_alloc) __real_mem_alloc, __wrap_mem_alloc;
typeof(mem_resize) __real_mem_resize, __wrap_mem_resize;

void *__wrap_mem_alloc(size_t count, size_t size)
{
    size_t most = 0;
    return fails("mem_alloc", NO_FD, false, &most) ? NULL : __real_mem_alloc(count, size);
}

void *__wrap_mem_resize(void *p, size_t size)
{
    size_t most = 0;
    return fails("mem_alloc", NO_FD, false, &most) ? NULL : __real_mem_resize(p, size);
}

/* ── what moves bytes ── */

/* A datagram is never cut: no message between processes, no record of the log. Not every jail lets by who asks what it is. */
static bool has_parts(int fd)
{
    static const char *const may_ask[] = {"super", "front", "admin", "fetch"};
    int type = 0;
    socklen_t n = sizeof(type);
    for (size_t i = 0; i < COUNT_OF(may_ask); i++)
        if (strcmp(shim_role, may_ask[i]) == 0)
            return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0 || type == SOCK_STREAM;
    return false;
}

static size_t part_of(size_t n, size_t most, int fd)
{
    return n > most && n > sizeof(uint64_t) && has_parts(fd) ? most : n; /* nor is what counts events */
}

#define MOVE(name, never_waits, params, ...)                                                                           \
    PUBLIC ssize_t name params                                                                                         \
    {                                                                                                                  \
        size_t most = 0;                                                                                               \
        if (fails(#name, fd, never_waits, &most))                                                                      \
            return -1;                                                                                                 \
        n = part_of(n, most, fd);                                                                                      \
        return REAL(name)(__VA_ARGS__);                                                                                \
    }

MOVE(read, false, (int fd, void *ret, size_t n), fd, ret, n)
MOVE(write, false, (int fd, const void *bytes, size_t n), fd, bytes, n)
MOVE(pread, false, (int fd, void *ret, size_t n, off_t at), fd, ret, n, at)
MOVE(pwrite, false, (int fd, const void *bytes, size_t n, off_t at), fd, bytes, n, at)
MOVE(recv, (flags & MSG_DONTWAIT) != 0, (int fd, void *ret, size_t n, int flags), fd, ret, n, flags)
MOVE(send, (flags & MSG_DONTWAIT) != 0, (int fd, const void *bytes, size_t n, int flags), fd, bytes, n, flags)

/* The parts up to `most` bytes; the same ones when nothing is cut. */
static const struct iovec *cut(const struct iovec *parts, size_t *n, size_t most, int fd, struct iovec room[static PARTS_MAX])
{
    if (most == SIZE_MAX || *n > PARTS_MAX || !has_parts(fd))
        return parts;
    size_t used = 0;
    for (; used < *n && most > 0; used++) {
        room[used] = (struct iovec){parts[used].iov_base, MIN(parts[used].iov_len, most)};
        most -= room[used].iov_len;
    }
    *n = used;
    return room;
}

#define MOVE_PARTS(name)                                                                                               \
    PUBLIC ssize_t name(int fd, const struct iovec *parts, int count)                                                  \
    {                                                                                                                  \
        struct iovec room[PARTS_MAX];                                                                                  \
        size_t most = 0, n = (size_t)count;                                                                            \
        if (fails(#name, fd, false, &most))                                                                            \
            return -1;                                                                                                 \
        parts = cut(parts, &n, most, fd, room);                                                                        \
        return REAL(name)(fd, parts, (int)n);                                                                          \
    }

MOVE_PARTS(readv)
MOVE_PARTS(writev)

/* False when it fails; else what is left of the message is to be moved. */
static bool shorten(const char *call, int fd, int flags, struct msghdr *m, struct iovec room[static PARTS_MAX])
{
    size_t most = 0, n = m->msg_iovlen;
    if (fails(call, fd, (flags & MSG_DONTWAIT) != 0, &most))
        return false;
    m->msg_iov = (struct iovec *)(uintptr_t)cut(m->msg_iov, &n, most, fd, room);
    m->msg_iovlen = n;
    return true;
}

PUBLIC ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec room[PARTS_MAX];
    struct msghdr m = *message;
    return shorten("sendmsg", fd, flags, &m, room) ? REAL(sendmsg)(fd, &m, flags) : -1;
}

/* ── time ── */

static int64_t offset_ms(void)
{
    struct shim_rule *r = rule_of("clock");
    return r != NULL && is_turn(r) ? r->amount : 0;
}

static void move_time(struct timespec *t)
{
    int64_t ms = offset_ms();
    t->tv_sec += ms / 1000;
    t->tv_nsec += ms % 1000 * 1000000;
    t->tv_sec += t->tv_nsec >= 1000000000 ? 1 : t->tv_nsec < 0 ? -1 : 0;
    t->tv_nsec = (t->tv_nsec + 1000000000) % 1000000000;
}

PUBLIC int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = REAL(clock_gettime)(clock, ret);
    if (rc == 0 && clock == CLOCK_REALTIME)
        move_time(ret);
    return rc;
}

PUBLIC int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *ret = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

PUBLIC time_t time(time_t *ret)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret != NULL)
        *ret = now.tv_sec;
    return now.tv_sec;
}

/* The kernel's stamps are of the clock that the process reads. */
PUBLIC ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct iovec room[PARTS_MAX];
    struct msghdr m = *message;
    if (!shorten("recvmsg", fd, flags, &m, room))
        return -1;
    ssize_t got = REAL(recvmsg)(fd, &m, flags);
    message->msg_controllen = m.msg_controllen;
    message->msg_namelen = m.msg_namelen;
    message->msg_flags = m.msg_flags;
    for (struct cmsghdr *c = got < 0 ? NULL : CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof(t));
            move_time(&t);
            memcpy(CMSG_DATA(c), &t, sizeof(t));
        }
    }
    return got;
}

/* ── under the other names that they have ── */

PUBLIC typeof(ftruncate) ftruncate64 TWIN(ftruncate);
PUBLIC typeof(mmap) mmap64 TWIN(mmap);
PUBLIC typeof(open) open64 TWIN(open);
PUBLIC typeof(openat) openat64 TWIN(openat);
PUBLIC typeof(fcntl) fcntl64 TWIN(fcntl);
PUBLIC typeof(pread) pread64 TWIN(pread);
PUBLIC typeof(pwrite) pwrite64 TWIN(pwrite);

ssize_t __read_chk(int fd, void *ret, size_t n, size_t room);
PUBLIC ssize_t __read_chk(int fd, void *ret, size_t n, size_t room)
{
    return read(fd, ret, MIN(n, room));
}
