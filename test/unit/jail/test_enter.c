/* Entering and tightening: what is left of a process, with what a jail refuses to start, and jails inside the
   supervisor's. */
#include "jailed.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define NOBODY 65534

static void become_nobody(void)
{
    if (getuid() != 0)
        return;
    CHECK(setgroups(0, NULL) == 0);
    CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0);
    CHECK(setresuid(NOBODY, NOBODY, NOBODY) == 0);
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0); /* as after exec; the change of user took it away */
}

/* What is left of the process, seen from outside */

/* A child that entered a row and stopped itself, for its parent to look at. */
struct stopped {
    enum jail_row row;
    bool unprivileged;
    pid_t pid;
};

static void start_stopped(struct stopped *s)
{
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        if (s->unprivileged)
            become_nobody();
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        enter(s->row);
        (void)raise(SIGSTOP);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(s->pid, &status, WUNTRACED), s->pid);
    assert_true(WIFSTOPPED(status));
}

static void end_stopped(struct stopped *s)
{
    assert_int_equal(kill(s->pid, SIGKILL), 0);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

/* The number behind `name` ("CapEff:") in /proc/PID/status. */
static uint64_t status_value(pid_t pid, const char *name, int base)
{
    char path[64], line[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    const char *value = NULL;
    while (value == NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = line + strlen(name);
    (void)fclose(f);
    assert_non_null(value);
    return strtoull(value, NULL, base);
}

static void assert_privileges(const struct stopped *s)
{
    uint64_t ours = status_value(getpid(), "CapPrm:", 16);
    uint64_t kept = s->unprivileged || getuid() != 0 ? 0 : jail_traits[s->row].capabilities & ours;
    assert_int_equal(status_value(s->pid, "NoNewPrivs:", 10), 1);
    assert_int_equal(status_value(s->pid, "Seccomp:", 10), SECCOMP_MODE_FILTER);
    assert_int_equal(status_value(s->pid, "CapInh:", 16), 0);
    assert_int_equal(status_value(s->pid, "CapAmb:", 16), 0);
    assert_int_equal(status_value(s->pid, "CapPrm:", 16), kept);
    assert_int_equal(status_value(s->pid, "CapEff:", 16), kept);
    if (getuid() == 0 && !s->unprivileged)
        assert_int_equal(status_value(s->pid, "CapBnd:", 16), 0);
}

static void assert_limits(const struct stopped *s)
{
    struct rlimit now;
    assert_int_equal(prlimit(s->pid, RLIMIT_CORE, NULL, &now), 0);
    assert_int_equal(now.rlim_max, 0);
    const struct jail_limit *limits = jail_traits[s->row].limits;
    for (size_t i = 0; i < JAIL_MAX_LIMITS && limits[i].name != NULL; i++) {
        if (JAIL_SANITIZED && limits[i].resource == RLIMIT_DATA)
            continue;
        assert_int_equal(prlimit(s->pid, (__rlimit_resource_t)limits[i].resource, NULL, &now), 0);
        assert_true(now.rlim_max <= limits[i].max);
        assert_int_equal(now.rlim_cur, now.rlim_max);
    }
}

static void assert_directory(const struct stopped *s)
{
    char path[64], target[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/cwd", (int)s->pid);
    assert_true(readlink(path, target, sizeof(target) - 1) > 0);
    assert_string_equal(target, empty_dir);
}

/* The kernel gives a process without dumps to root, whoever it runs as. */
static void assert_not_dumpable(const struct stopped *s)
{
    char path[64];
    struct stat st;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)s->pid);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0);
}

static void look_at(struct stopped s)
{
    start_stopped(&s);
    assert_privileges(&s);
    if (s.unprivileged)
        assert_not_dumpable(&s);
    else
        assert_limits(&s);
    if (getuid() == 0)
        assert_directory(&s);
    end_stopped(&s);
}

static void test_what_is_left(void **state)
{
    (void)state;
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++) {
        if (jail_traits[row].after != JAIL_ROWS_)
            continue;
        look_at((struct stopped){.row = row});
        look_at((struct stopped){.row = row, .unprivileged = true});
    }
}

/* Descriptors: the odd ones of 0 to 9 are kept, the others closed, and 0 and 2 lead to /dev/null; but 2 not in a build
   with sanitizers. */

static const int odd_fds[] = {9, 1, 7, 3, 5};

