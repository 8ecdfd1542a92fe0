/* Restart with back-off. */
#include "super/service.h"

#include "base/clock.h"
#include "base/log.h"

/* What the machine has not got now it may have after the next pause: a start that fails is one more death. */
static void start_again(uv_timer_t *timer)
{
    struct service *s = timer->data;
    err_t e = s->start(s->self);
    if (e != OK && s->child != NULL)
        child_kill(s->child, e);
    else if (e != OK)
        service_ended(s);
}

err_t service_init(struct service *s, uv_loop_t *loop, enum role role, void *self, err_t (*start)(void *self),
                   void (*give_up)(void *self))
{
    *s = (struct service){.role = role, .self = self, .start = start, .give_up = give_up};
    if (uv_timer_init(loop, &s->timer) != 0)
        return ERR_INTERNAL;
    s->timer.data = s;
    return start(self);
}

void service_ended(struct service *s)
{
    uint32_t pause_ms = 0;
    s->child = NULL;
    if (!deaths_note(&s->deaths, clock_mono_ms(), &pause_ms)) {
        s->give_up(s->self);
        return;
    }
    log_event(LOG_PROCESS_BACKOFF, s->role, pause_ms);
    if (uv_timer_start(&s->timer, start_again, pause_ms, 0) != 0)
        s->give_up(s->self);
}
