/* A folder of blocks, each a file whose name is the SHA-256 of its content:

       DIR/ab/abcdef...     64 hex digits, below a folder named like the first two
       DIR/tmp/random       being written

   A file appears whole under its name (written, synced, renamed), so the store is usable after a kill -9 at any
   moment. Nobody may believe it: readers check the hash, and store_put compares what is there and replaces what is
   damaged. Any number of processes may use one folder. `sha256sum` checks it by hand. */
#ifndef VERONNX_STORE_STORE_H
#define VERONNX_STORE_STORE_H

#include "base/fd.h"
#include "base/sha256.h"

#include <sys/uio.h>

#define STORE_BLOCK_MAX (2 * MIB)

struct store {
    int dir;
};

/* Opens a store that exists. `why` (or NULL) gets the reason, for a command line. ERR_NOT_FOUND, ERR_NOT_PERMITTED,
   ERR_IO. */
err_t store_open(const char *path, struct store *ret, struct why *why);
/* The same for writing: makes the folder, with its parents, when it does not exist, and removes what writers that
   died an hour ago or longer left behind. `tmp` must not be a link: nothing is removed outside the folder. */
err_t store_create(const char *path, struct store *ret, struct why *why);
/* Closes; accepts STORE_NONE. */
void store_done(struct store *s);
#define STORE_NONE ((struct store){.dir = -1})

/* Appends what the file of this digest holds, unverified. ERR_NOT_FOUND; ERR_BLOCK_TOO_LARGE over STORE_BLOCK_MAX;
   ERR_IO. */
err_t store_get(const struct store *s, const uint8_t digest[static SHA256_LEN], struct buf *out);

/* Makes the file of this digest hold `block`, whose SHA-256 the caller says it is. ERR_BLOCK_TOO_LARGE, ERR_IO,
   ERR_NOT_PERMITTED. */
err_t store_put(const struct store *s, const uint8_t digest[static SHA256_LEN], struct view block);

/* The file of this digest, open for reading, and its size. ERR_NOT_FOUND; ERR_BLOCK_TOO_LARGE over STORE_BLOCK_MAX;
   ERR_IO for what is no file. */
err_t store_find(const struct store *s, const uint8_t digest[static SHA256_LEN], int *ret_fd, size_t *ret_size);

/* store_put in parts, without a look at what is there and without waiting for the disk: when the machine loses power
   the file may come back empty or torn, so this is for a cache. After an error, errno says what the system said. */
err_t store_put_fast(const struct store *s, const uint8_t digest[static SHA256_LEN], const struct iovec *parts,
                     unsigned n_parts);

/* No error when there is no such block. What is behind a link in the place of its folder stays: ERR_IO, like whatever
   else cannot be removed; ERR_NOT_PERMITTED. */
err_t store_remove(const struct store *s, const uint8_t digest[static SHA256_LEN]);

/* Where the store is when nobody says: $XDG_DATA_HOME/veronnx/store, else $HOME/.local/share/veronnx/store.
   ERR_USAGE when neither variable holds an absolute path that fits. */
err_t store_default_path(char *ret_path, size_t size);

#endif
