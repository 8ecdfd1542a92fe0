/* When an archive is worth it, and what comes of it. */
#include "fetch/archive.h"

#include "base/mem.h"
#include "ipld/car.h"
#include "ipld/dagpb.h"
#include "ipld/unixfs.h"

#include <string.h>

#define CAR_TYPE    "application/vnd.ipld.car"
#define LINKS_FIRST 0x12 /* the tag that a node with links begins with */

/* A block that is not wanted yet. */
struct early {
    STAILQ_ENTRY(early) entry;
    struct cid cid;
    struct body *body;
};

struct archive {
    struct engine *engine;
    struct client *client;
    uint32_t number;       /* of the source */
    struct source *source; /* NULL, like the call, when it has ended: what came early stays until it is wanted */
    struct http_call *call;
    struct car_reader reader;
    STAILQ_HEAD(, early) early;
    size_t early_chunks;
    uint64_t skipped;
    uint64_t began_ms;
    uint64_t gave_ms; /* when it brought something that was wanted */
    bool is_archive;
    bool full; /* waits for wants or for memory */
    bool old;  /* another file is wanted now */
};

/* ── what is below ── */

/* Sizes of the parts below a node: those larger than a block are interior. */
static void see_parts(struct client_file *f, struct unixfs *node)
{
    uint64_t size = 0;
    while (node->sizes.len > 0 && unixfs_take_size(&node->sizes, &size) == OK) {
        if (size > BLOCK_MAX)
            f->interior++;
        else if (f->leaf == 0)
            f->leaf = size;
    }
}

static void see_node(struct client_file *f, const struct want *w, struct view block)
{
    struct dagpb_node node = {0};
    struct unixfs file = {0};
    if (dagpb_parse(block, &node) != OK || unixfs_parse(node.data, &file) != OK || file.type != UNIXFS_FILE)
        return;
    if (w->whole_dag)
        *f = (struct client_file){.known = true, .root = w->cid, .size = file.filesize};
    else if (file.filesize > BLOCK_MAX && f->interior > 0)
        f->interior--;
    see_parts(f, &file);
}

static bool has_links(const struct body *body)
{
    struct iovec parts[BODY_CHUNKS_MAX];
    return body_parts(body, 0, parts) > 0 && *(const uint8_t *)parts[0].iov_base == LINKS_FIRST;
}

void archive_see(const struct want *w, const struct body *body)
{
    struct iovec parts[BODY_CHUNKS_MAX];
    AUTO_BUF struct buf copy = {.max = STORE_BLOCK_MAX};
    if (cid_codec(&w->cid) != CID_DAG_PB || !has_links(body) || (!w->whole_dag && w->client->file.interior == 0))
        return;
    unsigned n = body_parts(body, 0, parts);
    for (unsigned i = 0; i < n; i++)
        if (buf_put(&copy, parts[i].iov_base, parts[i].iov_len) != OK)
            return;
    if (w->whole_dag && w->client->archive != NULL)
        w->client->archive->old = true;
    see_node(&w->client->file, w, buf_view(&copy));
}

/* ── blocks that come ── */

static bool is_wanted(const struct client *c, const struct cid *cid)
{
    const struct want *w = NULL;
    TAILQ_FOREACH (w, &c->wants, entry)
        if (cid_equal(&w->cid, cid))
            return true;
    return false;
}

static err_t hold(struct archive *a, const struct cid *cid, struct view bytes)
{
    AUTO(body_release) struct body *body = NULL;
    size_t chunks = body_chunks(bytes.len);
    if (a->early_chunks + chunks > ARCHIVE_AHEAD + BODY_CHUNKS_MAX)
        return ERR_WOULD_BLOCK;
    TRY(body_new(&a->engine->pool, chunks, &body));
    TRY(body_append(body, bytes));
    struct early *early = mem_alloc(1, sizeof(*early));
    if (early == NULL)
        return ERR_NOMEM;
    early->cid = *cid;
    early->body = TAKE_PTR(body);
    a->early_chunks += early->body->n_chunks;
    STAILQ_INSERT_TAIL(&a->early, early, entry);
    return OK;
}

