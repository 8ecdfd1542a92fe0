/* The walk: an ordered list of the places of the file that are missing, and an index of the blocks that fill them. */
#include "ipld/walk.h"

#include "base/mem.h"
#include "ipld/cid_map.h"
#include "ipld/directory.h"
#include "ipld/model_id.h"
#include "ipld/unixfs.h"

#include <string.h>

/* A range of the file that is missing. */
struct place {
    uint64_t offset;
    uint64_t len;
    struct place *before; /* neighbours in the file */
    struct place *after;
    struct place *same; /* another place of the same block */
    struct want *want;
    unsigned depth;
};

/* A block that is missing: asked for, in a queue, or (small ones while interior nodes are missing) not yet in a
   queue. */
struct want {
    struct cid cid;
    bool asked;
    bool queued;
    struct place *places; /* at least one, all of the same length */
    struct want *chain;   /* next in its bucket */
    struct want *next;    /* next in its queue */
};

#define MALLOC_EXTRA 16 /* what the allocator adds to a small block, at most */
_Static_assert(sizeof(struct place) + sizeof(struct want) + 2 * MALLOC_EXTRA <= WALK_NODE_BYTES, "as walk.h says");

struct walk {
    struct walk_params params;
    char path[MODEL_PATH_MAX];
    struct view path_left;
    err_t failed;

    bool resolving; /* `target`, a directory or the root of the file, is wanted; nothing below is valid yet */
    bool target_asked;
    struct cid target;

    uint64_t size;
    uint64_t written;
    uint64_t nodes_left;
    struct place *first; /* in the order of the file */
    struct want **buckets;
    unsigned bucket_bits;
    struct cid_seed seed;
    struct want *big;   /* queue: more file than a block holds, so certainly interior */
    struct want *small; /* queue of the rest, in the order of the file */
    size_t big_missing;
    bool leaves; /* no big one was missing once: small ones are being wanted */
    size_t asked;
    uint64_t asked_bytes;
};

/* ── the index ── */

static struct want **bucket_of(struct walk *w, const struct cid *cid)
{
    return &w->buckets[cid_hash(&w->seed, cid) >> (64 - w->bucket_bits)];
}

/* Where the pointer to the want of `cid` is, or where it belongs: *result is NULL then. */
static struct want **index_slot(struct walk *w, const struct cid *cid)
{
    struct want **at = bucket_of(w, cid);
    while (*at != NULL && !cid_equal(&(*at)->cid, cid))
        at = &(*at)->chain;
    return at;
}

static bool is_big(const struct want *want)
{
    return want->places->len > BLOCK_MAX;
}

static void queue_at(struct want **at, struct want *want)
{
    want->queued = true;
    want->next = *at;
    *at = want;
}

/* The end of the interior nodes: everything that is missing now gets its place in the queue. */
static void queue_leaves(struct walk *w)
{
    struct want **end = &w->small;
    w->leaves = true;
    for (struct place *p = w->first; p != NULL; p = p->after)
        if (!p->want->queued) {
            queue_at(end, p->want);
            end = &p->want->next;
        }
}

/* ── places ── */

static void place_drop(struct walk *w, struct place *p)
{
    if (p->before != NULL)
        p->before->after = p->after;
    else
        w->first = p->after;
    if (p->after != NULL)
        p->after->before = p->before;
    mem_free(p);
}

/* A new place in front of `next`, which exists. */
static err_t place_insert(struct walk *w, struct place *next, uint64_t offset, uint64_t len, struct place **ret)
{
    struct place *p = mem_alloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NOMEM;
    *p = (struct place){
        .offset = offset, .len = len, .before = next->before, .after = next, .depth = next->depth + 1};
    if (p->before != NULL)
        p->before->after = p;
    else
        w->first = p;
    next->before = p;
    *ret = p;
    return OK;
}

