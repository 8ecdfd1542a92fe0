/* What the process may open: Landlock rules from the caller's lists. */
#include "jail/steps.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEAST_ABI 2

/* Rights newer than the oldest headers that the tree builds with (linux/landlock.h of kernel 6.12). */
#define FS_TRUNCATE           (UINT64_C(1) << 14)
#define FS_IOCTL_DEV          (UINT64_C(1) << 15)
#define NET_BIND_TCP          (UINT64_C(1) << 0)
#define NET_CONNECT_TCP       (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0)
#define SCOPE_SIGNAL          (UINT64_C(1) << 1)

/* What the three lists of paths grant. */
#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define EXEC (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define WRITE                                                                                                          \
    (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |  \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REFER)
/* Those of them that a file can have; the others are a directory's. */
#define OF_FILES                                                                                                       \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | FS_TRUNCATE)

/* struct landlock_ruleset_attr of kernel 6.12. An older kernel takes it as long as what it does not know is zero. */
struct ruleset_attr {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
};

/* All rights of the file system up to MAKE_SYM (ABI 1) and REFER (2), then by version. */
static struct ruleset_attr denied_at(long abi, const struct jail_traits *traits)
{
    struct ruleset_attr attr = {.fs = (LANDLOCK_ACCESS_FS_REFER << 1) - 1};
    if (abi >= 3)
        attr.fs |= FS_TRUNCATE;
    if (abi >= 4)
        attr.net = (traits->tcp_bind ? 0 : NET_BIND_TCP) | (traits->tcp_connect ? 0 : NET_CONNECT_TCP);
    if (abi >= 5)
        attr.fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        attr.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
    return attr;
}

static err_t grant_path(int ruleset, const char *path, uint64_t rights)
{
    AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? OK : err_errno();
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno();
    struct landlock_path_beneath_attr beneath = {
        .allowed_access = S_ISDIR(st.st_mode) ? rights : rights & OF_FILES,
        .parent_fd = fd,
    };
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
        return err_errno();
    return OK;
}

static err_t grant(int ruleset, const char *const *paths, uint64_t rights)
{
    for (; paths != NULL && *paths != NULL; paths++)
        TRY(grant_path(ruleset, *paths, rights));
    return OK;
}

err_t jail_landlock(enum jail_row row, const struct jail_paths *paths)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi >= 0 && abi < LEAST_ABI)
        errno = EOPNOTSUPP;
    if (abi < LEAST_ABI)
        return err_errno();
    struct ruleset_attr attr = denied_at(abi, &jail_traits[row]);
    AUTO_FD int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (ruleset < 0)
        return err_errno();
    TRY(grant(ruleset, paths->read_only, READ & attr.fs));
    TRY(grant(ruleset, paths->read_write, WRITE & attr.fs));
    TRY(grant(ruleset, paths->exec, EXEC & attr.fs));
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? OK : err_errno();
}
