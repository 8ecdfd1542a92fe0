/* The life of veronnx-fetch. */
#include "host/fetcher.h"

#include "base/clock.h"
#include "base/fd.h"
#include "host/print.h"
#include "wire/roles.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define EXE_NAME     "veronnx-fetch"
#define PAUSE_LAST_S 10U
#define LOG_AT_ONCE  64

static void drop(struct fetcher *f)
{
    watch_close(&f->control);
    watch_close(&f->log);
    launch_stop(&f->process);
    f->ready = false;
}

/* The pause doubles until the process has become ready. */
static void ended(struct fetcher *f)
{
    drop(f);
    f->wait_s = f->pause_s;
    f->pause_s = MIN(2 * f->pause_s, PAUSE_LAST_S);
    print_line("veronnx-fetch ended; started again in %u s", f->wait_s);
}

static void on_control(struct watch *w, uint32_t events UNUSED)
{
    struct fetcher *f = (struct fetcher *)(void *)((char *)w - offsetof(struct fetcher, control));
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    err_t e = wire_recv(&f->process.control, &f->inbox, false, &m);
    if (e == ERR_WOULD_BLOCK)
        return;
    if (e != OK || m.type != MSG_FETCH_READY) {
        ended(f);
        return;
    }
    f->ready = true;
    f->pause_s = 1;
}

static void on_log(struct watch *w, uint32_t events UNUSED)
{
    struct log_record r;
    for (unsigned i = 0; i < LOG_AT_ONCE; i++) {
        ssize_t n = recv(w->fd, &r, sizeof(r), MSG_DONTWAIT);
        if (n == 0)
            (void)watch_for(w, 0); /* its control channel tells the rest */
        if (n != (ssize_t)sizeof(r))
            return;
        print_record(&r, ROLE_FETCH, clock_wall_us());
    }
}

/* The watches own duplicates, so that each descriptor has one owner. */
static err_t follow(struct watch *w, struct loop *l, int fd, void (*on_ready)(struct watch *w, uint32_t events))
{
    AUTO_FD int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return err_errno();
    watch_init(w, l, &copy, on_ready);
    return watch_for(w, EPOLLIN);
}

static err_t start(struct fetcher *f)
{
    static char *none[] = {NULL};
    const char *argv[256] = {EXE_NAME};
    size_t n = 1;
    for (; f->args[n - 1] != NULL; n++) {
        if (n + 1 == COUNT_OF(argv))
            return ERR_TOO_LARGE;
        argv[n] = f->args[n - 1];
    }
    TRY(launch_start(f->exe, (char *const *)(uintptr_t)argv, none, f->dir, CHAN_FETCH, &f->process));
    TRY(follow(&f->control, f->control.loop, f->process.control.fd, on_control));
    return follow(&f->log, f->control.loop, f->process.log_fd, on_log);
}

err_t fetcher_open(struct fetcher *f, struct loop *l, const char *const *args, const char *dir)
{
    *f = (struct fetcher){.process = LAUNCHED_NONE, .args = args, .dir = dir, .pause_s = 1};
    f->control = f->log = (struct watch){.fd = -1, .loop = l};
    TRY(launch_beside(EXE_NAME, f->exe));
    TRY(wire_inbox_init(&f->inbox, CHAN_FETCH));
    return start(f);
}

void fetcher_close(struct fetcher *f)
{
    drop(f);
    wire_inbox_done(&f->inbox);
}

void fetcher_serve(struct fetcher *f, int *stream)
{
    AUTO_FD int fd = TAKE_FD(*stream);
    const struct msg_fetch_serve serve = {.infer = ++f->served};
    if (f->ready && fd_set_nonblocking(fd, false) == OK)
        (void)wire_send(&f->process.control, MSG_FETCH_SERVE, &serve, view_of(NULL, 0), &fd, 1);
}

void fetcher_tick(struct fetcher *f)
{
    if (f->process.pid != 0 || (f->wait_s > 0 && --f->wait_s > 0))
        return;
    if (start(f) != OK)
        ended(f);
}
