/* Cuts a stream of bytes into the blocks of a UnixFS file, as `ipfs add` does: chunks of 256 KiB, 174 links a node,
   balanced. Version 0: chunks in dag-pb leaves, CIDv0 (Kubo's default). Version 1: raw leaves, CIDv1 (`--cid-version
   1`). */
#ifndef VERONNX_IPLD_BUILD_H
#define VERONNX_IPLD_BUILD_H

#include "ipld/cid.h"

#define BUILD_CHUNK (256 * KIB)
#define BUILD_LINKS 174

/* Gets every block once, children before parents; both borrowed. An error ends the build with that error. */
struct build_sink {
    void *user;
    err_t (*block)(void *user, const struct cid *cid, struct view bytes);
};

/* Holds one chunk, its block, and for each level the links that have no node yet: under 1 MiB. */
struct build;
/* `version` 0 or 1. ERR_NOMEM. */
err_t build_new(unsigned version, const struct build_sink *sink, struct build **ret);
/* Frees and clears; accepts a pointer to NULL. */
void build_free(struct build **b);

/* The next bytes of the file. After an error the build can only be freed. */
err_t build_push(struct build *b, struct view bytes);
/* The file ends here: the remaining blocks, then its CID and size. Once. */
err_t build_finish(struct build *b, struct cid *ret_root, uint64_t *ret_size);

#endif
