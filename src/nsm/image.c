/* Asking a real module, or hashing files. */
#include "nsm/image.h"

#include "base/fd.h"
#include "base/role.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXECUTABLE_MAX (1 * GIB)

static const struct {
    const char *exe;
    bool serves; /* PCR2, else PCR1 */
} parts[] = {
    {"veronnx-super", false},   {"veronnx-config", false}, {"veronnx-keeper", false},
    {"veronnx-nsm-sim", false}, {"veronnx-front", true},   {"veronnx-infer", true},
};

/* ── a real module ── */

static bool ask_module(const struct nsm_device *device, uint8_t ret_pcr[static 3][PCR_LEN])
{
    static uint8_t room[NSM_RESPONSE_MAX];
    for (uint16_t i = 0; i < 3; i++) {
        struct nsm_response p = device_ask(device, &(struct nsm_request){.op = NSM_DESCRIBE_PCR, .index = i}, room);
        if (p.error != NSM_SUCCESS || pcr_is_zero(p.bytes.data))
            return false;
        memcpy(ret_pcr[i], p.bytes.data, PCR_LEN);
    }
    return true;
}

/* ── executables ── */

/* The folder of this process's executable. */
static err_t open_folder(int *ret_fd)
{
    char path[PATH_MAX] = "";
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash = n > 0 ? strrchr(path, '/') : NULL;
    if (slash == NULL)
        return ERR_IO;
    slash[1] = '\0';
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno();
    *ret_fd = fd;
    return OK;
}

static err_t map_file(int folder, const char *name, struct map *ret)
{
    struct stat st;
    AUTO_FD int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fd_stat(fd, &st) != OK)
        return err_errno();
    if (st.st_size <= 0 || st.st_size > (off_t)EXECUTABLE_MAX)
        return ERR_TOO_LARGE;
    return map_shared(fd, (size_t)st.st_size, PROT_READ, ret);
}

/* As the hypervisor does: the register is extended, from zero, with the digest of the parts. */
static err_t measure(const struct map *maps, bool with_serving, bool with_others, uint8_t ret_pcr[static PCR_LEN])
{
    struct view chosen[COUNT_OF(parts)];
    uint8_t digest[SHA384_LEN];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].serves ? with_serving : with_others)
            chosen[n++] = view_of(maps[i].addr, maps[i].size);
    TRY(sha384_of(chosen, n, digest));
    memset(ret_pcr, 0, PCR_LEN);
    return pcr_extend(ret_pcr, view_of(digest, sizeof(digest)));
}

static err_t measure_all(const struct map *maps, uint8_t ret_pcr[static 3][PCR_LEN])
{
    TRY(measure(maps, true, true, ret_pcr[0]));
    TRY(measure(maps, false, true, ret_pcr[1]));
    return measure(maps, true, false, ret_pcr[2]);
}

static err_t measure_executables(uint8_t ret_pcr[static 3][PCR_LEN])
{
    struct map maps[COUNT_OF(parts)] = {0};
    AUTO_FD int folder = -1;
    TRY(open_folder(&folder));
    err_t e = OK;
    for (size_t i = 0; i < COUNT_OF(parts) && e == OK; i++)
        e = map_file(folder, parts[i].exe, &maps[i]);
    if (e == OK)
        e = measure_all(maps, ret_pcr);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        map_done(&maps[i]);
    return e;
}

err_t image_measure(const struct nsm_device *device, uint8_t ret_pcr[static 3][PCR_LEN])
{
    if (device != NULL && ask_module(device, ret_pcr))
        return OK;
    return measure_executables(ret_pcr);
}
