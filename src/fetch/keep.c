/* What is looked for in folders, and what is kept. */
#include "base/log.h"
#include "base/mem.h"
#include "fetch/engine.h"

#include <string.h>

static void push(struct engine *e, struct disk_job *job)
{
    e->jobs++;
    disk_push(e->disk, job);
}

/* ── looking ── */

/* The folders of others that have never lied. The cache is our own: what it is asked for is right or not there. */
static uint32_t believed(const struct engine *e)
{
    uint32_t sources = 0;
    for (size_t i = 0; i < e->first_url; i++)
        if (!e->sources->list[i].health.lying)
            sources |= UINT32_C(1) << e->sources->list[i].number;
    return sources;
}

err_t keep_look(struct engine *e, struct want *w)
{
    TRY(body_new(&e->pool, w->chunks, &w->body));
    w->state = WANT_LOOKING;
    w->job = (struct disk_job){.kind = DISK_READ, .body = w->body, .user = w, .believed = believed(e)};
    memcpy(w->job.digest, cid_digest(&w->cid), SHA256_LEN);
    push(e, &w->job);
    return OK;
}

/* Files that are not what their name says, or cannot be read: told of all, the first removed from the cache. */
static void tell_faults(struct engine *e, const struct want *w)
{
    const err_t *faults = w->job.faults;
    for (uint32_t source = 0; source < COUNT_OF(w->job.faults); source++)
        if (faults[source] != OK)
            log_event(LOG_BLOCK_REFUSED, w->client != NULL ? w->client->infer : 0, source, faults[source]);
    if (faults[FETCH_CACHE_SOURCE] == ERR_BLOCK_MISMATCH || faults[FETCH_CACHE_SOURCE] == ERR_BLOCK_TOO_LARGE)
        keep_remove(e, &w->cid);
}

static void free_want(struct want *w)
{
    if (w->client != NULL)
        TAILQ_REMOVE(&w->client->wants, w, entry);
    body_release(&w->body);
    mem_free(w);
}

static void looked(struct engine *e, struct disk_job *job)
{
    struct want *w = job->user;
    tell_faults(e, w);
    if (w->client == NULL || w->cancelled) {
        free_want(w);
    } else if (job->result == OK) {
        struct body *body = TAKE_PTR(w->body);
        body_trim(body);
        engine_answer(e, w, job->source, &body);
    } else if (job->result == ERR_TOO_LARGE) {
        body_release(&w->body);
        w->chunks = job->chunks;
        w->state = WANT_NEW;
    } else {
        w->state = WANT_OPEN; /* with the body, for the first try */
    }
}

/* ── keeping ── */

static struct disk_job *new_job(enum disk_kind kind, const struct cid *cid)
{
    struct disk_job *job = mem_alloc(1, sizeof(*job));
    if (job == NULL)
        return NULL;
    job->kind = kind;
    memcpy(job->digest, cid_digest(cid), SHA256_LEN);
    return job;
}

void keep_block(struct engine *e, const struct cid *cid, struct body *body, uint32_t source)
{
    if (!e->cache || e->now_ms < e->full_until_ms)
        return;
    struct disk_job *job = e->waiting_writes + body->n_chunks <= ENGINE_WRITES ? new_job(DISK_WRITE, cid) : NULL;
    if (job == NULL) {
        e->skipped++;
        return;
    }
    job->body = body_hold(body);
    job->source = source;
    e->waiting_writes += body->n_chunks;
    push(e, job);
}

void keep_remove(struct engine *e, const struct cid *cid)
{
    struct disk_job *job = e->cache ? new_job(DISK_REMOVE, cid) : NULL;
    if (job != NULL)
        push(e, job);
}

/* A full disk is no error of the fetch: the cache stops growing for a while, and says so. */
static void stop_growing(struct engine *e, const struct disk_job *job)
{
    if (e->now_ms < e->full_until_ms)
        return;
    e->full_until_ms = e->now_ms + ENGINE_FULL_MS;
    log_event(LOG_CACHE_FULL, job->os_error);
}

static void kept(struct engine *e, struct disk_job *job)
{
    if (job->kind == DISK_WRITE)
        e->waiting_writes -= job->body->n_chunks;
    if (job->result == ERR_BLOCK_MISMATCH)
        engine_lie(e, job->source, 0);
    else if (job->result != OK && job->result != ERR_TOO_LARGE)
        stop_growing(e, job);
    body_release(&job->body);
    mem_free(job);
}

void keep_run(struct engine *e)
{
    for (struct disk_job *job = disk_take(e->disk); job != NULL; job = disk_take(e->disk)) {
        e->jobs--;
        (job->kind == DISK_READ ? looked : kept)(e, job);
    }
    if (e->skipped > 0 && e->waiting_writes == 0) {
        log_event(LOG_CACHE_SKIPPED, (int64_t)e->skipped);
        e->skipped = 0;
    }
}
