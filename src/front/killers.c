/* A ring of deaths. */
#include "front/killers.h"

#include <string.h>

static bool is_fresh(const struct killer *r, const uint8_t *model, uint64_t now_ms)
{
    bool young = r->deaths > 0 && now_ms - r->last_ms < KILLERS_MEMORY_MS;
    return young && memcmp(r->model, model, SHA256_LEN) == 0;
}

static const struct killer *find(const struct killers *k, const uint8_t *model, const uint8_t *inputs, uint64_t now_ms)
{
    for (size_t n = 0; n < KILLERS_MAX; n++)
        if (is_fresh(&k->rows[n], model, now_ms) && (inputs == NULL || memcmp(k->rows[n].inputs, inputs, SHA256_LEN) == 0))
            return &k->rows[n];
    return NULL;
}

bool killers_know(const struct killers *k, const uint8_t model[static SHA256_LEN], uint64_t now_ms)
{
    return find(k, model, NULL, now_ms) != NULL;
}

void killers_death(struct killers *k, uint64_t now_ms)
{
    k->last++;
    k->last_ms = now_ms;
}

void killers_note(struct killers *k, const uint8_t model[static SHA256_LEN], const uint8_t inputs[static SHA256_LEN])
{
    struct killer *r = (struct killer *)(uintptr_t)find(k, model, inputs, k->last_ms);
    if (r == NULL) {
        r = &k->rows[k->next++ % KILLERS_MAX];
        *r = (struct killer){0};
        memcpy(r->model, model, sizeof(r->model));
        memcpy(r->inputs, inputs, sizeof(r->inputs));
    }
    r->deaths += r->last != k->last; /* else the same inputs ran twice when it died once */
    r->last = k->last;
    r->last_ms = k->last_ms;
}

bool killers_refuse(const struct killers *k, const uint8_t model[static SHA256_LEN],
                    const uint8_t inputs[static SHA256_LEN], uint64_t now_ms)
{
    const struct killer *r = find(k, model, inputs, now_ms);
    return r != NULL && r->deaths >= 2;
}
