/* Files without names until they are whole. */
#include "cli/output.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_SIZE (256 * KIB)
#define SUFFIX    8 /* random bytes */

static err_t failed(const char *path, struct why *why)
{
    int os_error = errno;
    return why_set(why, ERR_IO, "%s: %s", strerrordesc_np(os_error), path);
}

/* `path` and a random ending, so that it is in the same folder; NULL without memory. */
static char *other_name(const char *path)
{
    uint8_t random[SUFFIX];
    char digits[HEX_LEN(SUFFIX) + 1];
    size_t size = strlen(path) + 1 + sizeof(digits);
    char *name = mem_alloc(1, size);
    if (name == NULL || getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        mem_free(name);
        return NULL;
    }
    hex_encode(random, sizeof(random), digits);
    (void)snprintf(name, size, "%s.%s", path, digits);
    return name;
}

static int open_unnamed(const char *path)
{
    const char *slash = strrchr(path, '/');
    AUTO_MEM char *folder = mem_alloc(1, strlen(path) + 2);
    if (folder == NULL)
        return -1;
    if (slash == NULL)
        folder[0] = '.';
    else
        memcpy(folder, path, (size_t)(slash - path) + 1);
    return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
}

static err_t open_in(const char *path, struct output *ret)
{
    AUTO_MEM char *name = NULL;
    AUTO_FD int fd = open_unnamed(path);
    if (fd < 0) { /* not every file system has such files */
        name = other_name(path);
        if (name == NULL)
            return ERR_NOMEM;
        fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (fd < 0)
        return err_errno();
    ret->fd = TAKE_FD(fd);
    ret->name = TAKE_PTR(name);
    return OK;
}

err_t output_open(const char *path, struct output *ret, struct why *why)
{
    const char *tmp = getenv("TMPDIR");
    char spool[4096];
    struct stat st;
    AUTO(output_done) struct output o = {.fd = -1, .path = path};
    (void)snprintf(spool, sizeof(spool), "%s/veronnx", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    if (path != NULL && stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* a device must not be replaced by a file */
        return why_set(why, ERR_USAGE, "is not a file: %s", path);
    if (open_in(path != NULL ? path : spool, &o) != OK) {
        (void)failed(path != NULL ? path : spool, why);
        return ERR_USAGE;
    }
    if (path == NULL && o.name != NULL) {
        (void)unlink(o.name);
        mem_free(TAKE_PTR(o.name));
    }
    *ret = o;
    o = OUTPUT_NONE;
    return OK;
}

void output_done(struct output *o)
{
    if (o->name != NULL)
        (void)unlink(o->name);
    mem_free(o->name);
    fd_close(&o->fd);
    *o = OUTPUT_NONE;
}

/* ── standard output ── */

static bool takes_more(uint64_t until_ms)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    uint64_t now = clock_mono_ms();
    return poll(&p, 1, until_ms > now ? (int)(until_ms - now) : 0) > 0;
}

/* What takes something takes so much at once; O_NONBLOCK would be there for all who have the same standard output. */
static size_t step_size(void)
{
    struct stat st;
    return fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? COPY_SIZE : PIPE_BUF;
}

static err_t copy(struct output *o, size_t step, const uint64_t *until_ms, struct why *why)
{
    AUTO_MEM uint8_t *bytes = mem_alloc(1, MIN(step, o->prefix - o->copied));
    if (bytes == NULL)
        return ERR_NOMEM;
    while (o->copied < o->prefix && (until_ms == NULL || takes_more(*until_ms))) {
        size_t n = MIN(step, o->prefix - o->copied);
        TRY(fd_read_at(o->fd, o->copied, bytes, n));
        if (fd_write_all(STDOUT_FILENO, bytes, n) != OK)
            return failed("standard output", why);
        o->copied += n;
    }
    return OK;
}

err_t output_reach(struct output *o, uint64_t prefix, struct why *why)
{
    uint64_t until_ms = o->copied == o->prefix ? clock_mono_ms() + OUTPUT_WAIT_MS : 0;
    o->prefix = prefix;
    return o->path != NULL || o->copied == prefix ? OK : copy(o, step_size(), &until_ms, why);
}

/* ── the end ── */

static int give_name(const struct output *o, const char *name)
{
    char self[64];
    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

err_t output_commit(struct output *o, struct why *why)
{
    if (o->path == NULL)
        return o->copied == o->prefix ? OK : copy(o, COPY_SIZE, NULL, why);
    if (o->name == NULL) {
        AUTO_MEM char *name = other_name(o->path);
        if (name == NULL)
            return ERR_NOMEM;
        if (give_name(o, name) != 0)
            return failed(o->path, why);
        o->name = TAKE_PTR(name);
    }
    if (rename(o->name, o->path) != 0)
        return failed(o->path, why);
    mem_free(TAKE_PTR(o->name));
    return OK;
}