static void body_descriptors(UNUSED void *arg)
{
    for (int fd = 3; fd < 10; fd++)
        CHECK(dup2(STDERR_FILENO, fd) == fd);
    struct jail_paths paths = {.empty_dir = empty_dir, .keep_fds = odd_fds, .n_keep_fds = COUNT_OF(odd_fds)};
    CHECK(jail_enter(JAIL_SUPER, &paths, NULL) == OK);
    for (int fd = 0; fd < 100; fd++)
        if ((fcntl(fd, F_GETFD) >= 0) != (fd <= STDERR_FILENO || (fd < 10 && fd % 2 == 1)))
            _exit(10 + fd);
    struct stat in, err;
    if (fstat(STDIN_FILENO, &in) != 0 || fstat(STDERR_FILENO, &err) != 0)
        _exit(2);
    if (!S_ISCHR(in.st_mode) || (in.st_rdev != err.st_rdev && !JAIL_SANITIZED) || read(STDIN_FILENO, &in, 1) != 0)
        _exit(3);
}

static void test_descriptors(void **state)
{
    (void)state;
    assert_int_equal(child_status(body_descriptors, NULL), 0);
}

/* Environment */

static void body_environment(UNUSED void *arg)
{
    CHECK(clearenv() == 0);
    CHECK(setenv("ORT_DISABLE_TELEMETRYX", "1", 1) == 0);
    CHECK(setenv("SECRET", "LOCPATH=x", 1) == 0);
    CHECK(setenv("LOCPATH", "/locale", 1) == 0);
    CHECK(setenv("LOC", "PATH", 1) == 0);
    enter(JAIL_INFER_START);
    CHECK(environ[0] != NULL && environ[1] != NULL && environ[2] == NULL);
    CHECK(strcmp(getenv("ORT_DISABLE_TELEMETRY"), "1") == 0);
    CHECK(strcmp(getenv("LOCPATH"), "/locale") == 0);
}

static void body_no_environment(UNUSED void *arg)
{
    enter(JAIL_KEEPER);
    CHECK(environ[0] == NULL);
}

static void test_environment(void **state)
{
    (void)state;
    assert_int_equal(child_status(body_environment, NULL), 0);
    assert_int_equal(child_status(body_no_environment, NULL), 0);
}

/* What a jail does not start with */

static const int closed_fds[] = {STDERR_FILENO, 12345};
static const int too_many_fds[JAIL_MAX_KEPT + 1];

#define TELEMETRY "ORT_DISABLE_TELEMETRY"

struct refusal {
    struct jail_paths paths;
    const char *variable, *value; /* all that stands in the environment */
    err_t error;
    struct jail_failure failure;
};
static struct refusal refusals[] = {
    {{.empty_dir = "/nonexistent"}, TELEMETRY, "1", ERR_IO, {JAIL_STEP_DIRECTORY, ENOENT}},
    {{.empty_dir = "/dev/null"}, TELEMETRY, "1", ERR_IO, {JAIL_STEP_DIRECTORY, ENOTDIR}},
    {{.empty_dir = "/"}, TELEMETRY, "1", ERR_IO, {JAIL_STEP_DIRECTORY, ENOTEMPTY}},
    {{.empty_dir = empty_dir, .keep_fds = closed_fds, .n_keep_fds = COUNT_OF(closed_fds)},
     TELEMETRY, "1", ERR_IO, {JAIL_STEP_DESCRIPTORS, EBADF}},
    {{.empty_dir = empty_dir, .keep_fds = too_many_fds, .n_keep_fds = COUNT_OF(too_many_fds)},
     TELEMETRY, "1", ERR_TOO_LARGE, {JAIL_STEP_DESCRIPTORS, 0}},
    {{.empty_dir = empty_dir}, TELEMETRY, "0", ERR_NOT_PERMITTED, {JAIL_STEP_ENVIRONMENT, 0}},
    {{.empty_dir = empty_dir}, TELEMETRY "2", "1", ERR_NOT_PERMITTED, {JAIL_STEP_ENVIRONMENT, 0}},
};

static void body_refused(void *arg)
{
    const struct refusal *r = arg;
    struct jail_failure failure;
    CHECK(clearenv() == 0);
    CHECK(setenv(r->variable, r->value, 1) == 0);
    CHECK(jail_enter(JAIL_INFER_START, &r->paths, &failure) == r->error);
    CHECK(failure.step == r->failure.step && failure.os_error == r->failure.os_error);
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        assert_int_equal(child_status(body_refused, &refusals[i]), 0);
}