/* Makes `cid` fill `p`. `queue`: where a new small want goes once leaves are wanted; moves behind it. */
static err_t place_want(struct walk *w, struct place *p, const struct cid *cid, struct want ***queue)
{
    struct want **slot = index_slot(w, cid), *want = *slot;
    if (want != NULL && want->places->len != p->len)
        return ERR_DAG_MALFORMED;
    if (want == NULL) {
        want = mem_alloc(1, sizeof(*want));
        if (want == NULL)
            return ERR_NOMEM;
        want->cid = *cid;
        *slot = want;
    }
    bool fresh = want->places == NULL;
    p->want = want;
    p->same = want->places;
    want->places = p;
    if (!fresh)
        return OK;
    if (is_big(want)) {
        w->big_missing++;
        queue_at(&w->big, want);
    } else if (w->leaves) {
        queue_at(*queue, want);
        *queue = &want->next;
    }
    return OK;
}

static err_t write_bytes(struct walk *w, uint64_t offset, struct view bytes)
{
    if (bytes.len == 0)
        return OK;
    TRY(w->params.sink.write(w->params.sink.user, offset, bytes));
    w->written += bytes.len;
    return OK;
}

/* ── nodes ── */

/* A checked file node: data, or links with their sizes. */
struct node {
    struct dagpb_node dag;
    struct unixfs file;
};

static err_t node_parse(struct view block, struct node *ret)
{
    TRY(dagpb_parse(block, &ret->dag));
    return unixfs_parse(ret->dag.data, &ret->file);
}

static err_t node_check(const struct node *n)
{
    uint64_t size = 0;
    if (n->file.type != UNIXFS_FILE && n->file.type != UNIXFS_RAW)
        return ERR_DAG_MALFORMED;
    if (n->dag.n_links != n->file.n_sizes)
        return ERR_DAG_MALFORMED;
    if (n->dag.n_links > 0 && (n->file.type == UNIXFS_RAW || n->file.data.len > 0))
        return ERR_DAG_MALFORMED;
    if (__builtin_add_overflow(n->file.sizes_sum, n->file.data.len, &size) || size != n->file.filesize)
        return ERR_DAG_MALFORMED;
    return OK;
}

static err_t add_child(struct walk *w, struct place *parent, const struct dagpb_link *link, uint64_t offset,
                       uint64_t len, struct want ***queue)
{
    const struct cid_ref *target = &link->target;
    struct place *p = NULL;
    if (link->name.len > 0)
        return ERR_DAG_MALFORMED;
    if (w->nodes_left == 0)
        return ERR_DAG_TOO_COMPLEX;
    w->nodes_left--;
    switch (target->kind) {
    case CID_BLOCK:
        if (cid_codec(&target->cid) == CID_RAW && len > BLOCK_MAX)
            return ERR_DAG_MALFORMED;
        TRY(place_insert(w, parent, offset, len, &p));
        return place_want(w, p, &target->cid, queue);
    case CID_INLINE:
        if (target->codec != CID_RAW || target->content.len > CID_INLINE_MAX)
            return ERR_CID_UNSUPPORTED;
        return target->content.len == len ? write_bytes(w, offset, target->content) : ERR_DAG_MALFORMED;
    case CID_FOREIGN:
    default:
        return ERR_CID_UNSUPPORTED;
    }
}

/* Puts the children of `n` where `parent` is. */
static err_t expand(struct walk *w, struct place *parent, const struct node *n)
{
    struct view links = n->dag.links, sizes = n->file.sizes;
    struct want **queue = &w->small;
    uint64_t offset = parent->offset;
    if (parent->depth == WALK_DEPTH_MAX)
        return ERR_DAG_TOO_COMPLEX;
    while (links.len > 0) {
        struct dagpb_link link;
        uint64_t len = 0;
        TRY(dagpb_take_link(&links, &link));
        TRY(unixfs_take_size(&sizes, &len));
        if (len == 0 && n->dag.n_links > 1)
            return ERR_DAG_MALFORMED;
        TRY(add_child(w, parent, &link, offset, len, &queue));
        offset += len;
    }
    return OK;
}

