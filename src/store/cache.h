/* A store of limited size, for blocks that can be fetched again: what was used longest ago goes first.

   Nothing in it is believed: whoever reads a block checks its hash and removes what is wrong, so files are not synced,
   a kill at any moment leaves nothing to repair, and any number of processes may share the folder. A file's time of
   modification says when it was used last (to a minute). There is no index: the folders are counted at the start and
   one by one afterwards, so what others write or remove shows, and memory does not grow with the number of blocks.

   One thread calls cache_find, one (maybe another) all the rest. */
#ifndef VERONNX_STORE_CACHE_H
#define VERONNX_STORE_CACHE_H

#include "store/store.h"

#define CACHE_FOLDERS 256
#define CACHE_SAMPLE  65536 /* files among which the oldest are looked for: up to so many the order is exact */
#define CACHE_PAGE    4096  /* a file takes whole pages */

struct cache_file;
struct cache {
    struct store store;
    uint64_t max;
    uint64_t total;
    uint64_t bytes[CACHE_FOLDERS]; /* as last counted, and what was written and removed since */
    unsigned counted;              /* folders since the start */
    unsigned next;                 /* to be counted next */
    unsigned sampled;              /* where the next sample begins */
    unsigned puts;
    struct cache_file *victims; /* the oldest files of the last sample, youngest first */
    size_t n_victims;
};

/* Makes the folder when it does not exist. `max` in bytes, at least one. The same errors as store_create. */
err_t cache_open(const char *path, uint64_t max, struct cache *ret, struct why *why);
/* Accepts CACHE_NONE. */
void cache_done(struct cache *c);
#define CACHE_NONE ((struct cache){.store = STORE_NONE})

/* As store_find; counts as a use of the block. */
err_t cache_find(const struct cache *c, const uint8_t digest[static SHA256_LEN], int *ret_fd, size_t *ret_size);

/* Keeps a block, whose SHA-256 the caller has checked, after making room. ERR_TOO_LARGE when there is none to be made;
   otherwise as store_put_fast. */
err_t cache_put(struct cache *c, const uint8_t digest[static SHA256_LEN], const struct iovec *parts, unsigned n_parts);

void cache_remove(struct cache *c, const uint8_t digest[static SHA256_LEN]);

/* Counts the next folder; false when all have been counted since the start. */
bool cache_count(struct cache *c);

/* $XDG_CACHE_HOME/veronnx/blocks, else $HOME/.cache/veronnx/blocks; ERR_USAGE when neither holds an absolute path that
   fits. */
err_t cache_default_path(char *ret_path, size_t size);

#endif
