/* Every system call in every row, and every argument rule, in a child that entered that row: who is killed, who is
   refused and who goes on. What must happen is read from the table; what happens is the kernel's answer. */
#include "jailed.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/syscall.h>

#define MAX_CALL 600 /* the newest number on x86-64 and aarch64 is below 480; x32's own stand at 512 to 547 */
#define X32      (1 << 30)

/* A call with all arguments -1 (no descriptor, no address, no flag that exists, so that an allowed call comes back with
   an error), or with what `rule` permits, or with that and some bits of one argument turned. */
struct call {
    enum jail_row row;
    int nr;
    const struct jail_rule *rule;
    unsigned turned_arg;
    uint64_t turned_bits;
};

static void make_args(const struct call *c, pid_t pid, uint64_t *ret_args)
{
    memset(ret_args, 0xff, N_ARGS * sizeof(ret_args[0]));
    if (c->rule != NULL)
        fitting_args(c->rule, ret_args, pid);
    ret_args[c->turned_arg] ^= c->turned_bits;
}

/* The pid of the child is not known beforehand, but any number that stands for it gives the same verdict. */
static struct verdict wanted(const struct call *c)
{
    uint64_t args[N_ARGS];
    make_args(c, getpid(), args);
    return meaning(c->row, c->nr, args, getpid());
}

static void make_call(void *arg)
{
    const struct call *c = arg;
    struct verdict want = wanted(c);
    uint64_t a[N_ARGS];
    make_args(c, getpid(), a);
    enter(c->row);
    errno = 0;
    long rc = syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (want.action == REFUSE)
        CHECK(rc == -1 && errno == want.error);
}

/* The kernel's own entries for user probes: from 6.14 and 6.18 on they pass by every filter, and fail outside a probe.
   */
static bool passes_by(int nr)
{
    return seccomp_arch_native() == SCMP_ARCH_X86_64 && (nr == 335 || nr == 336);
}

static void try_call(struct call c)
{
    struct verdict want = wanted(&c);
    if (passes_by(c.nr))
        return;
    if (want.action == ALLOW && (c.nr == SCMP_SYS(clone) || c.nr == SCMP_SYS(vfork)))
        return; /* would go on as two; test_enter.c makes threads and processes properly */
    int status = child_status(make_call, &c);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    bool ends = c.nr == SYS_exit || c.nr == SYS_exit_group || c.nr == SYS_rt_sigreturn; /* the last without a frame */
    if (want.action == KILL ? !killed : ends ? killed : status != 0)
        fail_msg("%s: call %d (%s), bits %#lx of argument %u turned, ended with %#x", jail_traits[c.row].name, c.nr,
                 c.rule != NULL ? c.rule->text : "no rule", (unsigned long)c.turned_bits, c.turned_arg, status);
}

/* A child of a sanitized program costs ten times as much: of the numbers that no row has, such a program tries each
   sixteenth. */
static bool is_tried(int nr)
{
    return !JAIL_SANITIZED || nr % 16 == 0 || cell_of(JAIL_SUPER, nr) != CELL_KILL;
}

static void test_every_call(void **state)
{
    enum jail_row row = *(const enum jail_row *)*state;
    static const int odd[] = {-1, 1000, 4096, X32 - 1, INT32_MAX, INT32_MIN, X32 | 0, X32 | 9, X32 | 520};
    for (int nr = 0; nr < MAX_CALL; nr++)
        if (is_tried(nr))
            try_call((struct call){.row = row, .nr = nr});
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        try_call((struct call){.row = row, .nr = odd[i]});
}

/* The permitted form, and the same with the lowest and with the highest bit of each check wrong. */
static void try_rule(enum jail_row row, const struct jail_rule *rule)
{
    try_call((struct call){.row = row, .nr = rule->nr, .rule = rule});
    for (size_t i = 0; i < JAIL_MAX_CHECKS && rule->checks[i].mask != 0; i++) {
        uint64_t mask = rule->checks[i].mask;
        uint64_t bits[] = {mask & -mask, UINT64_C(1) << (63 - __builtin_clzll(mask))};
        for (size_t k = 0; k < COUNT_OF(bits); k++)
            try_call((struct call){
                .row = row, .nr = rule->nr, .rule = rule, .turned_arg = rule->checks[i].arg, .turned_bits = bits[k]});
    }
}

static void test_every_rule(void **state)
{
    enum jail_row row = *(const enum jail_row *)*state;
    for (size_t i = 0; i < jail_n_rules; i++)
        if (cell_of(row, jail_rules[i].nr) == jail_rules[i].cell)
            try_rule(row, &jail_rules[i]);
}

int main(void)
{
    static enum jail_row rows[JAIL_ROWS_];
    static char names[2 * JAIL_ROWS_][64];
    struct CMUnitTest tests[2 * JAIL_ROWS_];
    for (enum jail_row row = 0; row < JAIL_ROWS_; row++) {
        rows[row] = row;
        (void)snprintf(names[2 * row], sizeof(names[0]), "every call: %s", jail_traits[row].name);
        (void)snprintf(names[2 * row + 1], sizeof(names[0]), "every rule: %s", jail_traits[row].name);
        tests[2 * row] = (struct CMUnitTest){names[2 * row], test_every_call, NULL, NULL, &rows[row]};
        tests[2 * row + 1] = (struct CMUnitTest){names[2 * row + 1], test_every_rule, NULL, NULL, &rows[row]};
    }
    return cmocka_run_group_tests_name("jail calls", tests, make_empty_dir, remove_empty_dir);
}