/* Nodes with links were wanted before. When there is no memory the block is let go: it will be asked for. */
static err_t on_section(void *user, const struct car_section *section)
{
    struct archive *a = user;
    const struct cid *cid = &section->cid.cid;
    struct view bytes = section->bytes;
    if (section->cid.kind != CID_BLOCK)
        return ERR_CID_UNSUPPORTED;
    if (a->source->health.lying)
        TRY(cid_check(cid, bytes));
    bool late = cid_codec(cid) == CID_DAG_PB && bytes.len > 0 && bytes.data[0] == LINKS_FIRST;
    if ((!late || is_wanted(a->client, cid)) && hold(a, cid, bytes) == OK)
        return OK;
    a->skipped += bytes.len + 1;
    return a->skipped <= ARCHIVE_SKIP_MAX ? OK : ERR_BLOCK_UNWANTED;
}

/* ── the answer ── */

/* Older Kubos give an archive no type of its own. */
static err_t on_head(void *user, const struct http_head *head)
{
    struct archive *a = user;
    enum answer answer = answer_of_status(a->source->kind, head->status);
    bool typed = a->source->kind == SOURCE_KUBO || answer_has_type(head->content_type, CAR_TYPE);
    a->is_archive = answer == ANSWER_BLOCK && typed;
    a->source->no_archives = answer == ANSWER_UNUSABLE || (answer == ANSWER_BLOCK && !typed);
    return a->is_archive ? OK : ERR_MEDIA_TYPE;
}

/* The largest section finds memory; what else comes with one read, where blocks are tiny, may find none. */
static bool has_room(const struct archive *a)
{
    const struct engine *e = a->engine;
    return a->early_chunks < ARCHIVE_AHEAD && pool_fair(&e->pool, engine_held(e, a->client), BODY_CHUNKS_MAX);
}

static err_t on_data(void *user, struct view bytes)
{
    struct archive *a = user;
    a->full = !has_room(a);
    if (a->full)
        return ERR_WOULD_BLOCK;
    a->client->came_ms = a->engine->now_ms;
    return car_push(&a->reader, bytes, NULL);
}

static void free_archive(struct archive *a)
{
    while (!STAILQ_EMPTY(&a->early)) {
        struct early *early = STAILQ_FIRST(&a->early);
        STAILQ_REMOVE_HEAD(&a->early, entry);
        body_release(&early->body);
        mem_free(early);
    }
    car_reader_done(&a->reader);
    mem_free(a);
}

static void leave_source(struct archive *a)
{
    a->source->health.active--;
    a->source = NULL;
    a->call = NULL;
}

static void on_end(void *user, const struct http_end *end)
{
    struct archive *a = user;
    struct source *s = a->source;
    err_t e = end->result == OK && a->is_archive ? car_finish(&a->reader, NULL) : end->result;
    if (a->is_archive && e != OK)
        (void)health_failed(&s->health, a->began_ms, a->engine->now_ms, 0);
    leave_source(a);
}

/* ── beginning ── */

static struct source *choose(const struct engine *e)
{
    for (size_t i = e->first_url; i < e->sources->n; i++) {
        struct source *s = &e->sources->list[i];
        if (s->archive_fields != NULL && !s->no_archives && !s->health.lying && health_free(&s->health, e->now_ms))
            return s;
    }
    return NULL;
}

