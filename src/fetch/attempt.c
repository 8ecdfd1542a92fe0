/* One request for one block: what comes, what it means, and for whom. */
#include "base/log.h"
#include "fetch/engine.h"

#define RAW_TYPE    "application/vnd.ipld.raw"
#define DROPPED_MAX (64 * KIB) /* of an error's text; to read it keeps the connection */
#define WAIT_MS     1000       /* when a source says `not now` and not when */

enum outcome {
    OUTCOME_BLOCK,
    OUTCOME_WRONG,
    OUTCOME_ABSENT,
    OUTCOME_BUSY,
    OUTCOME_FAILED,
    OUTCOME_CUT,
    OUTCOME_NOTHING,
    OUTCOME_SLOW,
    OUTCOME_UNUSABLE,
};

/* What an outcome does to the source, and to what is held against it for this block. Who does not answer is asked
   again as long as there is time; the others have a number of tries. */
static const struct {
    bool answered;
    bool busy;
    uint8_t points;
    err_t reason; /* for the log */
} effects[] = {
    [OUTCOME_BLOCK] = {.answered = true},
    [OUTCOME_WRONG] = {.answered = true, .points = 6, .reason = ERR_BLOCK_MISMATCH},
    [OUTCOME_ABSENT] = {.answered = true},
    [OUTCOME_BUSY] = {.busy = true, .reason = ERR_OVERLOADED},
    [OUTCOME_FAILED] = {.points = 4, .reason = ERR_IO},
    [OUTCOME_CUT] = {.points = 1, .reason = ERR_TRUNCATED},
    [OUTCOME_NOTHING] = {.reason = ERR_CLOSED},
    [OUTCOME_SLOW] = {.reason = ERR_TIMEOUT},
    [OUTCOME_UNUSABLE] = {.points = ENGINE_POINTS, .reason = ERR_MEDIA_TYPE},
};

/* ── while it comes ── */

/* Room for what is announced, as far as that is fair: what is missing is taken when the bytes come. */
static void reserve(struct attempt *a, size_t n)
{
    const struct engine *e = a->engine;
    if (n > a->body->n_chunks && pool_fair(&e->pool, engine_held(e, a->want->client), n - a->body->n_chunks))
        (void)body_grow(a->body, n);
}

static err_t on_head(void *user, const struct http_head *head)
{
    struct attempt *a = user;
    a->came_ms = a->engine->now_ms;
    a->answer = answer_of_status(a->source->kind, head->status);
    if (a->answer != ANSWER_BLOCK)
        return OK;
    if (a->source->kind == SOURCE_GATEWAY && !answer_has_type(head->content_type, RAW_TYPE)) {
        a->answer = ANSWER_UNUSABLE;
        return ERR_MEDIA_TYPE;
    }
    if (head->length > (int64_t)STORE_BLOCK_MAX)
        return ERR_BLOCK_TOO_LARGE;
    reserve(a, body_chunks((size_t)MAX(head->length, 0)));
    return OK;
}

static err_t on_data(void *user, struct view bytes)
{
    struct attempt *a = user;
    a->came_ms = a->engine->now_ms;
    if (a->answer != ANSWER_BLOCK) {
        a->dropped += bytes.len;
        return a->dropped <= DROPPED_MAX ? OK : ERR_TOO_LARGE;
    }
    err_t e = body_append(a->body, bytes);
    if (e == ERR_WOULD_BLOCK)
        a->starved_ms = MAX(a->engine->now_ms, 1U);
    TRY(e);
    a->want->client->came_ms = a->engine->now_ms;
    return OK;
}

bool attempt_slow(const struct attempt *a, uint64_t now_ms)
{
    if (a->starved_ms != 0)
        return false;
    uint64_t age = now_ms - a->began_ms;
    return now_ms - a->came_ms >= ENGINE_SLOW_MS || (age >= ENGINE_DRIP_MS && a->body->len < age / 1000 * ENGINE_DRIP);
}

/* ── the end ── */

static enum outcome of_answer(enum answer answer)
{
    static const enum outcome outcomes[] = {
        [ANSWER_BLOCK] = OUTCOME_WRONG,   [ANSWER_ABSENT] = OUTCOME_ABSENT,     [ANSWER_BUSY] = OUTCOME_BUSY,
        [ANSWER_FAILED] = OUTCOME_FAILED, [ANSWER_UNUSABLE] = OUTCOME_UNUSABLE,
    };
    return outcomes[answer];
}

/* Who has never lied is believed: whoever uses the block checks it. */
static enum outcome check(struct attempt *a)
{
    if (!a->source->health.lying)
        return OUTCOME_BLOCK;
    err_t e = body_check(a->body, &a->engine->hash, cid_digest(&a->want->cid));
    return e == OK ? OUTCOME_BLOCK : e == ERR_BLOCK_MISMATCH ? OUTCOME_WRONG : OUTCOME_NOTHING;
}

