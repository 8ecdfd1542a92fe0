/* What is asked of whom, and when it is given up. */
#include "fetch/engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fetch/archive.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#define TICK_MS 100

/* ── start and end ── */

static err_t start_disk(struct engine *e, const struct engine_setup *setup)
{
    struct disk_setup disk = {.cache = setup->cache};
    struct epoll_event event = {.events = EPOLLIN};
    for (size_t i = 0; i < e->first_url; i++) {
        disk.folders[disk.n_folders].store = &e->sources->list[i].store;
        disk.folders[disk.n_folders++].source = e->sources->list[i].number;
    }
    if (disk.cache == NULL && disk.n_folders == 0)
        return OK;
    TRY(disk_new(&disk, &e->disk));
    event.data.u64 = (uint64_t)disk_fd(e->disk);
    return epoll_ctl(setup->epoll, EPOLL_CTL_ADD, disk_fd(e->disk), &event) == 0 ? OK : err_errno();
}

err_t engine_init(struct engine *e, const struct engine_setup *setup)
{
    *e = (struct engine){.sources = setup->sources, .cache = setup->cache != NULL, .now_ms = clock_mono_ms()};
    while (e->first_url < e->sources->n && e->sources->list[e->first_url].kind == SOURCE_STORE)
        e->first_url++;
    TRY(pool_init(&e->pool, ENGINE_CHUNKS));
    TRY(sha256_init(&e->hash));
    if (e->first_url < e->sources->n)
        TRY(http_new(setup->epoll, setup->ca_file, &e->http));
    return start_disk(e, setup);
}

/* ── clients ── */

struct client *engine_add(struct engine *e, int *fd, uint32_t infer)
{
    assert(e->n_clients < ENGINE_CLIENTS);
    struct client *c = &e->clients[e->n_clients++];
    e->now_ms = clock_mono_ms();
    client_init(c, fd, infer, e->now_ms);
    return c;
}

static void stop_tries(struct want *w)
{
    for (size_t i = 0; i < WANT_TRIES; i++)
        if (w->tries[i] != NULL)
            attempt_stop(w->tries[i]);
}

/* What the disk works on goes when that is done. */
static void drop_want(struct client *c, struct want *w)
{
    stop_tries(w);
    TAILQ_REMOVE(&c->wants, w, entry);
    c->want_bytes -= w->cancelled ? 0 : block_want_len(w->cid.len);
    w->client = NULL;
    if (w->state == WANT_LOOKING)
        return;
    body_release(&w->body);
    mem_free(w);
}

static void drop_wants(struct client *c)
{
    while (!TAILQ_EMPTY(&c->wants))
        drop_want(c, TAILQ_FIRST(&c->wants));
}

static void tell_bytes(const struct client *c)
{
    for (uint32_t source = 0; source < COUNT_OF(c->from); source++)
        if (c->from[source].blocks > 0)
            log_event(LOG_SOURCE_GAVE, c->infer, source, (int64_t)c->from[source].blocks,
                      (int64_t)c->from[source].bytes);
}

/* The lists begin in the struct, so those of a client that moves are put together again. */
static void move_client(struct client *to, struct client *from)
{
    struct want *w = NULL;
    *to = *from;
    TAILQ_INIT(&to->wants);
    TAILQ_INIT(&to->ready);
    TAILQ_CONCAT(&to->wants, &from->wants, entry);
    TAILQ_CONCAT(&to->ready, &from->ready, entry);
    TAILQ_FOREACH (w, &to->wants, entry)
        w->client = to;
    archive_move(to);
}

void engine_drop(struct engine *e, struct client *c)
{
    tell_bytes(c);
    archive_stop(e, c);
    drop_wants(c);
    client_done(c);
    struct client *last = &e->clients[--e->n_clients];
    if (c != last)
        move_client(c, last);
}

void engine_done(struct engine *e)
{
    while (e->n_clients > 0)
        engine_drop(e, &e->clients[e->n_clients - 1]);
    while (e->jobs > 0) {
        struct pollfd done = {.fd = disk_fd(e->disk), .events = POLLIN};
        (void)poll(&done, 1, -1);
        keep_run(e);
    }
    disk_free(&e->disk);
    http_free(&e->http);
    sha256_done(&e->hash);
    pool_done(&e->pool);
}

size_t engine_held(const struct engine *e, const struct client *c)
{
    const struct want *w = NULL;
    size_t n = archive_held(c) + (c->block != NULL ? c->block->n_chunks : 0);
    TAILQ_FOREACH (w, &c->ready, entry)
        n += w->body != NULL ? w->body->n_chunks : 0;
    TAILQ_FOREACH (w, &c->wants, entry)
        n += w->body != NULL ? w->body->n_chunks : 0;
    for (size_t i = 0; i < COUNT_OF(e->attempts); i++)
        if (e->attempts[i].want != NULL && e->attempts[i].want->client == c)
            n += e->attempts[i].body->n_chunks;
    return n;
}

/* ── wants ── */

