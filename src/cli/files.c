/* Reading files. */
#include "cli/files.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STEP (64 * KIB)

static err_t read_all(int fd, struct buf *out)
{
    for (;;) {
        uint8_t *room = NULL;
        TRY(buf_reserve(out, MIN(STEP, out->max - out->len), &room));
        ssize_t n = read(fd, room, MIN(STEP, out->max - out->len));
        if (n < 0)
            return err_errno();
        if (n == 0)
            return out->len < out->max ? OK : ERR_TOO_LARGE;
        buf_commit(out, (size_t)n);
    }
}

err_t file_read(const char *path, struct buf *out, struct why *why)
{
    AUTO_FD int fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return why_set(why, ERR_USAGE, "%s: %s", strerror(errno), path);
    err_t e = read_all(fd, out);
    if (e == ERR_TOO_LARGE)
        return why_set(why, ERR_USAGE, "larger than %zu bytes: %s", out->max, path);
    return e == OK ? OK : why_set(why, ERR_USAGE, "%s: %s", strerror(errno), path);
}
