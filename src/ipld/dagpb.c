/* Parsing and writing dag-pb. */
#include "ipld/dagpb.h"

#include "ipld/pb.h"

enum {
    NODE_DATA = PB_BYTES(1),
    NODE_LINK = PB_BYTES(2),
    LINK_HASH = PB_BYTES(1),
    LINK_NAME = PB_BYTES(2),
    LINK_TSIZE = PB_VARINT(3),
};

static err_t parse_link(struct view bytes, struct dagpb_link *link)
{
    uint64_t last = 0;
    while (bytes.len > 0) {
        struct pb_field f;
        if (pb_take(&bytes, &f) != OK || f.tag <= last || (last == 0) != (f.tag == LINK_HASH))
            return ERR_DAG_MALFORMED;
        last = f.tag;
        switch (f.tag) {
        case LINK_HASH:
            if (cid_take(&f.bytes, &link->target) != OK || f.bytes.len > 0)
                return ERR_DAG_MALFORMED;
            break;
        case LINK_NAME:
            link->name = f.bytes;
            break;
        case LINK_TSIZE:
            link->tsize = f.number;
            break;
        default:
            return ERR_DAG_MALFORMED;
        }
    }
    return last != 0 ? OK : ERR_DAG_MALFORMED;
}

err_t dagpb_take_link(struct view *links, struct dagpb_link *ret)
{
    struct pb_field f;
    struct dagpb_link link = {0};
    if (pb_take(links, &f) != OK || f.tag != NODE_LINK)
        return ERR_DAG_MALFORMED;
    TRY(parse_link(f.bytes, &link));
    *ret = link;
    return OK;
}

/* `at` is where the field began, `rest` what is behind it. */
static err_t add_link(struct dagpb_node *node, struct view at, struct view rest)
{
    struct dagpb_link link;
    struct view field = view_of(at.data, at.len - rest.len);
    TRY(dagpb_take_link(&at, &link));
    if (node->n_links == 0)
        node->links.data = field.data;
    else if (node->links.data + node->links.len != field.data)
        return ERR_DAG_MALFORMED;
    node->links.len += field.len;
    node->n_links++;
    return OK;
}

err_t dagpb_parse(struct view block, struct dagpb_node *ret)
{
    struct dagpb_node node = {0};
    bool has_data = false;
    while (block.len > 0) {
        struct view at = block;
        struct pb_field f;
        if (pb_take(&block, &f) != OK)
            return ERR_DAG_MALFORMED;
        if (f.tag == NODE_LINK) {
            TRY(add_link(&node, at, block));
        } else if (f.tag == NODE_DATA && !has_data) {
            node.data = f.bytes;
            has_data = true;
        } else {
            return ERR_DAG_MALFORMED;
        }
    }
    *ret = node;
    return OK;
}

err_t dagpb_put_link(struct buf *links, const struct cid *target, struct view name, uint64_t tsize)
{
    AUTO_BUF struct buf link = {.max = links->max};
    TRY(pb_put_bytes(&link, LINK_HASH, cid_view(target)));
    TRY(pb_put_bytes(&link, LINK_NAME, name));
    TRY(pb_put_varint(&link, LINK_TSIZE, tsize));
    return pb_put_bytes(links, NODE_LINK, buf_view(&link));
}

err_t dagpb_put(struct buf *block, const struct dagpb_node *node)
{
    TRY(buf_put_view(block, node->links));
    return node->data.len > 0 ? pb_put_bytes(block, NODE_DATA, node->data) : OK;
}
