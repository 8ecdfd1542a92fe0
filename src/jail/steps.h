/* The steps of an installation, one function each. An error leaves its cause in errno. */
#ifndef VERONNX_JAIL_STEPS_H
#define VERONNX_JAIL_STEPS_H

#include "jail/table.h"

#include <seccomp.h>

/* process.c */
err_t jail_environment(enum jail_row row, const struct jail_paths *paths);
err_t jail_directory(enum jail_row row, const struct jail_paths *paths);
err_t jail_descriptors(enum jail_row row, const struct jail_paths *paths);
err_t jail_limits(enum jail_row row, const struct jail_paths *paths);

/* privileges.c */
err_t jail_privileges(enum jail_row row, const struct jail_paths *paths);
err_t jail_capabilities(enum jail_row row, const struct jail_paths *paths);

/* landlock.c */
err_t jail_landlock(enum jail_row row, const struct jail_paths *paths);

/* seccomp.c: installs the row's filter on all threads. `paths` is not used. */
err_t jail_seccomp(enum jail_row row, const struct jail_paths *paths);
/* The same filter, not yet installed; the caller releases it with seccomp_release. */
err_t jail_filter(enum jail_row row, scmp_filter_ctx *ret_filter);

#endif