/* A kernel (here: a filter already there) in which one call does not work. */
struct missing {
    int nr;
    int error;
    enum jail_step step;
};
static struct missing missing[] = {
    {SYS_fchdir, EACCES, JAIL_STEP_DIRECTORY},
    {SYS_close_range, ENOSYS, JAIL_STEP_DESCRIPTORS},
    {SYS_prlimit64, EPERM, JAIL_STEP_LIMITS},
    {SYS_prctl, EPERM, JAIL_STEP_PRIVILEGES},
    {SYS_landlock_create_ruleset, ENOSYS, JAIL_STEP_LANDLOCK},
    {SYS_landlock_create_ruleset, EOPNOTSUPP, JAIL_STEP_LANDLOCK},
    {SYS_landlock_restrict_self, E2BIG, JAIL_STEP_LANDLOCK},
    {SYS_capget, EPERM, JAIL_STEP_CAPABILITIES},
    {SYS_capset, EPERM, JAIL_STEP_CAPABILITIES},
    {SYS_seccomp, ENOSYS, JAIL_STEP_SECCOMP},
};

static void refuse_call(int nr, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

static void body_missing(void *arg)
{
    const struct missing *m = arg;
    struct jail_failure failure;
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    refuse_call(m->nr, m->error);
    CHECK(try_enter(JAIL_KEEPER, &failure) != OK);
    CHECK(failure.step == m->step && (failure.os_error == m->error || m->nr == SYS_seccomp));
}

/* Tightening must not succeed without a filter either. */
static void body_no_tightening(UNUSED void *arg)
{
    struct jail_failure failure;
    enter(JAIL_INFER_START);
    refuse_call(SYS_seccomp, ENOSYS);
    CHECK(jail_tighten(JAIL_INFER_LOAD, &failure) != OK);
    CHECK(failure.step == JAIL_STEP_SECCOMP);
}

static void test_missing_in_kernel(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(missing); i++)
        assert_int_equal(child_status(body_missing, &missing[i]), 0);
    assert_int_equal(child_status(body_no_tightening, NULL), 0);
}

/* Order */

static void *idle(void *arg)
{
    (void)poll(NULL, 0, -1);
    return arg;
}

static void body_threads_before(UNUSED void *arg)
{
    struct jail_failure failure;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, idle, NULL) == 0);
    CHECK(try_enter(JAIL_SUPER, &failure) == ERR_INTERNAL);
    CHECK(failure.step == JAIL_STEP_ORDER);
}

static void body_order(UNUSED void *arg)
{
    struct jail_failure failure;
    CHECK(jail_tighten(JAIL_INFER_LOAD, &failure) == ERR_INTERNAL && failure.step == JAIL_STEP_ORDER);
    CHECK(try_enter(JAIL_INFER_LOAD, &failure) == ERR_INTERNAL && failure.step == JAIL_STEP_ORDER);
    CHECK(try_enter(JAIL_ROWS_, &failure) == ERR_INTERNAL && failure.step == JAIL_STEP_ORDER);
    enter(JAIL_INFER_START);
    CHECK(try_enter(JAIL_INFER_START, &failure) == ERR_INTERNAL && failure.step == JAIL_STEP_ORDER);
    CHECK(jail_tighten(JAIL_INFER_RUN, &failure) == ERR_INTERNAL && failure.step == JAIL_STEP_ORDER);
    CHECK(jail_tighten(JAIL_KEEPER, &failure) == ERR_INTERNAL && failure.step == JAIL_STEP_ORDER);
    CHECK(jail_tighten(JAIL_INFER_LOAD, NULL) == OK);
    CHECK(jail_tighten(JAIL_INFER_LOAD, NULL) == ERR_INTERNAL);
    CHECK(jail_tighten(JAIL_INFER_PREPARE, NULL) == ERR_INTERNAL);
    CHECK(jail_tighten(JAIL_INFER_RUN, NULL) == OK);
    CHECK(jail_tighten(JAIL_INFER_LOAD, NULL) == ERR_INTERNAL);
    CHECK(jail_tighten(JAIL_INFER_PREPARE, NULL) == ERR_INTERNAL);
}

