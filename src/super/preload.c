/* The models that the configuration wants loaded at start: one after the other, in its order. */
#include "super/state.h"

#include "base/clock.h"
#include "base/log.h"

static void ask_next(struct super *s)
{
    const struct msg_empty none = {0};
    if (preload_waits(s)) {
        loads_ask(s, &s->conf->preload[s->preloaded], &(struct ask){.preload = true});
        return;
    }
    log_event(LOG_MODELS_PRELOADED, s->preloaded - s->preload_failed, s->preload_failed,
              (int64_t)(clock_mono_ms() - s->started_ms));
    if (s->front.child != NULL)
        child_tell(s->front.child, MSG_FRONT_PRELOADED, &none, view_of(NULL, 0), NULL, 0);
}

void preload_start(struct super *s)
{
    if (preload_waits(s))
        ask_next(s);
}

void preload_answer(struct super *s, err_t result)
{
    s->preloaded++;
    s->preload_failed += result != OK;
    ask_next(s);
}

bool preload_waits(const struct super *s)
{
    return s->preloaded < s->conf->n_preload;
}