static enum outcome judge(struct attempt *a, const struct http_end *end)
{
    bool was_block = a->answer == ANSWER_BLOCK;
    if (end->result == OK && was_block)
        return check(a);
    if (end->result != ERR_CLOSED && end->result != ERR_NOMEM)
        return of_answer(a->answer);
    return was_block && a->body->len > 0 ? OUTCOME_CUT : OUTCOME_NOTHING;
}

static void add_points(const struct attempt *a, enum outcome outcome)
{
    uint8_t *points = &a->want->points[a->source->number - 1];
    *points = (uint8_t)MIN(*points + effects[outcome].points, UINT8_MAX);
}

static void charge(const struct attempt *a, enum outcome outcome, const struct http_end *end)
{
    struct health *health = &a->source->health;
    struct want *w = a->want;
    add_points(a, outcome);
    if (outcome == OUTCOME_ABSENT)
        w->absent |= UINT32_C(1) << a->source->number;
    if (outcome == OUTCOME_WRONG)
        engine_lie(a->engine, a->source->number, w->client->infer);
    if (effects[outcome].answered) {
        health_answered(health);
        return;
    }
    uint64_t wait = effects[outcome].busy ? MAX(end->retry_after_ms, WAIT_MS) : 0;
    uint64_t now = a->engine->now_ms;
    uint64_t pause = outcome == OUTCOME_SLOW ? health_outrun(health, a->began_ms, now)
                                             : health_failed(health, a->began_ms, now, wait);
    if (pause > 0)
        log_event(LOG_SOURCE_PAUSED, a->source->number, (int64_t)pause, health->failures, effects[outcome].reason,
                  end->status, end->code);
}

/* The place is free again. */
static void leave(struct attempt *a)
{
    struct want *w = a->want;
    for (size_t i = 0; i < WANT_TRIES; i++)
        if (w->tries[i] == a)
            w->tries[i] = NULL;
    a->source->health.active--;
    a->want = NULL;
    a->call = NULL;
    body_release(&a->body);
}

static void on_end(void *user, const struct http_end *end)
{
    struct attempt *a = user;
    struct engine *e = a->engine;
    struct want *w = a->want;
    enum outcome outcome = judge(a, end);
    charge(a, outcome, end);
    struct body *body = outcome == OUTCOME_BLOCK ? TAKE_PTR(a->body) : NULL;
    uint32_t source = a->source->number;
    leave(a);
    if (body == NULL)
        return;
    body_trim(body);
    keep_block(e, &w->cid, body, source);
    engine_answer(e, w, source, &body);
}

static const struct http_owner attempt_owner = {on_head, on_data, on_end};

void attempt_stop(struct attempt *a)
{
    http_cancel(a->engine->http, &a->call);
    leave(a);
}

void attempt_outrun(const struct attempt *a)
{
    if (attempt_slow(a, a->engine->now_ms))
        charge(a, OUTCOME_SLOW, &(struct http_end){.result = ERR_TIMEOUT});
}

void attempt_make_way(struct attempt *a)
{
    if (a->body->len == 0) {
        body_trim(a->body);
        return;
    }
    add_points(a, OUTCOME_CUT);
    attempt_stop(a);
}

/* ── the beginning ── */

static struct attempt *free_place(struct engine *e)
{
    for (size_t i = 0; i < COUNT_OF(e->attempts); i++)
        if (e->attempts[i].want == NULL)
            return &e->attempts[i];
    return NULL;
}

static struct attempt **free_try(struct want *w)
{
    return w->tries[0] == NULL ? &w->tries[0] : &w->tries[1];
}

static err_t send_request(struct attempt *a)
{
    char url[SOURCE_REQUEST_MAX];
    struct http_request request = {0};
    source_request(a->source, &a->want->cid, url, &request);
    request.owner = &attempt_owner;
    request.user = a;
    return http_start(a->engine->http, &request, &a->call);
}

err_t attempt_start(struct engine *e, struct want *w, struct source *s)
{
    struct attempt *a = free_place(e);
    struct body *body = TAKE_PTR(w->body);
    if (a == NULL) {
        body_release(&body);
        return ERR_OVERLOADED;
    }
    if (body == NULL)
        TRY(body_new(&e->pool, w->chunks, &body));
    *a = (struct attempt){.engine = e,
                          .want = w,
                          .source = s,
                          .body = body,
                          .answer = ANSWER_FAILED,
                          .began_ms = e->now_ms,
                          .came_ms = e->now_ms};
    *free_try(w) = a;
    s->health.active++;
    err_t result = send_request(a);
    if (result != OK)
        leave(a);
    return result;
}
