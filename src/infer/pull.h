/* Pulling a model: blocks come from whoever is at the other end, each is checked against the CID it was asked by, and
   the file is put together in a memory file that nobody can change afterwards. */
#ifndef VERONNX_INFER_PULL_H
#define VERONNX_INFER_PULL_H

#include "ipld/cid.h"
#include "wire/msg.h"

#define PULL_REFUSED_MAX 16 /* blocks that do not fit their CID, before the pull gives up */

struct pull_params {
    int block_fd; /* the byte stream of wire/block.h */
    int stop_fd;  /* when anything is to be read here the pull ends with ERR_CLOSED; -1: none */
    uint32_t infer;
    struct wire_model model;
    uint64_t max_file_bytes;
    uint64_t deadline_ms; /* clock_mono_ms */
    uint64_t seed;        /* any number that the maker of the model cannot guess */
    /* Called once, when the root has stated the size: says whether to go on and until when. */
    err_t (*on_size)(void *user, uint64_t size, uint64_t *ret_deadline_ms);
    void *user;
};

struct pulled {
    int fd; /* sealed (SEALS_FILE), owned */
    uint64_t size;
    struct cid cid; /* of the file: not the one asked for when there is a path */
    uint8_t sha256[SHA256_LEN];
};

/* ERR_MODEL_LOAD_TIMEOUT; ERR_SOURCE_DEAD, ERR_MODEL_NOT_FOUND (the source's word); ERR_PROTOCOL (frames out of rule);
   what ipld/walk.h says of the blocks; ERR_MODEL_NOT_ONNX for an empty file; ERR_MODEL_ID_INVALID for a model that is
   none. */
err_t pull_model(const struct pull_params *p, struct pulled *ret);

#endif
