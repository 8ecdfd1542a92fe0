/* Descriptors: ownership, whole reads and writes, and sealed memory files. */
#ifndef VERONNX_BASE_FD_H
#define VERONNX_BASE_FD_H

#include "base/err.h"

#include <sys/stat.h>

/* Closes and sets -1; accepts -1. Keeps errno. */
void fd_close(int *fd);
#define AUTO_FD AUTO(fd_close)

/* Exactly `n` bytes; ERR_TRUNCATED on an early end. Restarts after a signal. */
err_t fd_read_all(int fd, void *ret_bytes, size_t n);
err_t fd_write_all(int fd, const void *bytes, size_t n);
/* The same at a place of a file. */
err_t fd_read_at(int fd, uint64_t offset, void *ret_bytes, size_t n);
err_t fd_write_at(int fd, uint64_t offset, const void *bytes, size_t n);
err_t fd_set_nonblocking(int fd, bool on);
/* fstat, and that alone: in a jail the library's may be refused. */
err_t fd_stat(int fd, struct stat *ret);

/* The open descriptors below `max`, in order; `ret_fds` has room for `max`. */
size_t fd_list(int *ret_fds, int max);

/* A memory file of `size` bytes that can be sealed; close-on-exec. `name` shows in /proc only. */
err_t memfd_new(const char *name, size_t size, int *ret_fd);

/* Seals of a finished file (nobody can write or resize), of an area that its maker still writes and others only read, and of
   an area that both sides see and nobody can resize. */
extern const int SEALS_FILE;
extern const int SEALS_OUTPUT;
extern const int SEALS_AREA;
err_t memfd_seal(int fd, int seals);
/* Every receiver calls this before mmap: regular memory file, at least these seals, and a size from `min` to `max`. */
err_t memfd_check(int fd, int seals, size_t min, size_t max, size_t *ret_size);

/* A shared mapping. `addr` NULL = none. */
struct map {
    uint8_t *addr;
    size_t size;
};
/* `prot` as mmap's (PROT_READ, PROT_WRITE). */
err_t map_shared(int fd, size_t size, int prot, struct map *ret);
/* Unmaps and clears; accepts a zeroed struct. */
void map_done(struct map *m);

#endif
