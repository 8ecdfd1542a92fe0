/* Making a prepared form. */
#include "infer/prepare.h"

#include "base/fd.h"
#include "infer/session.h"

#include <stdio.h>
#include <sys/mman.h>

/* ONNX Runtime writes to paths only. This one leads to a memory file of our own, and no other is open to this process. */
err_t prepare_model(OrtEnv *env, int file_fd, uint64_t max, int *ret_fd)
{
    AUTO(map_done) struct map map = {0};
    AUTO_FD int fd = -1;
    char path[64];
    size_t size = 0;
    TRY(memfd_check(file_fd, SEALS_FILE, 1, max, &size));
    TRY(map_shared(file_fd, size, PROT_READ, &map));
    TRY(memfd_new("prepared", 0, &fd));
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    TRY(session_save(env, view_of(map.addr, map.size), path));
    TRY(memfd_seal(fd, SEALS_FILE));
    *ret_fd = TAKE_FD(fd);
    return OK;
}
