/* The walk over DAGs that the input describes, good and bad, answered in an order that the input chooses. Blocks are
   made from the leaves up, so that links lead to blocks that exist. Whatever happens: no byte outside the file, none
   twice; when it ends well, every byte once. */
#include "ipld/dagpb.h"
#include "ipld/unixfs.h"
#include "ipld/walk.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BLOCKS   64
#define FILE_MAX (16 * KIB)

struct dag {
    struct block {
        struct cid cid;
        struct buf bytes;
        uint64_t size; /* of the file below it, as an honest parent would say */
    } blocks[BLOCKS];
    size_t n;
    struct view input;
};

static uint8_t take(struct dag *d)
{
    uint8_t byte = 0;
    return view_u8(&d->input, &byte) == OK ? byte : 0;
}

static struct view take_some(struct dag *d)
{
    struct view some = {0};
    size_t n = take(d);
    return view_take(&d->input, MIN(n, d->input.len), &some) == OK ? some : (struct view){0};
}

/* Takes the bytes of `b`. */
static void add(struct dag *d, enum cid_codec codec, struct buf *b, uint64_t size)
{
    uint8_t digest[SHA256_LEN];
    struct block *block = &d->blocks[d->n++];
    err_t e = sha256_of(b->data, b->len, digest);
    assert(e == OK);
    *block = (struct block){cid_make(1, codec, digest), *b, size};
    *b = (struct buf){0};
}

#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        err_t must_ = (call);                                                                                          \
        assert(must_ == OK);                                                                                           \
    } while (0)

static void add_leaf(struct dag *d, bool raw)
{
    AUTO_BUF struct buf block = {.max = FILE_MAX}, message = {.max = FILE_MAX};
    struct view data = take_some(d);
    struct unixfs u = {.type = UNIXFS_FILE, .data = data, .filesize = data.len};
    if (raw) {
        MUST(buf_put_view(&block, data));
    } else {
        MUST(unixfs_put(&message, &u));
        MUST(dagpb_put(&block, &(struct dagpb_node){.data = buf_view(&message)}));
    }
    add(d, raw ? CID_RAW : CID_DAG_PB, &block, data.len);
}

/* Children are earlier blocks; `lie` changes one size or the type. Directories name them a, b, c... */
static void add_node(struct dag *d, enum unixfs_type type, uint8_t lie)
{
    AUTO_BUF struct buf links = {.max = FILE_MAX}, sizes = {.max = FILE_MAX}, message = {.max = FILE_MAX},
             block = {.max = FILE_MAX};
    struct unixfs u = {.type = type};
    size_t n = d->n > 0 ? take(d) % 16 : 0;
    for (size_t i = 0; i < n; i++) {
        const struct block *child = &d->blocks[take(d) % d->n];
        const char name[] = {(char)('a' + i), '\0'};
        MUST(dagpb_put_link(&links, &child->cid, view_of(name, type == UNIXFS_DIRECTORY ? 1 : 0), 0));
        if (type != UNIXFS_DIRECTORY)
            MUST(unixfs_put_size(&sizes, child->size + (lie == i + 1 ? 1 : 0)));
        u.filesize += child->size;
    }
    u.filesize += lie == 17 ? 1 : 0;
    u.sizes = buf_view(&sizes);
    u.data = lie == 18 ? view_of("x", 1) : (struct view){0};
    MUST(unixfs_put(&message, &u));
    MUST(dagpb_put(&block, &(struct dagpb_node){.links = buf_view(&links), .data = buf_view(&message)}));
    add(d, CID_DAG_PB, &block, u.filesize);
}

static void add_anything(struct dag *d)
{
    AUTO_BUF struct buf block = {.max = FILE_MAX};
    MUST(buf_put_view(&block, take_some(d)));
    add(d, CID_DAG_PB, &block, take(d));
}

static void make(struct dag *d)
{
    while (d->n == 0 || (d->n < BLOCKS && d->input.len > 0)) {
        uint8_t kind = take(d);
        switch (kind & 7) {
        case 0:
        case 1:
            add_leaf(d, (kind & 1) != 0);
            break;
        case 2:
            add_anything(d);
            break;
        case 3:
            add_node(d, UNIXFS_DIRECTORY, 0);
            break;
        default:
            add_node(d, kind < 0xf8 ? UNIXFS_FILE : (enum unixfs_type)(take(d) % 6), kind >> 3);
            break;
        }
    }
}

/* ── the file ── */

struct output {
    uint64_t size;
    bool started;
    uint8_t written[FILE_MAX];
};

static err_t start(void *user, uint64_t size, const struct cid *file)
{
    struct output *o = user;
    assert(!o->started && size <= FILE_MAX && (file->len == 34 || file->len == 36));
    o->started = true;
    o->size = size;
    return OK;
}

static err_t write_bytes(void *user, uint64_t offset, struct view bytes)
{
    struct output *o = user;
    assert(o->started && offset <= o->size && bytes.len <= o->size - offset);
    for (size_t i = 0; i < bytes.len; i++)
        assert(o->written[offset + i]++ == 0);
    return OK;
}

static const struct block *find(const struct dag *d, const struct cid *cid)
{
    for (size_t i = 0; i < d->n; i++)
        if (cid_equal(&d->blocks[i].cid, cid))
            return &d->blocks[i];
    return NULL;
}

/* One of the wants in flight is answered, perhaps first with a wrong block. False: the walk is over. */
static bool answer(const struct dag *d, struct walk *w, struct cid *open, size_t *n, uint8_t choice)
{
    for (struct walk_want want; walk_want(w, &want); open[(*n)++] = want.cid)
        assert(*n < WALK_WANTS_MAX);
    if (*n == 0)
        return false;
    size_t pick = choice % *n;
    struct cid cid = open[pick];
    const struct block *b = find(d, &cid);
    open[pick] = open[--*n];
    if (choice >= 0xf0)
        return walk_block(w, &cid, view_of("wrong", 5)) == ERR_BLOCK_MISMATCH;
    return b != NULL && walk_block(w, &cid, buf_view(&b->bytes)) == OK;
}

static void run(const struct dag *d, const struct walk_params *params, struct view order)
{
    AUTO(walk_free) struct walk *w = NULL;
    struct cid open[WALK_WANTS_MAX];
    const struct output *o = params->sink.user;
    size_t n = 0, i = 0;
    MUST(walk_new(params, &w));
    while (!walk_done(w) && answer(d, w, open, &n, i < order.len ? order.data[i] : 0))
        i++;
    if (!walk_done(w))
        return;
    assert(o->started && walk_written(w) == o->size && walk_prefix(w) == o->size);
    for (uint64_t at = 0; at < o->size; at++)
        assert(o->written[at] == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"", "a", "b", "a/a"};
    static struct output o;
    struct dag d = {.input = view_of(data, size)};
    const char *path = paths[take(&d) % COUNT_OF(paths)];
    o = (struct output){0};
    make(&d);
    run(&d,
        &(struct walk_params){.root = d.blocks[d.n - 1].cid,
                              .path = view_of(path, strlen(path)),
                              .max_size = FILE_MAX,
                              .seed = 1,
                              .sink = {&o, start, write_bytes}},
        view_of(data, size));
    for (size_t i = 0; i < d.n; i++)
        buf_done(&d.blocks[i].bytes);
    return 0;
}
