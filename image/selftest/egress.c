/* A child for every attempt. */
#include "selftest/egress.h"

#include "jail/table.h"
#include "selftest/json.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_JAILED 255
#define EMPTY      "/tmp" /* until the node is started */

/* What the fetcher and the host need stands in their rows alone, and neither of them is in an image. */
static const enum jail_row rows[] = {JAIL_SUPER,       JAIL_CONFIG,     JAIL_KEEPER,    JAIL_FRONT,         JAIL_ADMIN,
                                     JAIL_INFER_START, JAIL_INFER_LOAD, JAIL_INFER_RUN, JAIL_INFER_PREPARE, JAIL_NSM,
                                     JAIL_NSM_SIM};

static const struct attempt {
    const char *name;
    int family; /* AF_UNSPEC: connect() of a descriptor that is none, which only the jail keeps from EBADF */
    int type;
} attempts[] = {
    {"socket AF_VSOCK", AF_VSOCK, SOCK_STREAM},
    {"socket AF_UNIX", AF_UNIX, SOCK_STREAM},
    {"socket AF_INET", AF_INET, SOCK_STREAM},
    {"socket AF_INET6", AF_INET6, SOCK_STREAM},
    {"socket AF_NETLINK", AF_NETLINK, SOCK_RAW},
    {"socket AF_PACKET", AF_PACKET, SOCK_RAW},
    {"connect", AF_UNSPEC, 0},
};

static err_t enter(enum jail_row row)
{
    static const struct jail_paths paths = {.empty_dir = EMPTY};
    enum jail_row before = jail_traits[row].after;
    if (before == JAIL_ROWS_)
        return jail_enter(row, &paths, NULL);
    TRY(enter(before));
    return jail_tighten(row, NULL);
}

/* The error number, or 0. */
static int try(const struct attempt *a)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int result = a->family != AF_UNSPEC ? socket(a->family, a->type, 0) : connect(-1, &none, sizeof(none));
    return result >= 0 ? 0 : errno;
}

static void print_outcome(const char *row, const struct attempt *a, int status)
{
    char text[128];
    const char *what = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS         ? "killed"
                       : !WIFEXITED(status) || WEXITSTATUS(status) == NOT_JAILED ? "not jailed"
                                                                                 : strerrorname_np(WEXITSTATUS(status));
    int n = snprintf(text, sizeof(text), "%s: %s: %s", row, a->name, what);
    json_text(text, (size_t)n);
}

static int in_a_child(enum jail_row row, const struct attempt *a)
{
    int status = -1;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) { /* infer's row starts with nothing else in the environment */
        bool jailed = row == JAIL_ROWS_ || (setenv("ORT_DISABLE_TELEMETRY", "1", 1) == 0 && enter(row) == OK);
        _exit(jailed ? try(a) : NOT_JAILED);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

void egress_print(void)
{
    const char *separator = "";
    (void)putchar('[');
    for (size_t r = 0; r <= COUNT_OF(rows); r++) {
        enum jail_row row = r < COUNT_OF(rows) ? rows[r] : JAIL_ROWS_;
        for (size_t i = 0; i < COUNT_OF(attempts); i++) {
            json_separate(&separator);
            print_outcome(row != JAIL_ROWS_ ? jail_traits[row].name : "no jail", &attempts[i],
                          in_a_child(row, &attempts[i]));
        }
    }
    (void)putchar(']');
}
