/* Building the tree of a batch level by level, and walking one path of it. */
#include "receipt/tree.h"

#include <assert.h>
#include <string.h>

err_t tree_leaf(struct sha256 *h, struct view entry, uint8_t ret_leaf[static SHA256_LEN])
{
    static const uint8_t prefix = 0x00;
    TRY(sha256_reset(h));
    TRY(sha256_update(h, &prefix, sizeof(prefix)));
    TRY(sha256_update(h, entry.data, entry.len));
    return sha256_final(h, ret_leaf);
}

static err_t tree_join(struct sha256 *h, const uint8_t *left, const uint8_t *right, uint8_t *ret)
{
    uint8_t text[1 + 2 * SHA256_LEN] = {0x01};
    memcpy(text + 1, left, SHA256_LEN);
    memcpy(text + 1 + SHA256_LEN, right, SHA256_LEN);
    TRY(sha256_reset(h));
    TRY(sha256_update(h, text, sizeof(text)));
    return sha256_final(h, ret);
}

err_t tree_build(struct tree *t, struct sha256 *h, uint8_t ret_root[static SHA256_LEN])
{
    assert(t->size >= 1 && t->size <= TREE_MAX);
    size_t below = 0;
    for (size_t width = t->size; width > 1; below += width, width = (width + 1) / 2) {
        size_t above = below + width;
        for (size_t i = 0; i + 1 < width; i += 2)
            TRY(tree_join(h, t->node[below + i], t->node[below + i + 1], t->node[above + i / 2]));
        if (width % 2 != 0)
            memcpy(t->node[above + width / 2], t->node[below + width - 1], SHA256_LEN);
    }
    memcpy(ret_root, t->node[below], SHA256_LEN);
    return OK;
}

void tree_prove(const struct tree *t, size_t index, struct tree_path *ret)
{
    assert(index < t->size);
    ret->len = 0;
    size_t level = 0;
    for (size_t width = t->size; width > 1; level += width, width = (width + 1) / 2, index /= 2)
        if ((index ^ 1) < width)
            memcpy(ret->hash[ret->len++], t->node[level + (index ^ 1)], SHA256_LEN);
}

err_t tree_climb(struct sha256 *h, const uint8_t leaf[static SHA256_LEN], uint64_t index, uint64_t size,
                 const struct tree_path *path, uint8_t ret_root[static SHA256_LEN])
{
    uint8_t root[SHA256_LEN];
    memcpy(root, leaf, SHA256_LEN);
    if (index >= size)
        return ERR_RECEIPT_PROOF;
    uint64_t last = size - 1;
    for (size_t i = 0; i < path->len; i++, index /= 2, last /= 2) {
        while (index == last && index % 2 == 0 && index > 0) { /* no sibling on this level */
            index /= 2;
            last /= 2;
        }
        if (last == 0)
            return ERR_RECEIPT_PROOF;
        bool right = index % 2 != 0;
        TRY(tree_join(h, right ? path->hash[i] : root, right ? root : path->hash[i], root));
    }
    if (last != 0)
        return ERR_RECEIPT_PROOF;
    memcpy(ret_root, root, SHA256_LEN);
    return OK;
}
