/* posix_spawn, the control channel and one stream. */
#include "cli/fetcher.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXE_NAME  "veronnx-fetch"
#define READY_MS  5000
#define ABOVE_FDS 10 /* where our descriptors do not meet the places that they get in the child */

/* ── its command line ── */

struct arguments {
    char *argv[2 * SOURCES_MAX + 4];
    char sources[SOURCES_MAX][PATH_MAX + 16];
    char ca_file[PATH_MAX];
    char exe[PATH_MAX];
};

/* The child runs in another folder. */
static err_t whole_path(const char *path, char ret[static PATH_MAX], struct why *why)
{
    return realpath(path, ret) != NULL ? OK : why_set(why, ERR_USAGE, "%s: %s", strerror(errno), path);
}

static err_t put_source(const struct fetcher_source *s, char *ret, size_t size, struct why *why)
{
    char folder[PATH_MAX];
    if (s->kind == SOURCE_STORE)
        TRY(whole_path(s->value, folder, why));
    int n = snprintf(ret, size, "%s=%s", source_kind_names[s->kind], s->kind == SOURCE_STORE ? folder : s->value);
    return n > 0 && (size_t)n < size ? OK : ERR_TOO_LARGE;
}

/* It stands beside this executable. */
static err_t find_exe(char ret[static PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - sizeof(EXE_NAME));
    if (n <= 0 || n >= (ssize_t)(PATH_MAX - sizeof(EXE_NAME)))
        return ERR_NOT_PERMITTED;
    ret[n] = '\0';
    memcpy(strrchr(ret, '/') + 1, EXE_NAME, sizeof(EXE_NAME));
    return OK;
}

static err_t put_arguments(const struct fetcher_source *sources, size_t n, const char *ca_file, struct arguments *a,
                           struct why *why)
{
    static char exe_name[] = EXE_NAME, source_option[] = "--source", ca_option[] = "--ca-file";
    char **at = a->argv;
    if (n > SOURCES_MAX)
        return why_set(why, ERR_USAGE, "more than %d sources", SOURCES_MAX);
    *at++ = exe_name;
    for (size_t i = 0; i < n; i++) {
        TRY(put_source(&sources[i], a->sources[i], sizeof(a->sources[i]), why));
        *at++ = source_option;
        *at++ = a->sources[i];
    }
    if (ca_file != NULL) {
        TRY(whole_path(ca_file, a->ca_file, why));
        *at++ = ca_option;
        *at++ = a->ca_file;
    }
    return find_exe(a->exe);
}

/* ── starting it ── */

static err_t move_above(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, ABOVE_FDS);
    if (moved < 0)
        return err_errno();
    fd_close(fd);
    *fd = moved;
    return OK;
}

static err_t spawn(struct arguments *a, const char *empty_dir, int control, int log, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ERR_NOMEM;
    bool ok = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0) == 0 &&
              posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO) == 0 &&
              posix_spawn_file_actions_adddup2(&actions, control, CONTROL_FD) == 0 &&
              posix_spawn_file_actions_adddup2(&actions, log, LOG_FD) == 0 &&
              posix_spawn_file_actions_addchdir_np(&actions, empty_dir) == 0 &&
              posix_spawn(ret_pid, a->exe, &actions, NULL, a->argv, environ) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    return ok ? OK : ERR_NOT_PERMITTED;
}

static err_t start_in(const char *empty_dir, struct arguments *a, struct fetcher *f)
{
    AUTO(wire_end_close) struct wire_end remote = {.fd = -1};
    int log[2] = {-1, -1};
    TRY(wire_pair(CHAN_FETCH, &f->control, &remote));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log) != 0)
        return err_errno();
    f->log_fd = log[0];
    AUTO_FD int log_remote = log[1];
    TRY(move_above(&remote.fd));
    TRY(move_above(&log_remote));
    return spawn(a, empty_dir, remote.fd, log_remote, &f->pid);
}

static err_t wait_until_ready(const struct fetcher *f)
{
    AUTO(wire_inbox_done) struct wire_inbox inbox = {0};
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    TRY(wire_inbox_init(&inbox, CHAN_FETCH));
    TRY(wire_wait(&f->control, READY_MS));
    TRY(wire_recv(&f->control, &inbox, false, &m));
    return m.type == MSG_FETCH_READY ? OK : ERR_PROTOCOL;
}

static err_t open_stream(struct fetcher *f)
{
    const struct msg_fetch_serve serve = {.infer = 1};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return err_errno();
    f->block_fd = pair[0];
    AUTO_FD int remote = pair[1];
    return wire_send_wait(&f->control, MSG_FETCH_SERVE, &serve, view_of(NULL, 0), &remote, 1);
}

err_t fetcher_start(const struct fetcher_source *sources, size_t n, const char *ca_file, struct fetcher *ret,
                    struct why *why)
{
    char empty_dir[] = "/tmp/veronnx-XXXXXX";
    AUTO(fetcher_stop) struct fetcher f = FETCHER_NONE;
    AUTO_MEM struct arguments *a = mem_alloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    TRY(put_arguments(sources, n, ca_file, a, why));
    if (mkdtemp(empty_dir) == NULL)
        return why_set(why, ERR_NOT_PERMITTED, "cannot make a folder in /tmp: %s", strerror(errno));
    err_t e = start_in(empty_dir, a, &f);
    if (e == OK)
        e = wait_until_ready(&f);
    (void)rmdir(empty_dir);
    if (e == OK)
        e = open_stream(&f);
    if (e != OK) {
        fetcher_print_log(&f);
        return why_set(why, ERR_SOURCE_DEAD, "veronnx-fetch does not start (%s)", err_name(e));
    }
    *ret = f;
    f = FETCHER_NONE;
    return OK;
}

/* Without its control channel it ends by itself. */
void fetcher_stop(struct fetcher *f)
{
    wire_end_close(&f->control);
    fd_close(&f->block_fd);
    fd_close(&f->log_fd);
    while (f->pid > 0 && waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    f->pid = 0;
}

void fetcher_print_log(const struct fetcher *f)
{
    struct log_record r;
    char line[LOG_LINE_MAX];
    while (f->log_fd >= 0 && recv(f->log_fd, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r))
        if (log_format(&r, ROLE_FETCH, clock_wall_us(), line) == OK)
            (void)fprintf(stderr, "%s\n", line);
}
