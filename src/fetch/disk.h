/* Folders of blocks behind two threads: one reads, one writes and makes room, both check, so that the loop never waits
   for a disk. Jobs belong to whoever pushed them; between disk_push and disk_take nobody touches them. */
#ifndef VERONNX_FETCH_DISK_H
#define VERONNX_FETCH_DISK_H

#include "fetch/pool.h"
#include "store/cache.h"

#define DISK_FOLDERS_MAX 17

enum disk_kind {
    DISK_READ,   /* into `body`, which must be empty */
    DISK_WRITE,  /* `body` into the cache */
    DISK_REMOVE, /* from the cache */
};

struct disk_job {
    struct disk_job *next;
    enum disk_kind kind;
    uint8_t digest[SHA256_LEN];
    struct body *body;
    void *user;
    uint32_t believed; /* READ: a bit for each source whose files are not hashed */
    /* READ: OK, and `source` it came from (0 the cache); ERR_NOT_FOUND; ERR_TOO_LARGE when `body` has not the `chunks`
       that it takes. Of a source that is not believed only what has its hash is OK. `faults` says by source what was
       in the way: ERR_BLOCK_MISMATCH, ERR_BLOCK_TOO_LARGE for a file that is not what its name says; any other error
       for one that could not be read, of which nothing is known. WRITE: as cache_put, ERR_IO with `os_error`;
       ERR_BLOCK_MISMATCH, and nothing was written. `source`, which is the caller's there, stays. */
    err_t result;
    uint32_t source;
    err_t faults[DISK_FOLDERS_MAX];
    size_t chunks;
    int os_error;
};

struct disk_setup {
    struct cache *cache; /* or NULL */
    struct {
        const struct store *store;
        uint32_t source;
    } folders[DISK_FOLDERS_MAX]; /* looked into in this order, after the cache */
    size_t n_folders;
};

struct disk;
/* Starts the threads; `setup` is copied, what it points to stays. ERR_NOMEM, ERR_INTERNAL. */
err_t disk_new(const struct disk_setup *setup, struct disk **ret);
/* Ends the threads; there must be no jobs left. Accepts a pointer to NULL. */
void disk_free(struct disk **d);

/* Readable when disk_take has something. */
int disk_fd(const struct disk *d);
void disk_push(struct disk *d, struct disk_job *job);
/* The next job that is done, or NULL. */
struct disk_job *disk_take(struct disk *d);

#endif