/* A node for one of its places, which ends here. */
static err_t fill_node(struct walk *w, struct place *p, const struct node *n)
{
    if (p->len != n->file.filesize)
        return ERR_DAG_MALFORMED;
    if (n->dag.n_links > 0)
        TRY(expand(w, p, n));
    else
        TRY(write_bytes(w, p->offset, n->file.data));
    place_drop(w, p);
    return OK;
}

static err_t fill_raw(struct walk *w, struct place *p, struct view bytes)
{
    if (p->len != bytes.len)
        return ERR_DAG_MALFORMED;
    TRY(write_bytes(w, p->offset, bytes));
    place_drop(w, p);
    return OK;
}

/* A verified block for all places that wait for it. */
static err_t fill(struct walk *w, struct place *places, enum cid_codec codec, struct view bytes)
{
    struct node n = {0};
    if (codec == CID_DAG_PB) {
        TRY(node_parse(bytes, &n));
        TRY(node_check(&n));
    }
    while (places != NULL) {
        struct place *p = places;
        places = p->same;
        TRY(codec == CID_DAG_PB ? fill_node(w, p, &n) : fill_raw(w, p, bytes));
    }
    if (!w->leaves && w->big_missing == 0)
        queue_leaves(w);
    return OK;
}

/* ── from the asked CID to the root of the file ── */

static err_t begin_index(struct walk *w)
{
    for (w->bucket_bits = 6; (1U << w->bucket_bits) < w->nodes_left / 16;)
        w->bucket_bits++;
    w->buckets = mem_alloc((size_t)1 << w->bucket_bits, sizeof(*w->buckets));
    w->seed = cid_seed_make(w->params.seed);
    return w->buckets != NULL ? OK : ERR_NOMEM;
}

static err_t begin_file(struct walk *w, uint64_t size, struct view block)
{
    if (size > w->params.max_size)
        return ERR_MODEL_TOO_LARGE;
    w->size = size;
    w->nodes_left = WALK_NODES_MAX(size);
    TRY(begin_index(w));
    TRY(w->params.sink.start(w->params.sink.user, size, &w->target));
    w->first = mem_alloc(1, sizeof(*w->first));
    if (w->first == NULL)
        return ERR_NOMEM;
    w->first->len = size;
    w->resolving = false;
    return fill(w, w->first, cid_codec(&w->target), block);
}

static err_t enter_directory(struct walk *w, const struct dagpb_node *node)
{
    struct cid_ref entry = {0};
    if (w->path_left.len == 0)
        return ERR_MODEL_IS_DIRECTORY;
    TRY(directory_find(node, model_path_segment(&w->path_left), &entry));
    if (entry.kind == CID_INLINE) /* nothing could name the file in a receipt */
        return ERR_CID_IDENTITY;
    if (entry.kind == CID_FOREIGN)
        return ERR_CID_UNSUPPORTED;
    w->target = entry.cid;
    w->target_asked = false;
    return OK;
}

static err_t resolve(struct walk *w, struct view block)
{
    struct node n = {0};
    uint64_t size = block.len;
    if (cid_codec(&w->target) == CID_DAG_PB) {
        TRY(node_parse(block, &n));
        if (n.file.type == UNIXFS_DIRECTORY)
            return enter_directory(w, &n.dag);
        if (n.file.type == UNIXFS_HAMT)
            return ERR_MODEL_IS_HAMT;
        if (n.file.type != UNIXFS_FILE && n.file.type != UNIXFS_RAW)
            return ERR_MODEL_NOT_A_FILE;
        TRY(node_check(&n));
        size = n.file.filesize;
    }
    return w->path_left.len == 0 ? begin_file(w, size, block) : ERR_MODEL_PATH_NOT_FOUND;
}

/* ── the interface ── */