static void body_order_of_a_preparer(UNUSED void *arg)
{
    enter(JAIL_INFER_PREPARE);
    CHECK(jail_tighten(JAIL_INFER_LOAD, NULL) == ERR_INTERNAL);
    CHECK(jail_tighten(JAIL_INFER_RUN, NULL) == ERR_INTERNAL);
}

static void test_order(void **state)
{
    (void)state;
    assert_int_equal(child_status(body_threads_before, NULL), 0);
    assert_int_equal(child_status(body_order, NULL), 0);
    assert_int_equal(child_status(body_order_of_a_preparer, NULL), 0);
}

/* Threads and processes */

static atomic_bool tightened, waiting;

/* Asks, in its own thread, for something that START has and LOAD has not. */
static void *ask_late(void *arg)
{
    char path[256];
    atomic_store(&waiting, true);
    while (!atomic_load(&tightened))
        (void)sched_yield();
    (void)syscall(SYS_getcwd, path, sizeof(path));
    return arg;
}

/* `arg`: whether to tighten before the thread asks. */
static void body_other_thread(void *arg)
{
    pthread_t thread;
    enter(JAIL_INFER_START);
    CHECK(pthread_create(&thread, NULL, ask_late, NULL) == 0);
    while (!atomic_load(&waiting))
        (void)sched_yield();
    if (arg != NULL)
        CHECK(jail_tighten(JAIL_INFER_LOAD, NULL) == OK);
    atomic_store(&tightened, true);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void test_filter_reaches_all_threads(void **state)
{
    (void)state;
    static int yes;
    assert_int_equal(child_status(body_other_thread, NULL), 0);
    int status = child_status(body_other_thread, &yes);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* A failed assertion looks like one from outside, and not like a call that the row does not have. */
static void body_abort(void *arg)
{
    enter(*(const enum jail_row *)arg);
    abort();
}

static void test_abort(void **state)
{
    (void)state;
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++) {
        int status = child_status(body_abort, &row);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

/* Every row inside the supervisor's: this program is executed again from its jail. */

#define INSIDE "--inside"
static char self[PATH_MAX];

static const char *const inherited_read[] = {empty_dir, "/etc/ld.so.cache", "/proc", NULL};
static const char *const inherited_exec[] = {self, "/lib", "/lib64", "/usr/lib", NULL};

static void enter_super(void)
{
    struct jail_paths paths = {.read_only = inherited_read,
                               .exec = inherited_exec,
                               .empty_dir = empty_dir,
                               .keep_fds = standard_fds,
                               .n_keep_fds = COUNT_OF(standard_fds)};
    CHECK(jail_enter(JAIL_SUPER, &paths, NULL) == OK);
}

static int run_inside(enum jail_row row)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%d", (int)row);
    char *const argv[] = {self, (char[]){INSIDE}, number, empty_dir, NULL};
    char *const env[] = {(char[]){"ORT_DISABLE_TELEMETRY=1"}, NULL};
    pid_t pid;
    int status;
    CHECK(posix_spawn(&pid, self, NULL, NULL, argv, env) == 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void body_supervisor(UNUSED void *arg)
{
    enter_super();
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++)
        CHECK(run_inside(row) == 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(7);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
}

static void test_inside_supervisor(void **state)
{
    (void)state;
    assert_int_equal(child_status(body_supervisor, NULL), 0);
}

/* The executed program: enters its row, after START with a thread as its process would have. */
static int inside(const char *row, const char *dir)
{
    (void)snprintf(empty_dir, sizeof(empty_dir), "%s", dir);
    enum jail_row wanted = (enum jail_row)atoi(row);
    if (jail_traits[wanted].after != JAIL_ROWS_) {
        pthread_t thread;
        enter(JAIL_INFER_START);
        CHECK(pthread_create(&thread, NULL, idle, NULL) == 0);
        if (wanted == JAIL_INFER_RUN)
            CHECK(jail_tighten(JAIL_INFER_LOAD, NULL) == OK);
        CHECK(jail_tighten(wanted, NULL) == OK);
    } else {
        enter(wanted);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], INSIDE) == 0)
        return inside(argv[2], argv[3]);
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_missing_in_kernel),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_filter_reaches_all_threads),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_inside_supervisor),
    };
    return cmocka_run_group_tests_name("jail enter", tests, make_empty_dir, remove_empty_dir);
}
