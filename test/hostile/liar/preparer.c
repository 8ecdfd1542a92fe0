/* What a preparer can do wrong that its model has taken over: it does what the model's graph is called. */
#include "infer/prepare.h"

#include "base/buf.h"
#include "base/fd.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typeof(prepare_model) __real_prepare_model, __wrap_prepare_model;

static bool is_called(struct view file, const char *name)
{
    return memmem(file.data, file.len, name, strlen(name)) != NULL;
}

static err_t make_garbage(bool seal, int *ret_fd)
{
    AUTO_FD int fd = -1;
    TRY(memfd_new("garbage", 0, &fd));
    TRY(fd_write_all(fd, "\x18\0\0\0ORTMgarbage", 15));
    if (seal)
        TRY(memfd_seal(fd, SEALS_FILE));
    *ret_fd = TAKE_FD(fd);
    return OK;
}

err_t __wrap_prepare_model(OrtEnv *env, int file_fd, uint64_t max, int *ret_fd)
{
    AUTO(map_done) struct map map = {0};
    size_t size = 0;
    TRY(memfd_check(file_fd, SEALS_FILE, 1, max, &size));
    TRY(map_shared(file_fd, size, PROT_READ, &map));
    struct view file = view_of(map.addr, map.size);
    if (is_called(file, "lie-garbage"))
        return make_garbage(true, ret_fd);
    if (is_called(file, "lie-unsealed"))
        return make_garbage(false, ret_fd);
    if (is_called(file, "lie-fail"))
        return ERR_MODEL_UNSUPPORTED;
    if (is_called(file, "lie-die"))
        (void)raise(SIGKILL);
    if (is_called(file, "lie-hang"))
        (void)raise(SIGSTOP); /* its own deadline does not run either */
    return __real_prepare_model(env, file_fd, max, ret_fd);
}
