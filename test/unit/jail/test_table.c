/* The jail table: that it says what the design wants, and that the filters made from it say the same. The filter
   programs are run by a small interpreter of the kernel's filter language, so neither libseccomp nor the kernel judges
   itself. */
#include "jail/steps.h"
#include "jailed.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>

#define MAX_CALL 2048

/* The classic BPF that seccomp accepts, as far as libseccomp writes it. */
static uint32_t run_filter(const struct sock_filter *code, size_t n, const struct seccomp_data *data)
{
    uint32_t acc = 0;
    for (size_t pc = 0; pc < n; pc++) {
        const struct sock_filter *in = &code[pc];
        switch (in->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(in->k + sizeof(acc) <= sizeof(*data));
            memcpy(&acc, (const char *)data + in->k, sizeof(acc));
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            acc &= in->k;
            break;
        case BPF_JMP | BPF_JA:
            pc += in->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += acc == in->k ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            pc += acc >= in->k ? in->jt : in->jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            pc += acc > in->k ? in->jt : in->jf;
            break;
        case BPF_RET | BPF_K:
            return in->k;
        default:
            fail_msg("instruction %#x", in->code);
        }
    }
    fail_msg("the filter has no end");
    return 0;
}

struct program {
    struct sock_filter code[BPF_MAXINSNS];
    size_t n;
};
static struct program programs[JAIL_ROWS_];

static int make_programs(void **state)
{
    (void)state;
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++) {
        struct program *p = &programs[row];
        scmp_filter_ctx filter = NULL;
        int fd = memfd_create("filter", 0);
        assert_int_equal(jail_filter(row, &filter), OK);
        assert_int_equal(seccomp_export_bpf(filter, fd), 0);
        seccomp_release(filter);
        ssize_t size = pread(fd, p->code, sizeof(p->code), 0);
        assert_true(size > 0 && (size_t)size < sizeof(p->code));
        p->n = (size_t)size / sizeof(p->code[0]);
        close(fd);
    }
    return 0;
}

/* What the filter of `row` says about a call of the native architecture (`arch` 0) or of another one. */
static uint32_t answer(enum jail_row row, uint32_t arch, int nr, const uint64_t *args)
{
    struct seccomp_data data = {.nr = nr, .arch = arch != 0 ? arch : seccomp_arch_native()};
    memcpy(data.args, args, sizeof(data.args));
    return run_filter(programs[row].code, programs[row].n, &data);
}

static uint32_t expected(enum jail_row row, int nr, const uint64_t *args)
{
    struct verdict v = row_meaning(row, nr, args, getpid());
    switch (v.action) {
    case ALLOW:
        return SECCOMP_RET_ALLOW;
    case REFUSE:
        return SECCOMP_RET_ERRNO | (uint32_t)v.error;
    case KILL:
    default:
        return SECCOMP_RET_KILL_PROCESS;
    }
}

static uint64_t random_word(void)
{
    static uint64_t x = 88172645463325252;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

/* Arguments near a permitted form: some words kept, some with one bit flipped, some arbitrary. */
static void vary_args(const struct jail_rule *rule, uint64_t *ret_args)
{
    fitting_args(rule, ret_args, getpid());
    for (size_t i = 0; i < N_ARGS; i++) {
        uint64_t r = random_word();
        uint64_t choices[] = {ret_args[i], ret_args[i] ^ UINT64_C(1) << (r >> 58), ret_args[i] & UINT32_MAX, r, 0};
        ret_args[i] = choices[r % 8 < COUNT_OF(choices) ? r % 8 : 0];
    }
}

/* Calls `judge` with every number and, for every rule, with a few thousand sets of arguments around it. */
static void for_each_form(enum jail_row row, void (*judge)(enum jail_row, int, const uint64_t *))
{
    uint64_t args[N_ARGS];
    for (int nr = -1; nr < MAX_CALL; nr++) {
        memset(args, 0xff, sizeof(args));
        judge(row, nr, args);
        memset(args, 0, sizeof(args));
        judge(row, nr, args);
    }
    for (size_t i = 0; i < jail_n_rules; i++) {
        for (int k = 0; k < 2000; k++) {
            vary_args(&jail_rules[i], args);
            judge(row, jail_rules[i].nr, args);
        }
    }
}

static void judge_equal(enum jail_row row, int nr, const uint64_t *args)
{
    assert_int_equal(answer(row, 0, nr, args), expected(row, nr, args));
}

static void test_filters_equal_table(void **state)
{
    (void)state;
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++)
        for_each_form(row, judge_equal);
}

static void test_foreign_calls(void **state)
{
    (void)state;
    static const uint32_t foreign[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64, 0xdeadbeef};
    static const uint64_t args[N_ARGS] = {0};
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++) {
        for (int nr = 0; nr < MAX_CALL; nr++) {
            assert_int_equal(answer(row, 0, nr | 1 << 30, args), SECCOMP_RET_KILL_PROCESS); /* x32 */
            for (size_t i = 0; i < COUNT_OF(foreign); i++)
                assert_int_equal(answer(row, foreign[i], nr, args), SECCOMP_RET_KILL_PROCESS);
        }
        for (int k = 0; k < 10000; k++) {
            int nr = (int)(random_word() | 1 << 11);
            assert_int_equal(answer(row, 0, nr, args), SECCOMP_RET_KILL_PROCESS);
        }
    }
}

