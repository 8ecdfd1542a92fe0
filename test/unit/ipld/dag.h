/* Blocks made by hand, so that a test can write what no encoder would: protobuf is put together byte by byte here,
   with nothing of the library under test but SHA-256 and cid_make. */
#ifndef VERONNX_TEST_IPLD_DAG_H
#define VERONNX_TEST_IPLD_DAG_H

#include "ipld/cid.h"
#include "unit.h"

#define DAG_BLOCKS 4096
#define ABSENT     UINT64_MAX

struct dag {
    struct dag_block {
        struct cid cid;
        struct buf bytes;
    } blocks[DAG_BLOCKS];
    size_t n;
};

static inline struct dag *dag_new(void)
{
    struct dag *d = calloc(1, sizeof(*d));
    assert_non_null(d);
    return d;
}

static inline void dag_free(struct dag **d)
{
    for (size_t i = 0; i < (*d)->n; i++)
        buf_done(&(*d)->blocks[i].bytes);
    free(*d);
}
#define AUTO_DAG AUTO(dag_free) struct dag *

/* NULL when there is no such block. */
static inline const struct dag_block *dag_find(const struct dag *d, const struct cid *cid)
{
    for (size_t i = 0; i < d->n; i++)
        if (cid_equal(&d->blocks[i].cid, cid))
            return &d->blocks[i];
    return NULL;
}

/* Adds a block once. */
static inline struct cid dag_add(struct dag *d, unsigned version, enum cid_codec codec, struct view bytes)
{
    uint8_t digest[SHA256_LEN];
    assert_ok(sha256_of(bytes.data, bytes.len, digest));
    struct cid cid = cid_make(version, codec, digest);
    if (dag_find(d, &cid) != NULL)
        return cid;
    assert_true(d->n < DAG_BLOCKS);
    struct dag_block *b = &d->blocks[d->n++];
    b->cid = cid;
    b->bytes.max = 64 * MIB;
    assert_ok(buf_put_view(&b->bytes, bytes));
    return cid;
}

static inline struct cid dag_raw(struct dag *d, struct view bytes)
{
    return dag_add(d, 1, CID_RAW, bytes);
}

/* ── protobuf by hand ── */

static inline void put_number(struct buf *b, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        assert_ok(buf_put_u8(b, (uint8_t)(n | 0x80)));
    assert_ok(buf_put_u8(b, (uint8_t)n));
}

static inline void put_field(struct buf *b, uint8_t tag, uint64_t n)
{
    assert_ok(buf_put_u8(b, tag));
    put_number(b, n);
}

static inline void put_part(struct buf *b, uint8_t tag, struct view bytes)
{
    put_field(b, tag, bytes.len);
    assert_ok(buf_put_view(b, bytes));
}

/* One link. `name` NULL: no Name field. */
static inline void put_link(struct buf *node, struct view cid, const char *name)
{
    AUTO_BUF struct buf link = {.max = 4 * KIB};
    put_part(&link, 0x0a, cid);
    if (name != NULL)
        put_part(&link, 0x12, text_view(name));
    put_part(node, 0x12, buf_view(&link));
}

/* A whole node from its links, in the usual order. */
static inline struct cid dag_node(struct dag *d, const struct buf *links, const struct buf *unixfs)
{
    AUTO_BUF struct buf node = {.max = 64 * MIB};
    assert_ok(buf_put_view(&node, buf_view(links)));
    put_part(&node, 0x0a, buf_view(unixfs));
    return dag_add(d, 1, CID_DAG_PB, buf_view(&node));
}

/* A child and the size that its parent states. */
struct child {
    struct cid cid;
    uint64_t size;
};

/* A UnixFS node over children: type, data, filesize (ABSENT: none), and one blocksize each. */
static inline struct cid dag_unixfs(struct dag *d, uint8_t type, struct view data, uint64_t filesize,
                                    const struct child *children, size_t n)
{
    AUTO_BUF struct buf links = {.max = 64 * MIB}, message = {.max = 64 * MIB};
    put_field(&message, 0x08, type);
    if (data.len > 0)
        put_part(&message, 0x12, data);
    if (filesize != ABSENT)
        put_field(&message, 0x18, filesize);
    for (size_t i = 0; i < n; i++) {
        put_link(&links, cid_view(&children[i].cid), "");
        put_field(&message, 0x20, children[i].size);
    }
    return dag_node(d, &links, &message);
}

/* An honest interior node. */
static inline struct cid dag_file(struct dag *d, const struct child *children, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += children[i].size;
    return dag_unixfs(d, 2, (struct view){0}, sum, children, n);
}

/* A dag-pb leaf. */
static inline struct cid dag_leaf(struct dag *d, struct view data)
{
    return dag_unixfs(d, 2, data, data.len, NULL, 0);
}

struct entry {
    const char *name;
    struct cid cid;
};

static inline struct cid dag_directory(struct dag *d, const struct entry *entries, size_t n)
{
    AUTO_BUF struct buf links = {.max = 64 * MIB}, message = {.max = 64};
    put_field(&message, 0x08, 1);
    for (size_t i = 0; i < n; i++)
        put_link(&links, cid_view(&entries[i].cid), entries[i].name);
    return dag_node(d, &links, &message);
}

#endif