static err_t on_want(void *self, struct client *c, const struct cid *cid, bool whole_dag)
{
    struct engine *e = self;
    struct want *w = mem_alloc(1, sizeof(*w));
    if (w == NULL)
        return ERR_NOMEM;
    w->client = c;
    w->cid = *cid;
    w->whole_dag = whole_dag;
    w->state = e->disk != NULL ? WANT_NEW : WANT_OPEN;
    w->began_ms = e->now_ms;
    w->chunks = c->expect;
    TAILQ_INSERT_TAIL(&c->wants, w, entry);
    (void)archive_has(e, w);
    return OK;
}

/* Who could get rid of what the disk still works on would get memory for it without end. */
static void cancel_want(struct client *c, struct want *w)
{
    if (w->state != WANT_LOOKING) {
        drop_want(c, w);
        return;
    }
    w->cancelled = true;
    c->want_bytes -= block_want_len(w->cid.len);
}

/* What is being sent cannot be called back, and what was sent need not be. */
static void on_cancel(void *self UNUSED, struct client *c, const struct cid *cid)
{
    struct want *w = NULL;
    TAILQ_FOREACH (w, &c->wants, entry)
        if (!w->cancelled && cid_equal(&w->cid, cid)) {
            cancel_want(c, w);
            return;
        }
}

void engine_lie(struct engine *e, uint32_t source, uint32_t infer)
{
    if (source == FETCH_CACHE_SOURCE || source > e->sources->n)
        return;
    health_lied(&e->sources->list[source - 1].health, e->now_ms);
    log_event(LOG_SOURCE_LIES, source, infer, ERR_BLOCK_MISMATCH);
}

/* Whatever it was that infer got: nothing of it is kept. */
static void on_refused(void *self, struct client *c, const struct cid *cid, uint32_t source)
{
    struct engine *e = self;
    keep_remove(e, cid);
    engine_lie(e, source, c->infer);
}

err_t engine_read(struct engine *e, struct client *c)
{
    const struct client_owner owner = {e, on_want, on_cancel, on_refused};
    e->now_ms = clock_mono_ms();
    return client_read(c, &owner);
}

static void answer(const struct engine *e, struct want *w, enum block_type answer)
{
    if (!client_busy(w->client))
        w->client->went_ms = e->now_ms;
    stop_tries(w);
    client_answer(w->client, w, answer);
}

static void charge_others(const struct want *w, uint32_t source)
{
    for (size_t i = 0; i < WANT_TRIES; i++)
        if (w->tries[i] != NULL && w->tries[i]->source->number != source)
            attempt_outrun(w->tries[i]);
}

void engine_answer(struct engine *e, struct want *w, uint32_t source, struct body **body)
{
    charge_others(w, source);
    archive_see(w, *body);
    body_release(&w->body);
    w->body = TAKE_PTR(*body);
    w->source = source;
    w->client->expect = MAX(w->body->n_chunks, 1U);
    answer(e, w, BLOCK_BLOCK);
}

/* ── whom to ask ── */

struct choice {
    struct source *source; /* to be asked now, or NULL */
    bool open;             /* there is one that may have it */
    bool hope;             /* and that is not dead */
};

static bool is_asked(const struct want *w, const struct source *s)
{
    for (size_t i = 0; i < WANT_TRIES; i++)
        if (w->tries[i] != NULL && w->tries[i]->source == s)
            return true;
    return false;
}

/* The one that has done least wrong, for this block above all; the earlier one of equals. */
static unsigned rank(const struct engine *e, const struct want *w, const struct source *s)
{
    return (health_last(&s->health, e->now_ms) ? 1000U : 0U) + w->points[s->number - 1];
}

static struct choice choose(const struct engine *e, const struct want *w)
{
    struct choice c = {0};
    for (size_t i = e->first_url; i < e->sources->n; i++) {
        struct source *s = &e->sources->list[i];
        if ((w->absent & UINT32_C(1) << s->number) != 0 || w->points[i] >= ENGINE_POINTS)
            continue;
        c.open = true;
        c.hope = c.hope || !health_dead(&s->health);
        if (!is_asked(w, s) && health_free(&s->health, e->now_ms) &&
            (c.source == NULL || rank(e, w, s) < rank(e, w, c.source)))
            c.source = s;
    }
    return c;
}

/* ── giving up ── */

/* Nothing came for this stream, although it takes what it gets. */
static bool is_idle(const struct engine *e, const struct want *w)
{
    const struct client *c = w->client;
    return e->now_ms >= MAX(w->began_ms, c->came_ms) + ENGINE_IDLE_MS && !client_busy(c);
}

/* Dead sources end the stream, so its other wants need no answer. */
static void say_dead(const struct engine *e, struct want *w)
{
    struct client *c = w->client;
    answer(e, w, BLOCK_SOURCE_DEAD);
    drop_wants(c);
}

static bool has_try(const struct want *w)
{
    return w->tries[0] != NULL || w->tries[1] != NULL;
}

