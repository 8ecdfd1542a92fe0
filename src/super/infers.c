/* The table of infer processes, the memory budget, and the memory of failures. */
#include "super/infers.h"

#include <string.h>

#define FAILURE_FIRST_MS 5000U
#define FAILURE_LAST_MS  60000U

bool models_equal(const struct wire_model *a, const struct wire_model *b)
{
    return a->cid_len == b->cid_len && memcmp(a->cid, b->cid, MIN(a->cid_len, CID_MAX)) == 0 &&
           a->path_len == b->path_len && memcmp(a->path, b->path, MIN(a->path_len, MODEL_PATH_MAX)) == 0;
}

struct infer *infers_new(struct infers *t)
{
    for (size_t n = 0; n < INFERS_MAX; n++) {
        if (t->rows[n].number != 0)
            continue;
        t->rows[n] = (struct infer){.number = ++t->last_number, .state = INFER_STARTING, .block_fd = -1};
        return &t->rows[n];
    }
    return NULL;
}

struct infer *infers_by_number(struct infers *t, uint32_t number)
{
    for (size_t n = 0; number != 0 && n < INFERS_MAX; n++)
        if (t->rows[n].number == number)
            return &t->rows[n];
    return NULL;
}

struct infer *infers_by_model(struct infers *t, const struct wire_model *m)
{
    const unsigned serving = INFER_SIZING | INFER_PULLING | INFER_LOADING | INFER_READY;
    for (size_t n = 0; n < INFERS_MAX; n++)
        if (t->rows[n].number != 0 && (t->rows[n].state & serving) != 0 && models_equal(&t->rows[n].model, m))
            return &t->rows[n];
    return NULL;
}

struct infer *infers_in_state(struct infers *t, unsigned states)
{
    for (size_t n = 0; n < INFERS_MAX; n++)
        if (t->rows[n].number != 0 && (t->rows[n].state & states) != 0)
            return &t->rows[n];
    return NULL;
}

unsigned infers_count(const struct infers *t, unsigned states)
{
    unsigned count = 0;
    for (size_t n = 0; n < INFERS_MAX; n++)
        count += t->rows[n].number != 0 && (t->rows[n].state & states) != 0;
    return count;
}

struct infer *infers_oldest(struct infers *t)
{
    struct infer *oldest = NULL;
    for (size_t n = 0; n < INFERS_MAX; n++) {
        struct infer *i = &t->rows[n];
        if (i->number != 0 && i->state == INFER_READY && !i->releasing &&
            (oldest == NULL || i->used_ms < oldest->used_ms))
            oldest = i;
    }
    return oldest;
}

bool infers_releasing(const struct infers *t)
{
    for (size_t n = 0; n < INFERS_MAX; n++)
        if (t->rows[n].number != 0 && t->rows[n].releasing)
            return true;
    return false;
}

bool infers_timed(const struct infers *t)
{
    for (size_t n = 0; n < INFERS_MAX; n++)
        if (t->rows[n].number != 0 && t->rows[n].deadline_ms != 0)
            return true;
    return false;
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
    *i = (struct infer){.block_fd = -1};
}

static struct failure *find_failure(const struct infers *t, const struct wire_model *m)
{
    for (size_t n = 0; n < FAILURES_MAX; n++)
        if (t->failures[n].pause_ms != 0 && models_equal(&t->failures[n].model, m))
            return (struct failure *)(uintptr_t)&t->failures[n];
    return NULL;
}

const struct failure *infers_failure(const struct infers *t, const struct wire_model *m, uint64_t now_ms)
{
    const struct failure *f = find_failure(t, m);
    return f != NULL && now_ms < f->until_ms ? f : NULL;
}

void infers_failed(struct infers *t, const struct wire_model *m, err_t reason, const char *why, uint64_t now_ms)
{
    struct failure *f = find_failure(t, m);
    uint32_t pause = f != NULL ? MIN(f->pause_ms * 2, FAILURE_LAST_MS) : FAILURE_FIRST_MS;
    if (f == NULL)
        f = &t->failures[t->next_failure++ % FAILURES_MAX];
    *f = (struct failure){.model = *m, .reason = reason, .pause_ms = pause, .until_ms = now_ms + pause};
    memcpy(f->why, why, strnlen(why, WHY_MAX));
}

void infers_worked(struct infers *t, const struct wire_model *m)
{
    struct failure *f = find_failure(t, m);
    if (f != NULL)
        *f = (struct failure){0};
}