/* Filters stack, so whatever a row has, the row before it must have too. */
static enum jail_row row_before(enum jail_row row)
{
    return jail_traits[row].after == JAIL_ROWS_ ? JAIL_SUPER : jail_traits[row].after;
}

static void judge_inherited(enum jail_row row, int nr, const uint64_t *args)
{
    if (answer(row, 0, nr, args) == SECCOMP_RET_ALLOW)
        assert_int_equal(answer(row_before(row), 0, nr, args), SECCOMP_RET_ALLOW);
    if (cell_of(row, nr) != CELL_KILL)
        assert_int_not_equal(cell_of(row_before(row), nr), CELL_KILL);
}

static void test_rows_are_inherited(void **state)
{
    (void)state;
    for (enum jail_row row = JAIL_SUPER + 1; row < JAIL_ROWS_; row++)
        for_each_form(row, judge_inherited);
}

static void test_table_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < jail_n_calls; i++) {
        const struct jail_call *call = &jail_calls[i];
        assert_int_equal(strlen(call->cells), JAIL_ROWS_);
        assert_int_not_equal(call->cells[JAIL_SUPER], CELL_KILL);
        assert_int_equal(seccomp_syscall_resolve_name(call->name), call->nr);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(jail_calls[k].nr, call->nr);
        for (enum jail_row row = 0; row < JAIL_ROWS_; row++) {
            char cell = call->cells[row];
            bool known = cell == CELL_KILL || cell == CELL_ALLOW || jail_refusal(cell) != NULL;
            for (size_t k = 0; k < jail_n_rules; k++)
                known = known || (jail_rules[k].cell == cell && jail_rules[k].nr == call->nr);
            assert_true(known);
        }
    }
}

/* A value outside its mask can never be met, and a rule that no row uses is dead. */
static void test_rules_are_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < jail_n_rules; i++) {
        const struct jail_rule *rule = &jail_rules[i];
        bool used = false;
        for (enum jail_row row = 0; row < JAIL_ROWS_; row++)
            used = used || cell_of(row, rule->nr) == rule->cell;
        assert_true(used);
        assert_int_not_equal(rule->checks[0].mask, 0);
        for (size_t k = 0; k < JAIL_MAX_CHECKS; k++)
            if (rule->checks[k].value != JAIL_OWN_PID)
                assert_int_equal(rule->checks[k].value & ~rule->checks[k].mask, 0);
    }
}

/* None of `names` (NULL at the end) is allowed in any form. */
static void assert_denied(enum jail_row row, const char *const *names)
{
    for (; *names != NULL; names++) {
        int nr = seccomp_syscall_resolve_name(*names);
        assert_int_not_equal(nr, __NR_SCMP_ERROR);
        char cell = cell_of(row, nr);
        if (cell != CELL_KILL && jail_refusal(cell) == NULL)
            fail_msg("%s has %s", jail_traits[row].name, *names);
    }
}

static void test_never_in_any_row(void **state)
{
    (void)state;
    static const char *const never[] = {
        "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "mount", "umount2",
        "pivot_root", "move_mount", "open_tree", "fsopen", "fsmount", "mount_setattr", "chroot", "setns", "unshare",
        "personality", "bpf", "perf_event_open", "userfaultfd", "io_uring_enter", "io_uring_register", "keyctl",
        "add_key", "request_key", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
        "reboot", "swapon", "acct", "quotactl", "name_to_handle_at", "open_by_handle_at", "fanotify_init", "mbind",
        "migrate_pages", "move_pages", "execveat", "fork", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "shmget",
        "shmat", "msgget", "semget", "mq_open", "vmsplice", "splice", "tee", "setuid", "setgid", "setresuid",
        "setresgid", "setgroups", "setfsuid", "chmod", "fchmod", "chown", "fchown", "link", "linkat", "symlink",
        "symlinkat", "mknod", "mknodat", "truncate", "setxattr", "modify_ldt", "ioperm", "iopl", "syslog",
        "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "remap_file_pages",
        "pkey_mprotect", "lookup_dcookie", "vhangup", "creat", "recvmmsg", NULL};
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++)
        assert_denied(row, never);
}

