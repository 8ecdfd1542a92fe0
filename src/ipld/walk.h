/* The verifying walk from a CID (and a path) to the bytes of a UnixFS file. Pure: it says which blocks it wants, is
   given blocks by anybody, believes none of them before its hash is right, and says where in the file the bytes go.

       while (!walk_done(w)) {
           while (walk_want(w, &want))
               ask for want.cid;
           wait for a block;
           TRY(walk_block(w, &cid, bytes));
       }

   Nodes that are certainly interior (more file than a block can hold) are wanted first, so that the place of every
   larger part is known, then the rest in the order of the file. A block that fills several places is wanted once. */
#ifndef VERONNX_IPLD_WALK_H
#define VERONNX_IPLD_WALK_H

#include "ipld/cid.h"

#define WALK_DEPTH_MAX 32         /* levels below the root of the file */
#define WALK_WANTS_MAX 48         /* wants in flight */
#define WALK_IN_FLIGHT (32 * MIB) /* file bytes in flight, as the parents state them */
/* The node budget: places in the file, a shared node counted at each. A place costs at most WALK_NODE_BYTES of
   memory (ours and the allocator's) while it is missing. A usual file of 2 GiB in 256 KiB leaves needs under 2 MiB
   in all; the worst DAG 4 % of its file and 12 MiB. */
#define WALK_NODES_MAX(file_size) MIN(65536 + (file_size) / 4096, 4194304)
#define WALK_NODE_BYTES           160

/* Where the file goes. Called from walk_block only; an error ends the walk with that error. */
struct walk_sink {
    void *user;
    /* Once, before the first write: the size of the file as its root states it (at most `max_size`), and its own
       CID, which differs from the asked one when there is a path. */
    err_t (*start)(void *user, uint64_t size, const struct cid *file);
    /* Verified bytes at `offset`; inside the size, each byte of the file exactly once, in any order. `bytes` is
       borrowed. */
    err_t (*write)(void *user, uint64_t offset, struct view bytes);
};

struct walk_params {
    struct cid root;
    struct view path;  /* as in model_id.h; empty = `root` is the file. Copied. */
    uint64_t max_size; /* of the file */
    uint64_t seed;     /* of the index of wanted blocks: any number that the maker of the DAG cannot guess */
    struct walk_sink sink;
};

struct walk;
/* ERR_NOMEM, ERR_MODEL_ID_INVALID for a path that is not well-formed. */
err_t walk_new(const struct walk_params *params, struct walk **ret);
/* Frees and clears; accepts a pointer to NULL. */
void walk_free(struct walk **w);

struct walk_want {
    struct cid cid;
    bool whole_dag; /* everything below it will be wanted too */
};
/* The next block to ask for; false when nothing more may be asked for until a block comes. */
bool walk_want(struct walk *w, struct walk_want *ret);

/* Is this block among the wants in flight? */
bool walk_waits_for(struct walk *w, const struct cid *cid);
/* Is the root of the file not known yet? Nothing but it, or a directory on the way to it, is asked for then. */
bool walk_resolving(const struct walk *w);

/* A block that came for `cid`. What it means for the walk:
     OK                    taken
     ERR_BLOCK_UNWANTED    `cid` is not among the wants in flight; nothing changed
   the block is refused, and walk_want gives its CID again (charge the source, count, ask elsewhere):
     ERR_BLOCK_TOO_LARGE   over BLOCK_MAX
     ERR_BLOCK_MISMATCH    the bytes do not hash to `cid`
   final, after which the walk can only be freed:
     ERR_MODEL_IS_DIRECTORY, ERR_MODEL_IS_HAMT, ERR_MODEL_PATH_NOT_FOUND, ERR_MODEL_NOT_A_FILE, ERR_MODEL_TOO_LARGE,
     ERR_DAG_MALFORMED, ERR_DAG_TOO_COMPLEX, ERR_CID_UNSUPPORTED, ERR_CID_IDENTITY, ERR_NOMEM, or the sink's error. */
err_t walk_block(struct walk *w, const struct cid *cid, struct view bytes);

/* Every byte has been written. */
bool walk_done(const struct walk *w);
/* All bytes of the file before this offset have been written: what a running hash may take. */
uint64_t walk_prefix(const struct walk *w);
/* Bytes written so far. */
uint64_t walk_written(const struct walk *w);

#endif