/* True when the want has got its answer: nobody has it, or nobody answers. */
static bool give_up(const struct engine *e, struct want *w, const struct choice *c)
{
    bool none = e->first_url == e->sources->n;
    if (!has_try(w) && !c->hope && (none || w->absent != 0))
        answer(e, w, BLOCK_NOT_FOUND);
    else if (!c->open || is_idle(e, w))
        say_dead(e, w);
    else
        return false;
    return true;
}

/* ── what can be begun ── */

enum step {
    STEP_NOTHING,
    STEP_BEGUN, /* one more request or look */
    STEP_GONE,  /* the want has got its answer: others may have gone with it */
};

static bool is_slow(const struct engine *e, const struct want *w)
{
    for (size_t i = 0; i < WANT_TRIES; i++)
        if (w->tries[i] != NULL && !attempt_slow(w->tries[i], e->now_ms))
            return false;
    return w->tries[0] == NULL || w->tries[1] == NULL;
}

/* Is there memory for one more try? Slow ones must not keep it from the source that would answer. */
static bool has_memory(const struct engine *e, const struct want *w, bool fair)
{
    if (w->body != NULL || fair || !has_try(w))
        return w->body != NULL || fair;
    for (size_t i = 0; i < WANT_TRIES; i++)
        if (w->tries[i] != NULL)
            attempt_make_way(w->tries[i]);
    return pool_fair(&e->pool, engine_held(e, w->client), w->chunks);
}

static enum step step_open(struct engine *e, struct want *w, bool fair)
{
    struct choice c = choose(e, w);
    bool ask = c.source != NULL && !archive_brings(e, w) && (!has_try(w) || is_slow(e, w));
    if (ask && has_memory(e, w, fair) && attempt_start(e, w, c.source) == OK)
        return STEP_BEGUN;
    body_release(&w->body); /* it waits without one */
    if ((has_try(w) || archive_brings(e, w)) && c.open && !is_idle(e, w))
        return STEP_NOTHING;
    return give_up(e, w, &c) ? STEP_GONE : STEP_NOTHING;
}

static enum step step_want(struct engine *e, struct want *w, size_t held)
{
    bool fair = pool_fair(&e->pool, held, w->chunks);
    if (w->state == WANT_OPEN)
        return step_open(e, w, fair);
    return w->state == WANT_NEW && fair && keep_look(e, w) == OK ? STEP_BEGUN : STEP_NOTHING;
}

/* The first thing that can be begun for this client. */
static bool step_client(struct engine *e, struct client *c)
{
    size_t held = engine_held(e, c);
    for (struct want *w = TAILQ_FIRST(&c->wants), *next = NULL; w != NULL; w = next) {
        next = TAILQ_NEXT(w, entry);
        enum step step = step_want(e, w, held);
        if (step != STEP_NOTHING)
            return true;
    }
    return false;
}

/* In turn, one thing for each. */
static void begin_all(struct engine *e)
{
    for (bool any = true; any;) {
        any = false;
        for (size_t i = 0; i < e->n_clients; i++)
            any = step_client(e, &e->clients[(e->turn + i) % e->n_clients]) || any;
        e->turn++;
    }
}

/* ── memory ── */

/* Who waited too long gives back what it has, so that others can end. */
static void feed(struct engine *e, struct attempt *a)
{
    struct want *w = a->want;
    if (e->pool.n_free > 0 && (e->pool.n_free >= BODY_CHUNKS_MAX - a->body->n_chunks)) {
        a->starved_ms = 0;
        a->came_ms = e->now_ms;
        http_resume(e->http, a->call);
    } else if (e->now_ms >= a->starved_ms + ENGINE_STARVE_MS) {
        w->chunks = BODY_CHUNKS_MAX;
        attempt_stop(a);
    }
}

static void feed_all(struct engine *e)
{
    for (size_t i = 0; i < COUNT_OF(e->attempts); i++)
        if (e->attempts[i].want != NULL && e->attempts[i].starved_ms != 0)
            feed(e, &e->attempts[i]);
}

/* ── the loop's side ── */

void engine_ready(struct engine *e, int fd, uint32_t events)
{
    e->now_ms = clock_mono_ms();
    if (e->http != NULL && (e->disk == NULL || fd != disk_fd(e->disk)))
        http_ready(e->http, fd, events);
}

void engine_take(struct engine *e)
{
    e->now_ms = clock_mono_ms();
    if (e->http != NULL)
        http_run(e->http);
    if (e->disk != NULL)
        keep_run(e);
}

void engine_begin(struct engine *e)
{
    feed_all(e);
    for (size_t i = 0; e->http != NULL && i < e->n_clients; i++) {
        archive_run(e, &e->clients[i]);
        archive_consider(e, &e->clients[i]);
    }
    begin_all(e);
}

int engine_timeout(const struct engine *e)
{
    int http = e->http != NULL ? http_timeout(e->http) : -1;
    for (size_t i = 0; i < e->n_clients; i++)
        if (!TAILQ_EMPTY(&e->clients[i].wants))
            return http >= 0 ? MIN(http, TICK_MS) : TICK_MS;
    return http;
}
