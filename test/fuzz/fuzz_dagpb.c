/* A dag-pb block: what parses can be walked through, looked up in as a directory, and, with links to blocks only,
   written and read again with the same content. */
#include "ipld/directory.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False: a link that our encoder cannot write. */
static bool copy_links(struct view links, size_t n, struct buf *copy)
{
    size_t seen = 0;
    for (; links.len > 0; seen++) {
        struct dagpb_link link;
        err_t e = dagpb_take_link(&links, &link);
        assert(e == OK);
        if (link.target.kind != CID_BLOCK)
            return false;
        e = dagpb_put_link(copy, &link.target.cid, link.name, link.tsize);
        assert(e == OK);
    }
    assert(seen == n);
    return true;
}

static void check_copy(const struct dagpb_node *node, const struct buf *links)
{
    AUTO_BUF struct buf block = {.max = MIB};
    struct dagpb_node again;
    err_t e = dagpb_put(&block, &(struct dagpb_node){.links = buf_view(links), .data = node->data});
    assert(e == OK);
    e = dagpb_parse(buf_view(&block), &again);
    assert(e == OK && again.n_links == node->n_links && view_equal(again.data, node->data));
}

static void check_names(const struct dagpb_node *node)
{
    struct view links = node->links;
    while (links.len > 0) {
        struct dagpb_link link;
        struct cid_ref found;
        err_t e = dagpb_take_link(&links, &link);
        assert(e == OK);
        e = directory_find(node, link.name, &found);
        assert(e == OK || e == ERR_DAG_MALFORMED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dagpb_node node;
    AUTO_BUF struct buf links = {.max = MIB};
    if (size > 4 * KIB || dagpb_parse(view_of(data, size), &node) != OK)
        return 0;
    if (copy_links(node.links, node.n_links, &links))
        check_copy(&node, &links);
    check_names(&node);
    return 0;
}
