/* Pauses with back-off, and how many requests at a time. */
#include "fetch/health.h"

bool health_free(const struct health *h, uint64_t now_ms)
{
    return now_ms >= h->paused_until_ms && h->active < (h->proven ? h->most : 1);
}

bool health_dead(const struct health *h)
{
    return h->failures >= HEALTH_DEAD_FROM;
}

void health_lied(struct health *h, uint64_t now_ms)
{
    h->lying = true;
    h->last_until_ms = now_ms + HEALTH_LAST_MS;
}

bool health_last(const struct health *h, uint64_t now_ms)
{
    return h->lying && now_ms < h->last_until_ms;
}

/* One more request at a time for each round of answers. */
void health_answered(struct health *h)
{
    h->proven = true;
    h->failures = 0;
    if (h->most < HEALTH_REQUESTS && ++h->answers >= h->most) {
        h->most++;
        h->answers = 0;
    }
}

static uint64_t pause_of(unsigned failures)
{
    unsigned doublings = failures - HEALTH_PAUSE_FROM;
    return doublings < 6 ? (uint64_t)HEALTH_PAUSE_MS << doublings : HEALTH_PAUSE_MAX;
}

uint64_t health_failed(struct health *h, uint64_t began_ms, uint64_t now_ms, uint64_t wait_ms)
{
    uint64_t pause = wait_ms;
    if (h->failures > 0 && began_ms <= h->paused_at_ms)
        return 0;
    h->failures++;
    if (wait_ms > 0) {
        h->most = MAX(h->most / 2, 1U);
        h->answers = 0;
    }
    if (h->failures >= HEALTH_PAUSE_FROM)
        pause = MAX(pause, pause_of(h->failures));
    if (pause == 0)
        return 0;
    h->proven = false;
    h->paused_at_ms = now_ms;
    h->paused_until_ms = now_ms + MIN(pause, HEALTH_PAUSE_MAX);
    return MIN(pause, HEALTH_PAUSE_MAX);
}

uint64_t health_outrun(struct health *h, uint64_t began_ms, uint64_t now_ms)
{
    bool dead = health_dead(h);
    uint64_t pause = health_failed(h, began_ms, now_ms, 0);
    if (!dead)
        h->failures = MIN(h->failures, HEALTH_DEAD_FROM - 1U);
    return pause;
}
