/* What belongs to the process itself: environment, directory, descriptors, resource limits. */
#include "jail/steps.h"

#include "base/fd.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Environment */

/* Does `entry` of the row's list ("NAME" or "NAME=value") permit the variable `var` ("NAME=value")? */
static bool permits(const char *entry, const char *var)
{
    size_t n = strlen(entry);
    bool exact = strchr(entry, '=') != NULL;
    return strncmp(entry, var, n) == 0 && var[n] == (exact ? '\0' : '=');
}

static bool permitted(const char *const *list, const char *var)
{
    for (; *list != NULL; list++)
        if (permits(*list, var))
            return true;
    return false;
}

static bool present(const char *entry)
{
    for (char **var = environ; *var != NULL; var++)
        if (permits(entry, *var))
            return true;
    return false;
}

err_t jail_environment(enum jail_row row, UNUSED const struct jail_paths *paths)
{
    const char *const *list = jail_traits[row].environment;
    static char *none[] = {NULL};
    if (environ == NULL)
        environ = none;
    char **kept = environ;
    for (char **var = environ; *var != NULL; var++)
        if (permitted(list, *var))
            *kept++ = *var;
    *kept = NULL;
    for (; *list != NULL; list++)
        if (strchr(*list, '=') != NULL && !present(*list))
            return ERR_NOT_PERMITTED;
    return OK;
}

/* Working directory */

static void dir_close(DIR **dir)
{
    if (*dir != NULL)
        (void)closedir(*dir);
}

err_t jail_directory(UNUSED enum jail_row row, const struct jail_paths *paths)
{
    assert(paths->empty_dir != NULL);
    AUTO(dir_close) DIR *dir = opendir(paths->empty_dir);
    if (dir == NULL)
        return err_errno();
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            errno = ENOTEMPTY;
    if (errno != 0 || fchdir(dirfd(dir)) != 0)
        return err_errno();
    return OK;
}

/* Descriptors */

static int compare_fds(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_kept(const int *kept, size_t n, int fd)
{
    return bsearch(&fd, kept, n, sizeof(kept[0]), compare_fds) != NULL;
}

/* 0, 1 and 2 never become free, so that no descriptor received later gets what is written to them. */
static err_t fill_standard(const int *kept, size_t n)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (is_kept(kept, n, fd) || (fd == STDERR_FILENO && JAIL_SANITIZED)) /* a sanitizer's finding is to be read */
            continue;
        AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null < 0)
            return err_errno();
        if (null == fd)
            (void)TAKE_FD(null);
        else if (dup3(null, fd, O_CLOEXEC) < 0)
            return err_errno();
    }
    return OK;
}

/* Closes what lies between the kept ones, from 3 on. */
static err_t close_others(const int *kept, size_t n)
{
    unsigned from = STDERR_FILENO + 1;
    for (size_t i = 0; i < n; i++) {
        unsigned fd = (unsigned)kept[i];
        if (fd > from && close_range(from, fd - 1, 0) != 0)
            return err_errno();
        from = MAX(from, fd + 1);
    }
    return close_range(from, ~0U, 0) == 0 ? OK : err_errno();
}

err_t jail_descriptors(UNUSED enum jail_row row, const struct jail_paths *paths)
{
    int kept[JAIL_MAX_KEPT];
    size_t n = paths->n_keep_fds;
    if (n > JAIL_MAX_KEPT)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < n; i++) {
        kept[i] = paths->keep_fds[i];
        if (fcntl(kept[i], F_GETFD) < 0)
            return err_errno();
    }
    qsort(kept, n, sizeof(kept[0]), compare_fds);
    TRY(fill_standard(kept, n));
    return close_others(kept, n);
}

/* Resource limits */

static err_t lower_limit(const struct jail_limit *limit)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)limit->resource, &now) != 0)
        return err_errno();
    now.rlim_max = MIN(now.rlim_max, (rlim_t)limit->max);
    now.rlim_cur = now.rlim_max;
    return setrlimit((__rlimit_resource_t)limit->resource, &now) == 0 ? OK : err_errno();
}

err_t jail_limits(enum jail_row row, UNUSED const struct jail_paths *paths)
{
    static const struct jail_limit no_core = {.resource = RLIMIT_CORE, .max = 0};
    TRY(lower_limit(&no_core));
    const struct jail_limit *limits = jail_traits[row].limits;
    for (size_t i = 0; i < JAIL_MAX_LIMITS && limits[i].name != NULL; i++)
        if (limits[i].resource != RLIMIT_DATA || !JAIL_SANITIZED) /* a sanitizer's shadow memory counts as data */
            TRY(lower_limit(&limits[i]));
    return OK;
}
