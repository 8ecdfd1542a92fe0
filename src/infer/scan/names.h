/* A stack of names in which duplicates are found without hashing, so that no choice of names is slow. */
#ifndef VERONNX_INFER_SCAN_NAMES_H
#define VERONNX_INFER_SCAN_NAMES_H

#include "base/buf.h"

#define NAMES_MAX ((size_t)1 << 20) /* 16 bytes each */

struct name {
    const uint8_t *data; /* borrowed */
    uint32_t len;
    uint32_t group; /* names of different groups never count as equal */
};

struct names {
    struct name *items;
    size_t count;
    size_t cap;
};

/* Accepts a zeroed struct. */
void names_done(struct names *n);
/* `name` stays valid until it is cut off. ERR_TOO_LARGE above NAMES_MAX, ERR_NOMEM. */
err_t names_push(struct names *n, uint32_t group, struct view name);
/* Takes everything from index `base` on off the stack and says whether two of these were equal; if so in which group.
   Time: O(bytes of the names × log of their number). */
bool names_cut(struct names *n, size_t base, uint32_t *ret_group);

#endif