static err_t start(struct engine *e, struct client *c, struct source *s)
{
    static const struct http_owner owner = {on_head, on_data, on_end};
    char url[SOURCE_REQUEST_MAX];
    struct http_request request = {0};
    struct archive *a = mem_alloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    *a = (struct archive){
        .engine = e, .client = c, .number = s->number, .source = s, .began_ms = e->now_ms, .gave_ms = e->now_ms};
    STAILQ_INIT(&a->early);
    car_reader_init(&a->reader, &(struct car_sink){.user = a, .section = on_section});
    source_archive_request(s, &c->file.root, url, &request);
    request.owner = &owner;
    request.user = a;
    err_t result = http_start(e->http, &request, &a->call);
    if (result != OK) {
        free_archive(a);
        return result;
    }
    s->health.active++;
    c->archive = a;
    return OK;
}

static bool found_in_folders(const struct engine *e, const struct client *c)
{
    for (uint32_t source = 0; source <= e->first_url; source++)
        if (c->from[source].blocks > 0)
            return true;
    return false;
}

void archive_consider(struct engine *e, struct client *c)
{
    struct client_file *f = &c->file;
    bool leaves =
        c->archive == NULL && f->known && !f->asked && f->interior == 0 && f->leaf > 0 && f->leaf <= ARCHIVE_LEAF_MAX;
    if (!leaves || f->size < ARCHIVE_FILE_MIN || found_in_folders(e, c))
        return;
    struct source *s = choose(e);
    f->asked = true;
    if (s != NULL)
        (void)start(e, c, s); /* without it each block is asked for */
}

/* ── while it comes ── */

/* Not if it has brought nothing for a while, or has ended. */
bool archive_brings(const struct engine *e, const struct want *w)
{
    const struct archive *a = w->client->archive;
    return a != NULL && a->call != NULL && e->now_ms < a->gave_ms + ENGINE_SLOW_MS;
}

static void give(struct archive *a, struct want *w, struct early *early)
{
    struct engine *e = a->engine;
    struct body *body = TAKE_PTR(early->body);
    STAILQ_REMOVE(&a->early, early, early, entry);
    mem_free(early);
    a->early_chunks -= body->n_chunks;
    a->gave_ms = e->now_ms;
    if (a->source != NULL)
        health_answered(&a->source->health);
    keep_block(e, &w->cid, body, a->number);
    engine_answer(e, w, a->number, &body);
}

bool archive_has(struct engine *e UNUSED, struct want *w)
{
    struct archive *a = w->client->archive;
    struct early *early = NULL;
    if (a == NULL)
        return false;
    STAILQ_FOREACH (early, &a->early, entry)
        if (cid_equal(&early->cid, &w->cid)) {
            give(a, w, early);
            return true;
        }
    return false;
}

static void give_all(struct engine *e, struct client *c)
{
    for (struct want *w = TAILQ_FIRST(&c->wants), *next = NULL; w != NULL; w = next) {
        next = TAILQ_NEXT(w, entry);
        if (w->state == WANT_OPEN)
            (void)archive_has(e, w);
    }
}

void archive_run(struct engine *e, struct client *c)
{
    struct archive *a = c->archive;
    if (a == NULL)
        return;
    give_all(e, c);
    if (TAILQ_EMPTY(&c->wants))
        a->gave_ms = e->now_ms;
    if (a->call != NULL && a->full && has_room(a)) {
        a->full = false;
        http_resume(e->http, a->call);
    }
    bool over = a->call == NULL && STAILQ_EMPTY(&a->early);
    if (over || a->old || e->now_ms >= a->gave_ms + 2 * ENGINE_SLOW_MS)
        archive_stop(e, c);
}

void archive_move(struct client *c)
{
    if (c->archive != NULL)
        c->archive->client = c;
}

size_t archive_held(const struct client *c)
{
    return c->archive != NULL ? c->archive->early_chunks : 0;
}

void archive_stop(struct engine *e, struct client *c)
{
    struct archive *a = TAKE_PTR(c->archive);
    if (a == NULL)
        return;
    if (a->call != NULL) {
        http_cancel(e->http, &a->call);
        leave_source(a);
    }
    free_archive(a);
}
