/* Looking an entry up, and refusing directories that name anything twice. */
#include "ipld/directory.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
    const struct view *x = a, *y = b;
    size_t common = MIN(x->len, y->len);
    int order = common > 0 ? memcmp(x->data, y->data, common) : 0;
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static err_t check_unique(const struct dagpb_node *node)
{
    struct view links = node->links;
    AUTO_MEM struct view *names = mem_alloc(node->n_links, sizeof(*names));
    if (names == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < node->n_links; i++) {
        struct dagpb_link link;
        TRY(dagpb_take_link(&links, &link));
        names[i] = link.name;
    }
    qsort(names, node->n_links, sizeof(*names), compare_names);
    for (size_t i = 1; i < node->n_links; i++)
        if (compare_names(&names[i - 1], &names[i]) == 0)
            return ERR_DAG_MALFORMED;
    return OK;
}

err_t directory_find(const struct dagpb_node *node, struct view name, struct cid_ref *ret)
{
    struct view links = node->links;
    if (node->n_links == 0)
        return ERR_MODEL_PATH_NOT_FOUND;
    TRY(check_unique(node));
    while (links.len > 0) {
        struct dagpb_link link;
        TRY(dagpb_take_link(&links, &link));
        if (view_equal(link.name, name)) {
            *ret = link.target;
            return OK;
        }
    }
    return ERR_MODEL_PATH_NOT_FOUND;
}