err_t walk_new(const struct walk_params *params, struct walk **ret)
{
    TRY(model_path_check(params->path, NULL));
    struct walk *w = mem_alloc(1, sizeof(*w));
    if (w == NULL)
        return ERR_NOMEM;
    *w = (struct walk){.params = *params, .resolving = true, .target = params->root};
    if (params->path.len > 0)
        memcpy(w->path, params->path.data, params->path.len);
    w->path_left = view_of(w->path, params->path.len);
    *ret = w;
    return OK;
}

void walk_free(struct walk **walk)
{
    struct walk *w = TAKE_PTR(*walk);
    if (w == NULL)
        return;
    while (w->first != NULL)
        place_drop(w, w->first);
    for (size_t i = 0; w->buckets != NULL && i < (size_t)1 << w->bucket_bits; i++)
        for (struct want *want = w->buckets[i]; want != NULL;) {
            struct want *next = want->chain;
            mem_free(want);
            want = next;
        }
    mem_free(w->buckets);
    mem_free(w);
}

static uint64_t in_flight_cost(const struct want *want)
{
    return MIN(want->places->len, BLOCK_MAX);
}

bool walk_want(struct walk *w, struct walk_want *ret)
{
    if (w->failed != OK || w->asked == WALK_WANTS_MAX)
        return false;
    if (w->resolving) {
        if (w->target_asked)
            return false;
        w->target_asked = true;
        *ret = (struct walk_want){w->target, w->path_left.len == 0};
        return true;
    }
    struct want **queue = w->leaves ? &w->small : &w->big, *want = *queue;
    if (want == NULL || w->asked_bytes + in_flight_cost(want) > WALK_IN_FLIGHT)
        return false;
    *queue = want->next;
    want->asked = true;
    w->asked++;
    w->asked_bytes += in_flight_cost(want);
    *ret = (struct walk_want){want->cid, false};
    return true;
}

bool walk_waits_for(struct walk *w, const struct cid *cid)
{
    if (w->resolving)
        return w->target_asked && cid_equal(cid, &w->target);
    const struct want *want = *index_slot(w, cid);
    return want != NULL && want->asked;
}

bool walk_resolving(const struct walk *w)
{
    return w->resolving;
}

static void unask(struct walk *w, struct want *want)
{
    want->asked = false;
    w->asked--;
    w->asked_bytes -= in_flight_cost(want);
}

static err_t check_block(const struct cid *cid, struct view bytes)
{
    return bytes.len <= BLOCK_MAX ? cid_check(cid, bytes) : ERR_BLOCK_TOO_LARGE;
}

static err_t target_block(struct walk *w, const struct cid *cid, struct view bytes)
{
    if (!w->target_asked || !cid_equal(cid, &w->target))
        return ERR_BLOCK_UNWANTED;
    err_t e = check_block(cid, bytes);
    if (e != OK) {
        w->target_asked = false;
        return e;
    }
    return w->failed = resolve(w, bytes);
}

err_t walk_block(struct walk *w, const struct cid *cid, struct view bytes)
{
    if (w->failed != OK)
        return w->failed;
    if (w->resolving)
        return target_block(w, cid, bytes);
    struct want **slot = index_slot(w, cid), *want = *slot;
    if (want == NULL || !want->asked)
        return ERR_BLOCK_UNWANTED;
    unask(w, want);
    err_t e = check_block(cid, bytes);
    if (e != OK) {
        queue_at(is_big(want) ? &w->big : &w->small, want);
        return e;
    }
    *slot = want->chain;
    if (is_big(want))
        w->big_missing--;
    w->failed = fill(w, want->places, cid_codec(cid), bytes);
    mem_free(want);
    return w->failed;
}

bool walk_done(const struct walk *w)
{
    return w->failed == OK && !w->resolving && w->first == NULL;
}

uint64_t walk_prefix(const struct walk *w)
{
    return w->first != NULL ? w->first->offset : w->written;
}

uint64_t walk_written(const struct walk *w)
{
    return w->written;
}
