/* posix_spawn and the channels. */
#include "wire/launch.h"

#include "base/fd.h"
#include "wire/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ABOVE_FDS 10 /* where our descriptors do not meet the places that they get in the child */

err_t launch_beside(const char *name, char ret[static LAUNCH_PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", ret, LAUNCH_PATH_MAX - 1);
    if (n <= 0)
        return ERR_NOT_PERMITTED;
    ret[n] = '\0';
    char *slash = strrchr(ret, '/');
    size_t len = strlen(name) + 1;
    if (slash == NULL || (size_t)(slash + 1 - ret) + len > LAUNCH_PATH_MAX)
        return ERR_TOO_LARGE;
    memcpy(slash + 1, name, len);
    return OK;
}

static err_t move_above(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, ABOVE_FDS);
    if (moved < 0)
        return err_errno();
    fd_close(fd);
    *fd = moved;
    return OK;
}

static err_t spawn(const char *exe, char *const *argv, char *const *env, const char *dir, int control, int log,
                   pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ERR_NOMEM;
    bool ok = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0) == 0 &&
              posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO) == 0 &&
              posix_spawn_file_actions_adddup2(&actions, control, CONTROL_FD) == 0 &&
              posix_spawn_file_actions_adddup2(&actions, log, LOG_FD) == 0 &&
              (dir == NULL || posix_spawn_file_actions_addchdir_np(&actions, dir) == 0) &&
              posix_spawn(ret_pid, exe, &actions, NULL, argv, env) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    return ok ? OK : ERR_NOT_PERMITTED;
}

err_t launch_start(const char *exe, char *const *argv, char *const *env, const char *dir, enum wire_chan chan,
                   struct launched *ret)
{
    AUTO(launch_stop) struct launched s = LAUNCHED_NONE;
    AUTO(wire_end_close) struct wire_end remote = {.fd = -1};
    int log[2] = {-1, -1};
    TRY(wire_pair(chan, &s.control, &remote));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log) != 0)
        return err_errno();
    s.log_fd = log[0];
    AUTO_FD int log_remote = log[1];
    TRY(move_above(&remote.fd));
    TRY(move_above(&log_remote));
    TRY(spawn(exe, argv, env, dir, remote.fd, log_remote, &s.pid));
    *ret = s;
    s.control.fd = s.log_fd = -1;
    s.pid = 0;
    return OK;
}

void launch_stop(struct launched *s)
{
    wire_end_close(&s->control);
    fd_close(&s->log_fd);
    while (s->pid > 0 && waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    s->pid = 0;
}
