/* One pass: a chunk becomes a leaf, 174 entries of a level become one entry of the next. */
#include "ipld/build.h"

#include "base/mem.h"
#include "ipld/dagpb.h"
#include "ipld/unixfs.h"

#define LEVELS    8 /* 174 to the 8th chunks are more than 2^64 bytes */
#define BLOCK_CAP (BUILD_CHUNK + 64)

/* A finished subtree. */
struct entry {
    struct cid cid;
    uint64_t size;  /* of its part of the file */
    uint64_t tsize; /* of all its blocks, for the hint in the link */
};

/* Entries that have no parent yet, as they will stand in it. */
struct level {
    size_t count;
    struct buf links;
    struct buf sizes;
    uint64_t size;
    uint64_t tsize;
    struct entry last;
};

struct build {
    unsigned version;
    struct build_sink sink;
    struct buf chunk;
    struct buf message; /* scratch: UnixFS */
    struct buf block;   /* scratch: dag-pb */
    struct level levels[LEVELS];
};

err_t build_new(unsigned version, const struct build_sink *sink, struct build **ret)
{
    struct build *b = mem_alloc(1, sizeof(*b));
    if (b == NULL)
        return ERR_NOMEM;
    b->version = version;
    b->sink = *sink;
    buf_init(&b->chunk, BUILD_CHUNK);
    buf_init(&b->message, BLOCK_CAP);
    buf_init(&b->block, BLOCK_CAP);
    for (size_t i = 0; i < LEVELS; i++) {
        buf_init(&b->levels[i].links, BLOCK_CAP);
        buf_init(&b->levels[i].sizes, BLOCK_CAP);
    }
    *ret = b;
    return OK;
}

void build_free(struct build **build)
{
    struct build *b = TAKE_PTR(*build);
    if (b == NULL)
        return;
    buf_done(&b->chunk);
    buf_done(&b->message);
    buf_done(&b->block);
    for (size_t i = 0; i < LEVELS; i++) {
        buf_done(&b->levels[i].links);
        buf_done(&b->levels[i].sizes);
    }
    mem_free(b);
}

/* Names the block, hands it out, and adds its length to the entry. */
static err_t emit(struct build *b, enum cid_codec codec, struct view block, struct entry *e)
{
    uint8_t digest[SHA256_LEN];
    TRY(sha256_of(block.data, block.len, digest));
    e->cid = cid_make(b->version, codec, digest);
    e->tsize += block.len;
    return b->sink.block(b->sink.user, &e->cid, block);
}

static err_t emit_node(struct build *b, struct view links, const struct unixfs *file, struct entry *e)
{
    buf_clear(&b->message);
    buf_clear(&b->block);
    TRY(unixfs_put(&b->message, file));
    TRY(dagpb_put(&b->block, &(struct dagpb_node){.links = links, .data = buf_view(&b->message)}));
    return emit(b, CID_DAG_PB, buf_view(&b->block), e);
}

static err_t emit_leaf(struct build *b, struct entry *ret)
{
    struct view data = buf_view(&b->chunk);
    *ret = (struct entry){.size = data.len};
    if (b->version == 1)
        return emit(b, CID_RAW, data, ret);
    return emit_node(b, (struct view){0}, &(struct unixfs){.type = UNIXFS_FILE, .data = data, .filesize = data.len},
                     ret);
}

/* The node above all entries of a level, which becomes empty. */
static err_t emit_parent(struct build *b, struct level *l, struct entry *ret)
{
    *ret = (struct entry){.size = l->size, .tsize = l->tsize};
    TRY(emit_node(b, buf_view(&l->links),
                  &(struct unixfs){.type = UNIXFS_FILE, .filesize = l->size, .sizes = buf_view(&l->sizes)}, ret));
    buf_clear(&l->links);
    buf_clear(&l->sizes);
    l->count = 0;
    l->size = 0;
    l->tsize = 0;
    return OK;
}

static err_t level_put(struct level *l, const struct entry *e)
{
    TRY(dagpb_put_link(&l->links, &e->cid, (struct view){0}, e->tsize));
    TRY(unixfs_put_size(&l->sizes, e->size));
    l->size += e->size;
    l->tsize += e->tsize;
    l->last = *e;
    l->count++;
    return OK;
}

/* Adds an entry to a level; full levels move up. */
static err_t add(struct build *b, size_t i, struct entry e)
{
    for (; i < LEVELS; i++) {
        struct level *l = &b->levels[i];
        TRY(level_put(l, &e));
        if (l->count < BUILD_LINKS)
            return OK;
        TRY(emit_parent(b, l, &e));
    }
    return ERR_TOO_LARGE;
}

static err_t end_chunk(struct build *b)
{
    struct entry leaf;
    TRY(emit_leaf(b, &leaf));
    buf_clear(&b->chunk);
    return add(b, 0, leaf);
}

err_t build_push(struct build *b, struct view bytes)
{
    while (bytes.len > 0) {
        struct view part = {0};
        TRY(view_take(&bytes, MIN(bytes.len, BUILD_CHUNK - b->chunk.len), &part));
        TRY(buf_put_view(&b->chunk, part));
        if (b->chunk.len == BUILD_CHUNK)
            TRY(end_chunk(b));
    }
    return OK;
}

static bool is_top(const struct build *b, size_t i)
{
    while (++i < LEVELS)
        if (b->levels[i].count > 0)
            return false;
    return true;
}

err_t build_finish(struct build *b, struct cid *ret_root, uint64_t *ret_size)
{
    if (b->chunk.len > 0 || (is_top(b, 0) && b->levels[0].count == 0))
        TRY(end_chunk(b));
    for (size_t i = 0; i < LEVELS; i++) {
        struct level *l = &b->levels[i];
        struct entry e;
        if (l->count == 0)
            continue;
        if (l->count == 1 && is_top(b, i)) {
            *ret_root = l->last.cid;
            *ret_size = l->last.size;
            return OK;
        }
        TRY(emit_parent(b, l, &e));
        TRY(add(b, i + 1, e));
    }
    return ERR_TOO_LARGE;
}
