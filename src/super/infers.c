/* The table of infer processes, the memory budget, and the memory of failures. */
#include "super/infers.h"

#include "base/fd.h"
#include "wire/model.h"

#include <string.h>
#include <sys/socket.h>

#define FAILURE_FIRST_MS 5000U
#define FAILURE_LAST_MS  60000U
#define STEADY_MS        2500U /* fronts tell once a second, or a little later */
#define STEADY_LEAST_MS  500U  /* and sometimes in between */
#define STEADY_SECONDS   2
#define SIZING_SHARE     16U /* part of the memory for models that is set aside for finding out sizes, at most */

static const struct infer no_infer = {.report_fd = -1, .block_fd = -1, .file_fd = -1, .prepared = {.fd = -1}};

/* ── processes ── */

static bool is_in(const struct infer *i, unsigned states)
{
    return i->number != 0 && (i->state & states) != 0;
}

struct infer *infers_new(struct infers *t)
{
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++) {
        struct infer *i = &t->rows[n];
        if (i->number != 0)
            continue;
        *i = no_infer;
        infers_renumber(t, i);
        i->state = INFER_STARTING;
        return i;
    }
    return NULL;
}

struct infer *infers_by_number(struct infers *t, uint32_t number)
{
    for (size_t n = 0; number != 0 && n < LIVE_INFERS_MAX; n++)
        if (t->rows[n].number == number)
            return &t->rows[n];
    return NULL;
}

struct infer *infers_by_model(struct infers *t, const struct wire_model *m)
{
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        if (is_in(&t->rows[n], INFER_SIZING | INFER_PULLING | INFER_LOADING | INFER_READY) &&
            wire_model_equal(&t->rows[n].model, m))
            return &t->rows[n];
    return NULL;
}

struct infer *infers_in_state(struct infers *t, unsigned states)
{
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        if (is_in(&t->rows[n], states))
            return &t->rows[n];
    return NULL;
}

unsigned infers_count(const struct infers *t, unsigned states)
{
    unsigned count = 0;
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        count += is_in(&t->rows[n], states);
    return count;
}

void infers_used(struct infer *i, uint64_t now_ms)
{
    uint64_t since = now_ms - i->used_ms;
    i->seconds = since < STEADY_MS ? i->seconds + (since >= STEADY_LEAST_MS) : 1;
    i->used_ms = now_ms;
}

static bool is_steady(const struct infer *i, uint64_t now_ms)
{
    return i->seconds >= STEADY_SECONDS && now_ms - i->used_ms < STEADY_MS;
}

static bool goes_before(const struct infer *a, const struct infer *b, uint64_t now_ms)
{
    bool steady = is_steady(a, now_ms), other = is_steady(b, now_ms);
    return steady != other ? other : a->used_ms < b->used_ms;
}

struct infer *infers_oldest(struct infers *t, uint64_t now_ms)
{
    struct infer *oldest = NULL;
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++) {
        struct infer *i = &t->rows[n];
        if (is_in(i, INFER_READY) && !i->releasing && (oldest == NULL || goes_before(i, oldest, now_ms)))
            oldest = i;
    }
    return oldest;
}

struct infer *infers_waiting(struct infers *t)
{
    struct infer *first = NULL;
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++) {
        struct infer *i = &t->rows[n];
        if (is_in(i, INFER_SIZING) && i->file_bytes > 0 && (first == NULL || i->asked_ms < first->asked_ms))
            first = i;
    }
    return first;
}

uint64_t infers_leaving(const struct infers *t)
{
    uint64_t bytes = 0;
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        if (is_in(&t->rows[n], INFER_LEAVING) || (t->rows[n].number != 0 && t->rows[n].releasing))
            bytes += t->rows[n].reserved;
    return bytes;
}

bool infers_timed(const struct infers *t)
{
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        if (t->rows[n].number != 0 && t->rows[n].deadline_ms != 0)
            return true;
    return false;
}

/* ── memory ── */

void infers_divide(struct infers *t, uint64_t bytes)
{
    uint64_t sizing = MIN(MAX(bytes / SIZING_SHARE / PROCESS_BYTES, 1U), SIZING_MAX);
    uint64_t aside = (sizing + 1) * PROCESS_BYTES;
    t->sizing_max = (unsigned)sizing;
    t->budget = bytes > aside ? bytes - aside : 0;
}

bool infers_reserve(struct infers *t, struct infer *i, uint64_t bytes)
{
    uint64_t others = t->used - i->reserved;
    if (bytes > t->budget || others > t->budget - bytes)
        return false;
    t->used = others + bytes;
    i->reserved = bytes;
    return true;
}

void infers_drop(struct infers *t, struct infer *i)
{
    t->used -= i->reserved;
    fd_close(&i->report_fd);
    fd_close(&i->block_fd);
    fd_close(&i->file_fd);
    fd_close(&i->prepared.fd);
    *i = no_infer;
}

void infers_renumber(struct infers *t, struct infer *i)
{
    i->number = ++t->last_number;
}

void infers_renew(struct infers *t, struct infer *i)
{
    struct infer same = no_infer;
    same.super = i->super;
    same.child = i->child;
    same.share = i->share;
    same.engine_len = i->engine_len;
    memcpy(same.engine, i->engine, sizeof(same.engine));
    if (i->block_fd >= 0)
        (void)shutdown(i->block_fd, SHUT_RDWR);
    infers_drop(t, i);
    *i = same;
    infers_renumber(t, i);
    i->state = INFER_IDLE;
}

/* ── failures ── */

static struct failure *find_failure(const struct infers *t, const struct wire_model *m)
{
    for (size_t n = 0; n < FAILURES_MAX; n++)
        if (t->failures[n].reason != OK && wire_model_equal(&t->failures[n].model, m))
            return (struct failure *)(uintptr_t)&t->failures[n];
    return NULL;
}

const struct failure *infers_failure(const struct infers *t, const struct wire_model *m, uint64_t now_ms)
{
    const struct failure *f = find_failure(t, m);
    return f != NULL && now_ms < f->until_ms ? f : NULL;
}

static uint32_t next_pause(const struct failure *f)
{
    return f == NULL || f->pause_ms == 0 ? FAILURE_FIRST_MS : MIN(f->pause_ms * 2, FAILURE_LAST_MS);
}

void infers_failed(struct infers *t, const struct wire_model *m, err_t reason, const char *why, bool stands,
                   uint64_t now_ms)
{
    struct failure *f = find_failure(t, m);
    uint32_t pause = stands ? next_pause(f) : 0;
    if (f == NULL)
        f = &t->failures[t->next_failure++ % FAILURES_MAX];
    *f = (struct failure){.model = *m, .reason = reason, .pause_ms = pause, .until_ms = now_ms + pause};
    memcpy(f->why, why, strnlen(why, WHY_MAX));
}

bool infers_forgive(struct infers *t, const struct wire_model *m)
{
    struct failure *f = find_failure(t, m);
    if (f != NULL)
        *f = (struct failure){0};
    return f != NULL;
}
