/* Parsing and writing UnixFS messages. */
#include "ipld/unixfs.h"

#include "ipld/pb.h"

enum {
    FIELD_TYPE = PB_VARINT(1),
    FIELD_DATA = PB_BYTES(2),
    FIELD_FILESIZE = PB_VARINT(3),
    FIELD_BLOCKSIZE = PB_VARINT(4),
    FIELD_HASH_TYPE = PB_VARINT(5),
    FIELD_FANOUT = PB_VARINT(6),
    FIELD_MODE = PB_VARINT(7),
    FIELD_MTIME = PB_BYTES(8),
    TIME_SECONDS = PB_VARINT(1),
    TIME_NANOSECONDS = PB_FIXED32(2),
};

static err_t check_time(struct view bytes)
{
    struct pb_field f;
    if (pb_take(&bytes, &f) != OK || f.tag != TIME_SECONDS)
        return ERR_DAG_MALFORMED;
    if (bytes.len == 0)
        return OK;
    if (pb_take(&bytes, &f) != OK || f.tag != TIME_NANOSECONDS || f.number < 1 || f.number > 999999999)
        return ERR_DAG_MALFORMED;
    return bytes.len == 0 ? OK : ERR_DAG_MALFORMED;
}

/* `field`: the bytes of this field, which continue the run when it is not the first. */
static err_t add_size(struct unixfs *u, struct view field, uint64_t size)
{
    if (u->n_sizes == 0)
        u->sizes.data = field.data;
    u->sizes.len += field.len;
    u->n_sizes++;
    return __builtin_add_overflow(u->sizes_sum, size, &u->sizes_sum) ? ERR_DAG_MALFORMED : OK;
}

static err_t set_field(struct unixfs *u, const struct pb_field *f, struct view field)
{
    switch (f->tag) {
    case FIELD_TYPE:
        if (f->number > UNIXFS_HAMT)
            return ERR_DAG_MALFORMED;
        u->type = (enum unixfs_type)f->number;
        return OK;
    case FIELD_DATA:
        u->data = f->bytes;
        return OK;
    case FIELD_FILESIZE:
        u->filesize = f->number;
        return OK;
    case FIELD_BLOCKSIZE:
        return add_size(u, field, f->number);
    case FIELD_HASH_TYPE:
    case FIELD_FANOUT:
        return u->type == UNIXFS_HAMT ? OK : ERR_DAG_MALFORMED;
    case FIELD_MODE:
        return f->number <= UINT32_MAX ? OK : ERR_DAG_MALFORMED;
    case FIELD_MTIME:
        return check_time(f->bytes);
    default:
        return ERR_DAG_MALFORMED;
    }
}

err_t unixfs_parse(struct view bytes, struct unixfs *ret)
{
    struct unixfs u = {0};
    uint64_t last = 0;
    while (bytes.len > 0) {
        struct view at = bytes;
        struct pb_field f;
        if (pb_take(&bytes, &f) != OK)
            return ERR_DAG_MALFORMED;
        if (f.tag < last || (f.tag == last && f.tag != FIELD_BLOCKSIZE) || (last == 0) != (f.tag == FIELD_TYPE))
            return ERR_DAG_MALFORMED;
        last = f.tag;
        TRY(set_field(&u, &f, view_of(at.data, at.len - bytes.len)));
    }
    if (last == 0)
        return ERR_DAG_MALFORMED;
    *ret = u;
    return OK;
}

err_t unixfs_take_size(struct view *sizes, uint64_t *ret)
{
    struct pb_field f;
    if (pb_take(sizes, &f) != OK || f.tag != FIELD_BLOCKSIZE)
        return ERR_DAG_MALFORMED;
    *ret = f.number;
    return OK;
}

err_t unixfs_put_size(struct buf *sizes, uint64_t size)
{
    return pb_put_varint(sizes, FIELD_BLOCKSIZE, size);
}

err_t unixfs_put(struct buf *b, const struct unixfs *u)
{
    TRY(pb_put_varint(b, FIELD_TYPE, u->type));
    if (u->data.len > 0)
        TRY(pb_put_bytes(b, FIELD_DATA, u->data));
    TRY(pb_put_varint(b, FIELD_FILESIZE, u->filesize));
    return buf_put_view(b, u->sizes);
}
