/* The Merkle tree of RFC 9162 §2.1 with SHA-256: leaf = SHA-256(00 ‖ entry), node = SHA-256(01 ‖ left ‖ right).
   Nothing of ours allocates here: the caller gives the memory and the running hash. */
#ifndef VERONNX_RECEIPT_TREE_H
#define VERONNX_RECEIPT_TREE_H

#include "base/sha256.h"

#define TREE_MAX      1024 /* leaves */
#define TREE_PATH_MAX 10   /* ⌈log2 TREE_MAX⌉ */

/* All nodes, level behind level: the leaves first, the root last. A level of odd width ends with a node that has no
   sibling and stands in the level above unchanged, which is the tree of the RFC. */
struct tree {
    size_t size; /* leaves */
    uint8_t node[2 * TREE_MAX - 1][SHA256_LEN];
};

/* Inclusion path: the siblings from the leaf up (RFC 9162 §2.1.3); empty in a tree of one. */
struct tree_path {
    size_t len;
    uint8_t hash[TREE_PATH_MAX][SHA256_LEN];
};

err_t tree_leaf(struct sha256 *h, struct view entry, uint8_t ret_leaf[static SHA256_LEN]);

/* Computes all nodes above the leaves. The caller has set `size` (1 to TREE_MAX) and the first `size` nodes, the leaf
   hashes. The root is written too. */
err_t tree_build(struct tree *t, struct sha256 *h, uint8_t ret_root[static SHA256_LEN]);

/* The path of leaf `index` < `size` of a built tree. */
void tree_prove(const struct tree *t, size_t index, struct tree_path *ret);

/* The root that a leaf, its place and its path imply (RFC 9162 §2.1.3.2). ERR_RECEIPT_PROOF when `index` is not below
   `size` or the path is not exactly as long as that place in a tree of that size demands. */
err_t tree_climb(struct sha256 *h, const uint8_t leaf[static SHA256_LEN], uint64_t index, uint64_t size,
                 const struct tree_path *path, uint8_t ret_root[static SHA256_LEN]);

#endif
