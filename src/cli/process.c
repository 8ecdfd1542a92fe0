/* posix_spawn, /proc and patience. */
#include "cli/process.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_US    20000
#define KILL_MS    1000
#define START_TIME 22 /* which field of /proc/PID/stat, from 1 (proc(5)) */

/* ── starting ── */

/* In a session of its own: what a terminal sends to this command is not meant for it. */
static err_t spawn(const char *const *argv, posix_spawn_file_actions_t *actions, pid_t *ret_pid, struct why *why)
{
    posix_spawnattr_t attributes;
    sigset_t none;
    (void)sigemptyset(&none);
    if (posix_spawnattr_init(&attributes) != 0)
        return ERR_NOMEM;
    int os_error = posix_spawnattr_setsigmask(&attributes, &none);
    if (os_error == 0)
        os_error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    if (os_error == 0)
        os_error = posix_spawnp(ret_pid, argv[0], actions, &attributes, (char *const *)(uintptr_t)argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    return os_error == 0 ? OK : why_set(why, ERR_USAGE, "cannot start %s: %s", argv[0], strerrordesc_np(os_error));
}

/* The line of /proc/PID/stat behind the name, which may hold anything. */
static err_t read_stat(pid_t pid, char *room, size_t size, const char **ret)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, room, size - 1) : -1;
    if (n <= 0)
        return ERR_CLOSED;
    room[n] = '\0';
    const char *end = strrchr(room, ')');
    if (end == NULL || strlen(end) < 4)
        return ERR_MALFORMED;
    *ret = end + 2;
    return OK;
}

static err_t start_time(pid_t pid, uint64_t *ret)
{
    char room[1024];
    const char *at = NULL;
    TRY(read_stat(pid, room, sizeof(room), &at));
    if (*at == 'Z' || *at == 'X')
        return ERR_CLOSED;
    struct view rest = view_of(at, strlen(at));
    for (unsigned field = 3; field < START_TIME; field++)
        (void)view_cut(&rest, ' ');
    return text_u64(view_cut(&rest, ' '), UINT64_MAX, ret);
}

err_t process_start(const char *const *argv, const char *out, const char *err, struct process *ret, struct why *why)
{
    const int flags = O_WRONLY | O_CREAT | O_APPEND;
    struct process p = {0};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ERR_NOMEM;
    bool ok = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0) == 0 &&
              posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out, flags, 0600) == 0 &&
              posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err, flags, 0600) == 0 &&
              posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1) == 0;
    err_t e = ok ? spawn(argv, &actions, &p.pid, why) : ERR_NOMEM;
    (void)posix_spawn_file_actions_destroy(&actions);
    TRY(e);
    if (start_time(p.pid, &p.since) != OK)
        p.since = 0; /* it has ended already, which whoever waits for it finds out */
    *ret = p;
    return OK;
}

/* ── ending ── */

bool process_lives(const struct process *p)
{
    uint64_t since = 0;
    (void)waitpid(p->pid, NULL, WNOHANG); /* if it is a child of this very command */
    return p->pid > 0 && start_time(p->pid, &since) == OK && since == p->since;
}

bool process_wait(const struct process *p, uint64_t ms)
{
    uint64_t until_ms = clock_mono_ms() + ms;
    while (process_lives(p)) {
        if (clock_mono_ms() >= until_ms)
            return false;
        (void)usleep(STEP_US);
    }
    return true;
}

void process_end(const struct process *p, int signal, uint64_t ms)
{
    if (!process_lives(p) || kill(p->pid, signal) != 0 || process_wait(p, ms))
        return;
    (void)kill(p->pid, SIGKILL);
    (void)process_wait(p, ms);
}

/* ── signals ── */

static sigset_t held(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    struct sigaction hangup = {0};
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* nohup */
        (void)sigaddset(&set, SIGHUP);
    return set;
}

void process_hold_signals(void)
{
    const sigset_t set = held();
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

bool process_nap(uint64_t ms)
{
    const sigset_t set = held();
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};
    return sigtimedwait(&set, NULL, &time) > 0;
}

/* ── asking ── */

static err_t read_from_start(int fd, struct buf *out)
{
    struct stat st;
    uint8_t *room = NULL;
    TRY(fd_stat(fd, &st));
    TRY(buf_reserve(out, (size_t)st.st_size, &room));
    TRY(fd_read_at(fd, 0, room, (size_t)st.st_size));
    buf_commit(out, (size_t)st.st_size);
    return OK;
}

static bool ends_within(pid_t pid, uint64_t ms, int *ret_status)
{
    uint64_t until_ms = clock_mono_ms() + ms;
    while (waitpid(pid, ret_status, WNOHANG) == 0) {
        if (clock_mono_ms() >= until_ms)
            return false;
        (void)usleep(STEP_US);
    }
    return true;
}

static err_t await(pid_t pid, const char *const *argv, uint64_t ms, struct why *why)
{
    int status = 0;
    if (!ends_within(pid, ms, &status)) {
        (void)kill(pid, SIGKILL);
        (void)ends_within(pid, KILL_MS, &status);
        return why_set(why, ERR_TIMEOUT, "%s %s: did not end within %llu s", argv[0], argv[1],
                       (unsigned long long)ms / 1000);
    }
    return status == 0 ? OK
                       : why_set(why, ERR_CLOSED, "%s %s: ended with %s %d", argv[0], argv[1],
                                 WIFSIGNALED(status) ? "signal" : "status",
                                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* A file and no pipe: what it leaves running may keep its output open. */
err_t process_ask(const char *const *argv, uint64_t ms, struct buf *ret_out, struct why *why)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    AUTO_FD int out = -1;
    TRY(memfd_new("answer", 0, &out));
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ERR_NOMEM;
    bool ok = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) == 0;
    err_t e = ok ? spawn(argv, &actions, &pid, why) : ERR_NOMEM;
    (void)posix_spawn_file_actions_destroy(&actions);
    TRY(e);
    e = await(pid, argv, ms, why);
    TRY(read_from_start(out, ret_out));
    return e;
}
