/* For the tests of the jail: what a row of the table means, and children that enter one. */
#ifndef VERONNX_TEST_UNIT_JAIL_JAILED_H
#define VERONNX_TEST_UNIT_JAIL_JAILED_H

#include "jail/table.h"

#include <stdarg.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define N_ARGS 6

/* What the kernel is told to do with a call. */
struct verdict {
    enum { KILL, REFUSE, ALLOW } action; /* the strictest first */
    int error;
};

static inline char cell_of(enum jail_row row, int nr)
{
    for (size_t i = 0; i < jail_n_calls; i++)
        if (jail_calls[i].nr == nr)
            return jail_calls[i].cells[row];
    return CELL_KILL;
}

static inline uint64_t check_value(const struct jail_check *check, pid_t pid)
{
    return check->value == JAIL_OWN_PID ? (uint64_t)pid : check->value;
}

static inline bool rule_fits(const struct jail_rule *rule, const uint64_t *args, pid_t pid)
{
    for (size_t i = 0; i < JAIL_MAX_CHECKS; i++)
        if ((args[rule->checks[i].arg] & rule->checks[i].mask) != check_value(&rule->checks[i], pid))
            return false;
    return true;
}

/* The row alone, read without libseccomp: what it says about a call of process `pid`. */
static inline struct verdict row_meaning(enum jail_row row, int nr, const uint64_t *args, pid_t pid)
{
    char cell = cell_of(row, nr);
    if (cell == CELL_KILL || cell == CELL_ALLOW)
        return (struct verdict){.action = cell == CELL_ALLOW ? ALLOW : KILL};
    const struct jail_refusal *refusal = jail_refusal(cell);
    if (refusal != NULL)
        return (struct verdict){.action = REFUSE, .error = refusal->error};
    for (size_t i = 0; i < jail_n_rules; i++)
        if (jail_rules[i].cell == cell && jail_rules[i].nr == nr && rule_fits(&jail_rules[i], args, pid))
            return (struct verdict){.action = ALLOW};
    return (struct verdict){.action = KILL};
}

/* What the kernel does in a process of this row: filters stack, and the strictest answer counts. */
static inline struct verdict meaning(enum jail_row row, int nr, const uint64_t *args, pid_t pid)
{
    struct verdict strictest = row_meaning(row, nr, args, pid);
    for (row = jail_traits[row].after; row != JAIL_ROWS_; row = jail_traits[row].after) {
        struct verdict v = row_meaning(row, nr, args, pid);
        if (v.action < strictest.action)
            strictest = v;
    }
    return strictest;
}

/* Arguments that a rule permits and that are nonsense wherever it does not care. */
static inline void fitting_args(const struct jail_rule *rule, uint64_t *ret_args, pid_t pid)
{
    memset(ret_args, 0xff, N_ARGS * sizeof(ret_args[0]));
    for (size_t i = 0; i < JAIL_MAX_CHECKS && rule->checks[i].mask != 0; i++) {
        const struct jail_check *check = &rule->checks[i];
        ret_args[check->arg] = (ret_args[check->arg] & ~check->mask) | check_value(check, pid);
    }
}

/* An empty directory that everybody may enter, for the time of a test program. */
static char empty_dir[64];

static inline int make_empty_dir(void **state)
{
    (void)state;
    (void)snprintf(empty_dir, sizeof(empty_dir), "/tmp/jail-test-XXXXXX");
    return mkdtemp(empty_dir) == NULL ? -1 : chmod(empty_dir, 0755);
}

static inline int remove_empty_dir(void **state)
{
    (void)state;
    return rmdir(empty_dir);
}

/* In a child: ends it with a message unless `condition` holds. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            dprintf(STDERR_FILENO, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                     \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static const int standard_fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

/* Enters with nothing but the standard descriptors. */
static inline err_t try_enter(enum jail_row row, struct jail_failure *failure)
{
    struct jail_paths paths = {.empty_dir = empty_dir, .keep_fds = standard_fds, .n_keep_fds = COUNT_OF(standard_fds)};
    return jail_enter(row, &paths, failure);
}

/* The same, the way the row's process takes. */
static inline void enter(enum jail_row row)
{
    if (jail_traits[row].after == JAIL_ROWS_) {
        CHECK(setenv("ORT_DISABLE_TELEMETRY", "1", 1) == 0);
        CHECK(try_enter(row, NULL) == OK);
    } else {
        enter(jail_traits[row].after);
        CHECK(jail_tighten(row, NULL) == OK);
    }
}

/* Runs `body` in a child without cmocka's signal handlers; exit status 0 when it returns. The wait status. */
static inline int child_status(void (*body)(void *arg), void *arg)
{
    static const int handled[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (size_t i = 0; i < COUNT_OF(handled); i++)
            (void)signal(handled[i], SIG_DFL);
        body(arg);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

#endif