/* The third and fourth column of the design's table of processes. */
static void test_what_processes_never_have(void **state)
{
    (void)state;
    static const char *const processes[] = {"execve", "vfork", "kill", "pidfd_send_signal", "wait4", NULL};
    static const char *const threads[] = {"clone", "clone3", NULL};
    static const char *const files[] = {"openat", "getdents64", "newfstatat", "access", "readlink", NULL};
    static const char *const changes[] = {"unlink", "unlinkat", "rename", "renameat2", "mkdir", "fsync", NULL};
    static const char *const outbound[] = {"socket", "socketpair", "bind", "connect", "sendmmsg", NULL};
    static const char *const sockets[] = {"setsockopt", "getsockopt", "getpeername", "sendto", "recvfrom", NULL};
    static const char *const inbound[] = {"accept4", NULL};
    static const char *const listening[] = {"listen", NULL};
    static const char *const widening[] = {"prlimit64", "prctl", "capset", "sched_setaffinity", NULL};

    static const char *const others[] = {"kill", "pidfd_send_signal", "unlink", "rename", "mkdir", "memfd_create", NULL};

    assert_denied(JAIL_HOST, listening);
    assert_denied(JAIL_HOST, others);
    for (enum jail_row row = JAIL_CONFIG; row < JAIL_HOST; row++) { /* the host is the parent of a fetcher */
        assert_denied(row, processes);
        assert_denied(row, listening);
        if (row != JAIL_FETCH) {
            assert_denied(row, changes);
            assert_denied(row, outbound);
        }
        if (row != JAIL_FRONT && row != JAIL_ADMIN)
            assert_denied(row, inbound);
        if (row != JAIL_FRONT && row != JAIL_ADMIN && row != JAIL_FETCH)
            assert_denied(row, sockets);
        if (row != JAIL_INFER_START && row != JAIL_FETCH)
            assert_denied(row, threads);
        if (row != JAIL_INFER_START && row != JAIL_INFER_PREPARE && row != JAIL_FETCH)
            assert_denied(row, files);
    }
    assert_denied(JAIL_INFER_PREPARE, files + 1); /* openat is the one call that it has more than RUN */
    assert_denied(JAIL_CONFIG, widening);
    assert_denied(JAIL_INFER_LOAD, widening);
    assert_denied(JAIL_INFER_RUN, widening);
    assert_denied(JAIL_INFER_PREPARE, widening);
}

/* What ONNX Runtime needs after its session exists, by measurement, and what the process around it needs to answer. */
static void test_infer_run_is_exact(void **state)
{
    (void)state;
    static const char *const has[] = {
        "brk", "mmap", "munmap", "mprotect", "madvise", "futex", "sched_yield", "read", "write", "writev", "sendmsg",
        "recvmsg", "close", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_ctl", "clock_gettime", "gettimeofday",
        "clock_nanosleep", "getrandom", "memfd_create", "ftruncate", "fcntl", "fstat", "exit",
        "exit_group", "getpid", "gettid", "tgkill", "rt_sigprocmask", "rt_sigreturn", "restart_syscall",
        "sched_getaffinity", "set_robust_list", "rseq", "sigaltstack"};
    static const char *const refused[] = {"openat", "newfstatat", "mremap", "sysinfo"};
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(has); i++)
        assert_int_not_equal(cell_of(JAIL_INFER_RUN, seccomp_syscall_resolve_name(has[i])), CELL_KILL);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_non_null(jail_refusal(cell_of(JAIL_INFER_RUN, seccomp_syscall_resolve_name(refused[i]))));
    for (size_t i = 0; i < jail_n_calls; i++)
        n += jail_calls[i].cells[JAIL_INFER_RUN] != CELL_KILL;
    assert_int_equal(n, COUNT_OF(has) + COUNT_OF(refused));
}

/* Who prepares a model reads it like who runs it, and writes one memory file. */
static void test_infer_prepare_is_run_that_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < jail_n_calls; i++)
        if (jail_calls[i].nr != SCMP_SYS(openat))
            assert_int_equal(jail_calls[i].cells[JAIL_INFER_PREPARE], jail_calls[i].cells[JAIL_INFER_RUN]);
    static const struct {
        uint64_t flags;
        uint32_t answer;
    } rows[] = {
        {O_WRONLY | O_CREAT | O_TRUNC, SECCOMP_RET_ALLOW},
        {O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, SECCOMP_RET_ALLOW},
        {O_RDONLY, SECCOMP_RET_KILL_PROCESS},
        {O_WRONLY, SECCOMP_RET_KILL_PROCESS},
        {O_RDWR | O_CREAT | O_TRUNC, SECCOMP_RET_KILL_PROCESS},
        {O_WRONLY | O_CREAT | O_TRUNC | O_DIRECTORY, SECCOMP_RET_KILL_PROCESS},
        {O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, SECCOMP_RET_KILL_PROCESS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t args[N_ARGS] = {[2] = rows[i].flags};
        assert_int_equal(answer(JAIL_INFER_PREPARE, 0, SCMP_SYS(openat), args), rows[i].answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_well_formed), cmocka_unit_test(test_rules_are_used),
        cmocka_unit_test(test_never_in_any_row),     cmocka_unit_test(test_what_processes_never_have),
        cmocka_unit_test(test_infer_run_is_exact),   cmocka_unit_test(test_infer_prepare_is_run_that_writes),
        cmocka_unit_test(test_filters_equal_table),
        cmocka_unit_test(test_foreign_calls),        cmocka_unit_test(test_rows_are_inherited),
    };
    return cmocka_run_group_tests_name("jail table", tests, make_programs, NULL);
}
