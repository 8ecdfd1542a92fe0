/* The SHA-256 of a file while it is being written: a thread of its own follows the writer, because this hash takes as
   long as checking the blocks does. */
#ifndef VERONNX_PULL_HASHER_H
#define VERONNX_PULL_HASHER_H

#include "base/sha256.h"

struct hasher;

/* Starts the thread, which sleeps between files. ERR_NOMEM, ERR_INTERNAL. */
err_t hasher_new(struct hasher **ret);
/* Ends the thread, frees and clears; accepts a pointer to NULL. */
void hasher_free(struct hasher **h);

/* A new file begins, of which bytes are read at places until hasher_finish or hasher_drop; `fd` is borrowed. */
err_t hasher_begin(struct hasher *h, int fd, uint64_t size);
/* The bytes before `prefix`, at most the size, will not change any more. */
void hasher_reach(struct hasher *h, uint64_t prefix);
/* Waits until all bytes that were reached are hashed. What reading returned, if they were not. */
err_t hasher_finish(struct hasher *h, uint8_t ret_digest[static SHA256_LEN]);
/* Lets go of the file, whatever of it is hashed. Does nothing when none was begun. */
void hasher_drop(struct hasher *h);

#endif
