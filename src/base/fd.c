/* Descriptors and memory files. */
#include "base/fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const int SEALS_FILE = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
const int SEALS_OUTPUT = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE;
const int SEALS_AREA = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;

void fd_close(int *fd)
{
    if (*fd < 0)
        return;
    int saved = errno;
    int rc = close(*fd);
    assert(rc == 0 || errno != EBADF);
    *fd = -1;
    errno = saved;
}

err_t fd_read_all(int fd, void *ret_bytes, size_t n)
{
    uint8_t *p = ret_bytes;
    while (n > 0) {
        ssize_t got = read(fd, p, n);
        if (got == 0)
            return ERR_TRUNCATED;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno();
        p += got;
        n -= (size_t)got;
    }
    return OK;
}

err_t fd_write_all(int fd, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno();
        p += put;
        n -= (size_t)put;
    }
    return OK;
}

err_t fd_read_at(int fd, uint64_t offset, void *ret_bytes, size_t n)
{
    uint8_t *p = ret_bytes;
    while (n > 0) {
        ssize_t got = pread(fd, p, n, (off_t)offset);
        if (got == 0)
            return ERR_TRUNCATED;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno();
        p += got;
        offset += (size_t)got;
        n -= (size_t)got;
    }
    return OK;
}

err_t fd_write_at(int fd, uint64_t offset, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    while (n > 0) {
        ssize_t put = pwrite(fd, p, n, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno();
        p += put;
        offset += (size_t)put;
        n -= (size_t)put;
    }
    return OK;
}

err_t fd_set_nonblocking(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) != 0)
        return err_errno();
    return OK;
}

size_t fd_list(int *ret_fds, int max)
{
    size_t n = 0;
    for (int fd = 0; fd < max; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            ret_fds[n++] = fd;
    return n;
}

/* glibc 2.36 makes of its fstat the call that can also name a path, which no jail lets by with a path unseen. Kernel and library
   have the same struct stat on 64-bit machines. */
err_t fd_stat(int fd, struct stat *ret)
{
    return syscall(SYS_fstat, fd, ret) == 0 ? OK : err_errno();
}

err_t memfd_new(const char *name, size_t size, int *ret_fd)
{
    AUTO_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        return err_errno();
    *ret_fd = TAKE_FD(fd);
    return OK;
}

err_t memfd_seal(int fd, int seals)
{
    return fcntl(fd, F_ADD_SEALS, seals) == 0 ? OK : err_errno();
}

err_t memfd_check(int fd, int seals, size_t min, size_t max, size_t *ret_size)
{
    struct stat st;
    int have = fcntl(fd, F_GET_SEALS);
    if (have < 0 || (have & seals) != seals)
        return ERR_SEALS_MISSING;
    if (fd_stat(fd, &st) != OK || !S_ISREG(st.st_mode))
        return ERR_SEALS_MISSING;
    if (st.st_size < 0 || (size_t)st.st_size < min || (size_t)st.st_size > max)
        return ERR_TOO_LARGE;
    *ret_size = (size_t)st.st_size;
    return OK;
}

err_t map_shared(int fd, size_t size, int prot, struct map *ret)
{
    if (size == 0)
        return ERR_TOO_LARGE;
    void *addr = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
    if (addr == MAP_FAILED)
        return err_errno();
    *ret = (struct map){.addr = addr, .size = size};
    return OK;
}

void map_done(struct map *m)
{
    if (m->addr != NULL)
        (void)munmap(m->addr, m->size);
    *m = (struct map){0};
}
