/* What the process could ask of the kernel by its privileges: nothing is left of them. */
#include "jail/steps.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

err_t jail_privileges(UNUSED enum jail_row row, UNUSED const struct jail_paths *paths)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_errno();
    return OK;
}

struct capabilities {
    uint64_t effective;
    uint64_t permitted;
    uint64_t inheritable;
};

static err_t capabilities_get(struct capabilities *ret)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {{0}, {0}};
    if (syscall(SYS_capget, &head, d) != 0)
        return err_errno();
    *ret = (struct capabilities){
        .effective = (uint64_t)d[1].effective << 32 | d[0].effective,
        .permitted = (uint64_t)d[1].permitted << 32 | d[0].permitted,
        .inheritable = (uint64_t)d[1].inheritable << 32 | d[0].inheritable,
    };
    return OK;
}

/* Effective and permitted become `kept`, inheritable and ambient empty. */
static err_t capabilities_set(uint64_t kept)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {
        {.effective = (uint32_t)kept, .permitted = (uint32_t)kept},
        {.effective = (uint32_t)(kept >> 32), .permitted = (uint32_t)(kept >> 32)},
    };
    return syscall(SYS_capset, &head, d) == 0 ? OK : err_errno();
}

/* No program that is executed later gets a capability, not even as root. Needs CAP_SETPCAP; who has no capability and
   can get no new privileges needs none of it. */
static err_t empty_bounding_set(void)
{
    unsigned long cap = 0;
    while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
        cap++;
    if (errno != EINVAL) /* the first number that the kernel does not have */
        return err_errno();
    unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
                         SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == 0 ? OK : err_errno();
}

err_t jail_capabilities(enum jail_row row, UNUSED const struct jail_paths *paths)
{
    struct capabilities have = {0};
    TRY(capabilities_get(&have));
    if ((have.effective & (UINT64_C(1) << CAP_SETPCAP)) != 0)
        TRY(empty_bounding_set());
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return err_errno();
    uint64_t kept = have.permitted & jail_traits[row].capabilities;
    TRY(capabilities_set(kept));
    TRY(capabilities_get(&have));
    bool exact = have.effective == kept && have.permitted == kept && have.inheritable == 0;
    return exact ? OK : ERR_NOT_PERMITTED;
}
