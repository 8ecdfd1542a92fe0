/* Pulling a file: blocks come from whoever is at the other end, each is checked against the CID it was asked by, and
   the file is put together in place, its parts in any order. */
#ifndef VERONNX_PULL_PULL_H
#define VERONNX_PULL_PULL_H

#include "ipld/cid.h"
#include "pull/hasher.h"
#include "wire/msg.h"
#include "wire/source.h"

/* Blocks that do not fit their CID, before the pull gives up: a source that lies may have had all wants in flight
   when it was found out, and this is enough for twenty of them. */
#define PULL_REFUSED_MAX 1024
#define PULL_PROGRESS_MS 250

struct pull_params {
    int block_fd; /* the byte stream of wire/block.h */
    int stop_fd;  /* when anything is to be read here the pull ends with ERR_CLOSED; -1: none */
    int file_fd;  /* an empty file, written and read at places; -1: a memory file, sealed at the end */
    struct hasher *hasher;
    struct wire_model model;
    uint64_t max_file_bytes;
    uint64_t deadline_ms; /* clock_mono_ms */
    uint64_t seed;        /* any number that the maker of the model cannot guess */

    /* Called once, when the root has stated the size: says whether to go on and until when. */
    err_t (*on_size)(void *user, uint64_t size, uint64_t *ret_deadline_ms);
    /* The rest may be NULL. The bytes of the file before `prefix` are verified and in place; an error ends the pull. */
    err_t (*on_prefix)(void *user, uint64_t prefix);
    /* At most every PULL_PROGRESS_MS. Bit n of `sources`: number n has sent blocks that were right (31: it or a higher
       one). */
    void (*on_progress)(void *user, uint64_t written, uint64_t size, uint32_t sources);
    /* A block was not what it was sent as. */
    void (*on_refused)(void *user, uint32_t source, err_t reason);
    void *user;
};

struct pulled {
    int fd; /* the memory file, sealed (SEALS_FILE), owned; -1 when params had a file */
    uint64_t size;
    struct cid cid; /* of the file: not the one asked for when there is a path */
    uint8_t sha256[SHA256_LEN];
    uint64_t from[SOURCE_NUMBERS]; /* bytes of blocks that were right, by source (the last: of higher numbers too) */
};

/* ERR_MODEL_ID_INVALID for a model that is none; ERR_MODEL_NOT_FOUND: no source has its root or a directory on the
   way; ERR_MODEL_INCOMPLETE: nor a block below; ERR_SOURCE_DEAD (the fetcher's word, or its silence, or its end);
   ERR_MODEL_LOAD_TIMEOUT; ERR_PROTOCOL (frames out of rule); what ipld/walk.h says of the blocks; what the callbacks
   return.
   An error before on_size was called has left nothing behind; if it is none of SOURCE_DEAD, LOAD_TIMEOUT, PROTOCOL and
   CLOSED, then no want is open either and the stream can serve another pull. */
err_t pull_model(const struct pull_params *p, struct pulled *ret);

#endif
