/* Infer processes that have no model yet: there is always one. */
#include "super/state.h"

#include "base/clock.h"
#include "base/log.h"
#include "super/infer_peer.h"

#define PAUSE_FIRST_MS 100U
#define PAUSE_LAST_MS  10000U
#define START_MS       30000U /* who stands behind others may get a hundredth of a core */

/* At start it means that nothing will ever work; later it is the machine's trouble, so it is tried again after a pause. */
void idle_failed(struct super *s)
{
    if (!s->infer_seen) {
        node_fail(s, "veronnx-infer ends before it is ready (is ONNX Runtime there?)");
        return;
    }
    s->idle_pause_ms = MIN(MAX(2 * s->idle_pause_ms, PAUSE_FIRST_MS), PAUSE_LAST_MS);
    s->idle_retry_ms = clock_mono_ms() + s->idle_pause_ms;
    log_event(LOG_PROCESS_BACKOFF, ROLE_INFER, s->idle_pause_ms);
    loads_need_tick(s);
}

err_t idle_process(struct super *s, struct infer *i, bool prepares)
{
    const struct msg_infer_config config = {.prepares = prepares};
    struct child_setup setup = boot_child(s, NULL);
    i->super = s;
    memory_prefer_oom(s, true);
    err_t e = child_start(&s->loop, ROLE_INFER, &setup, (struct child_owner){i, infer_peer_message, leave_ended},
                          &i->child);
    memory_prefer_oom(s, false);
    if (e == OK)
        child_tell(i->child, MSG_INFER_CONFIG, &config, view_of(NULL, 0), &s->conf_fd, 1);
    return e;
}

err_t idle_start(struct super *s)
{
    struct infer *i = infers_new(&s->infers);
    if (i == NULL) {
        struct infer *oldest = infers_oldest(&s->infers, clock_mono_ms());
        if (oldest != NULL && infers_leaving(&s->infers) == 0)
            leave_evict(s, oldest);
        return OK; /* the table is full: the next end makes room */
    }
    err_t e = idle_process(s, i, false);
    if (e != OK) {
        infers_drop(&s->infers, i);
        return e;
    }
    cores_started(i);
    loads_deadline(s, i, START_MS);
    return OK;
}

void idle_keep(struct super *s)
{
    if (s->phase == SUPER_STOPPED || infers_count(&s->infers, INFER_STARTING | INFER_IDLE) > 0)
        return;
    if (s->idle_pause_ms != 0 && clock_mono_ms() < s->idle_retry_ms)
        return;
    if (idle_start(s) != OK)
        idle_failed(s);
}
