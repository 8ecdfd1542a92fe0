/* Restart with back-off. */
#include "super/service.h"

#include "base/clock.h"
#include "base/log.h"

#define PAUSE_FIRST_MS 100U
#define PAUSE_LAST_MS  10000U
#define MINUTE_MS      60000U

static void start_again(uv_timer_t *timer)
{
    struct service *s = timer->data;
    s->started_ms = clock_mono_ms();
    if (s->start(s->self) != OK)
        s->give_up(s->self);
}

err_t service_init(struct service *s, uv_loop_t *loop, enum role role, void *self, err_t (*start)(void *self),
                   void (*give_up)(void *self))
{
    *s = (struct service){
        .role = role, .pause_ms = PAUSE_FIRST_MS, .self = self, .start = start, .give_up = give_up};
    if (uv_timer_init(loop, &s->timer) != 0)
        return ERR_INTERNAL;
    s->timer.data = s;
    s->started_ms = clock_mono_ms();
    return start(self);
}

/* The tenth death back is overwritten by this one: was it less than a minute ago? */
static bool too_many(struct service *s, uint64_t now)
{
    uint64_t *slot = &s->deaths_ms[s->deaths % SERVICE_DEATHS];
    bool full = s->deaths >= SERVICE_DEATHS && now - *slot < MINUTE_MS;
    *slot = now;
    s->deaths++;
    return full;
}

void service_ended(struct service *s)
{
    uint64_t now = clock_mono_ms();
    s->child = NULL;
    if (too_many(s, now)) {
        s->give_up(s->self);
        return;
    }
    if (now - s->started_ms > MINUTE_MS)
        s->pause_ms = PAUSE_FIRST_MS;
    log_event(LOG_PROCESS_BACKOFF, s->role, s->pause_ms);
    if (uv_timer_start(&s->timer, start_again, s->pause_ms, 0) != 0)
        s->give_up(s->self);
    s->pause_ms = MIN(s->pause_ms * 2, PAUSE_LAST_MS);
}
