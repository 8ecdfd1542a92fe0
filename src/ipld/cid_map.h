/* CIDs that were met, each with a number. */
#ifndef VERONNX_IPLD_CID_MAP_H
#define VERONNX_IPLD_CID_MAP_H

#include "ipld/cid.h"

/* Hashing with a seed that the maker of the CIDs cannot know, so that nobody can make them collide. */
struct cid_seed {
    uint64_t words[SHA256_LEN / sizeof(uint32_t)];
};
struct cid_seed cid_seed_make(uint64_t seed);
/* Its high bits are the good ones. */
uint64_t cid_hash(const struct cid_seed *s, const struct cid *cid);

#define CID_MAP_MAX (4 * 1024 * 1024) /* CIDs of one map */

struct cid_map {
    struct cid_seed seed;
    struct cid_slot *slots; /* a power of two, at most half of them taken */
    unsigned bits;
    size_t n;
};
struct cid_slot {
    uint64_t number;
    struct cid cid; /* len 0: free */
};

void cid_map_init(struct cid_map *m, uint64_t seed);
/* Frees; accepts a zeroed struct. */
void cid_map_done(struct cid_map *m);

/* One that is there keeps its number. ERR_NOMEM; ERR_DAG_TOO_COMPLEX over CID_MAP_MAX. */
err_t cid_map_add(struct cid_map *m, const struct cid *cid, uint64_t number, bool *ret_new);
/* False when it is not there. */
bool cid_map_find(const struct cid_map *m, const struct cid *cid, uint64_t *ret_number);

#endif
