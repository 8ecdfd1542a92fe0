/* Entering and tightening: the steps in their order. */
#include "jail/jail.h"

#include "jail/steps.h"

#include <errno.h>
#include <sys/single_threaded.h>

static enum jail_row current_row = JAIL_ROWS_;

static const struct {
    enum jail_step step;
    err_t (*install)(enum jail_row row, const struct jail_paths *paths);
} steps[] = {
    {JAIL_STEP_ENVIRONMENT, jail_environment},   {JAIL_STEP_DIRECTORY, jail_directory},
    {JAIL_STEP_DESCRIPTORS, jail_descriptors},   {JAIL_STEP_LIMITS, jail_limits},
    {JAIL_STEP_PRIVILEGES, jail_privileges},     {JAIL_STEP_LANDLOCK, jail_landlock},
    {JAIL_STEP_CAPABILITIES, jail_capabilities}, {JAIL_STEP_SECCOMP, jail_seccomp},
};

static err_t failed(struct jail_failure *failure, enum jail_step step, err_t e)
{
    if (failure != NULL)
        *failure = (struct jail_failure){.step = step, .os_error = step == JAIL_STEP_ORDER ? 0 : errno};
    return e;
}

err_t jail_enter(enum jail_row row, const struct jail_paths *paths, struct jail_failure *failure)
{
    bool enterable = row < JAIL_ROWS_ && jail_traits[row].after == JAIL_ROWS_;
    if (!enterable || current_row != JAIL_ROWS_ || !__libc_single_threaded)
        return failed(failure, JAIL_STEP_ORDER, ERR_INTERNAL);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        errno = 0;
        err_t e = steps[i].install(row, paths);
        if (e != OK)
            return failed(failure, steps[i].step, e);
    }
    current_row = row;
    return OK;
}

err_t jail_tighten(enum jail_row row, struct jail_failure *failure)
{
    if (row >= JAIL_ROWS_ || current_row == JAIL_ROWS_ || jail_traits[row].after != current_row)
        return failed(failure, JAIL_STEP_ORDER, ERR_INTERNAL);
    errno = 0;
    err_t e = jail_seccomp(row, NULL);
    if (e != OK)
        return failed(failure, JAIL_STEP_SECCOMP, e);
    current_row = row;
    return OK;
}
