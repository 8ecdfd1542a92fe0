/* UnixFS v1 messages (ipfs/specs unixfs.md), which stand in the data of dag-pb nodes; strict, nothing allocated.

       Data { required enum Type = 1; optional bytes Data = 2; optional uint64 filesize = 3; repeated uint64
       blocksizes = 4;
              optional uint64 hashType = 5; optional uint64 fanout = 6; optional uint32 mode = 7; optional Time mtime
              = 8 }
       Time { required int64 seconds = 1; optional fixed32 nanoseconds = 2 }

   Fields in this order, each once, blocksizes one by one (not packed); hashType and fanout only in a HAMT shard. */
#ifndef VERONNX_IPLD_UNIXFS_H
#define VERONNX_IPLD_UNIXFS_H

#include "base/buf.h"

enum unixfs_type {
    UNIXFS_RAW, /* a leaf of old and of trickle files */
    UNIXFS_DIRECTORY,
    UNIXFS_FILE,
    UNIXFS_METADATA,
    UNIXFS_SYMLINK,
    UNIXFS_HAMT,
};

struct unixfs {
    enum unixfs_type type;
    struct view data;  /* empty when absent */
    uint64_t filesize; /* 0 when absent */
    struct view sizes; /* the run of blocksizes fields, for unixfs_take_size */
    size_t n_sizes;
    uint64_t sizes_sum;
};

/* Checks the whole message, and that blocksizes add up below 2^64; views are borrowed. ERR_DAG_MALFORMED. */
err_t unixfs_parse(struct view bytes, struct unixfs *ret);
/* Takes the next size from a run. */
err_t unixfs_take_size(struct view *sizes, uint64_t *ret);

/* Appends one size to a run. */
err_t unixfs_put_size(struct buf *sizes, uint64_t size);
/* Appends the message: type, data unless empty, filesize, sizes. */
err_t unixfs_put(struct buf *b, const struct unixfs *u);

#endif
