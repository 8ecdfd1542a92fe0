/* The system-call filter of a row, made by libseccomp from the table. */
#include "jail/steps.h"

#include <errno.h>
#include <unistd.h>

/* libseccomp's results are negative error numbers. */
static err_t checked(int rc)
{
    if (rc >= 0)
        return OK;
    errno = -rc;
    return err_errno();
}

static err_t add_rule(scmp_filter_ctx filter, const struct jail_rule *rule)
{
    struct scmp_arg_cmp compare[JAIL_MAX_CHECKS];
    unsigned n = 0;
    for (; n < JAIL_MAX_CHECKS && rule->checks[n].mask != 0; n++) {
        const struct jail_check *check = &rule->checks[n];
        uint64_t value = check->value == JAIL_OWN_PID ? (uint64_t)getpid() : check->value;
        compare[n] = SCMP_CMP64(check->arg, SCMP_CMP_MASKED_EQ, check->mask, value);
    }
    return checked(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->nr, n, compare));
}

static err_t add_call(scmp_filter_ctx filter, const struct jail_call *call, char cell)
{
    if (cell == CELL_KILL)
        return OK;
    if (cell == CELL_ALLOW)
        return checked(seccomp_rule_add(filter, SCMP_ACT_ALLOW, call->nr, 0));
    const struct jail_refusal *refusal = jail_refusal(cell);
    if (refusal != NULL)
        return checked(seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)refusal->error), call->nr, 0));
    for (size_t i = 0; i < jail_n_rules; i++)
        if (jail_rules[i].cell == cell && jail_rules[i].nr == call->nr)
            TRY(add_rule(filter, &jail_rules[i]));
    return OK;
}

/* Everything that the filter does not name, foreign architectures and x32 kill the process. */
static err_t set_attributes(scmp_filter_ctx filter)
{
    static const struct {
        enum scmp_filter_attr attr;
        uint32_t value;
    } attributes[] = {
        {SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS},
        {SCMP_FLTATR_CTL_TSYNC, 1},
        {SCMP_FLTATR_CTL_NNP, 0}, /* jail_privileges did it; the infer rows have no prctl for it */
        {SCMP_FLTATR_CTL_OPTIMIZE, 2}, /* a binary tree over the numbers */
        {SCMP_FLTATR_API_SYSRAWRC, 1}, /* errors of the kernel as they are */
    };
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        TRY(checked(seccomp_attr_set(filter, attributes[i].attr, attributes[i].value)));
    return OK;
}

static void release(scmp_filter_ctx *filter)
{
    if (*filter != NULL)
        seccomp_release(*filter);
}

err_t jail_filter(enum jail_row row, scmp_filter_ctx *ret_filter)
{
    AUTO(release) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return ERR_NOMEM;
    TRY(set_attributes(filter));
    for (size_t i = 0; i < jail_n_calls; i++)
        TRY(add_call(filter, &jail_calls[i], jail_calls[i].cells[row]));
    *ret_filter = TAKE_PTR(filter);
    return OK;
}

err_t jail_seccomp(enum jail_row row, UNUSED const struct jail_paths *paths)
{
    AUTO(release) scmp_filter_ctx filter = NULL;
    TRY(jail_filter(row, &filter));
    return checked(seccomp_load(filter));
}
