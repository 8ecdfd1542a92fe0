/* How long the parts of an inference took, for statistics of the model and for metrics. */
#include "front/app.h"

#include "base/clock.h"

#define LONG_MS 200U /* a run that takes so long stands behind those of other models */

void call_note_run(const struct call *c, uint64_t came_ns, uint64_t now_ns, const struct msg_result *r)
{
    struct model_stats *s = &c->lane->model->stats;
    struct front_counts *counts = &c->app->counts;
    uint64_t start_ns = c->req->start_ns;
    uint64_t input_ns = c->begin_us * 1000 - MIN(c->turn_ns, c->begin_us * 1000);
    s->last_ms = clock_wall_us() / 1000;
    if (r->result != OK) {
        s->failures++;
        s->failure_ns += now_ns - start_ns;
        return;
    }
    s->runs++;
    s->queue_ns += c->turn_ns - start_ns;
    s->input_ns += input_ns;
    s->infer_ns += UINT64_C(1000) * r->run_us;
    s->output_ns += now_ns - came_ns;
    metric_time(&counts->queue, (c->turn_ns - start_ns) / 1000);
    metric_time(&counts->input, input_ns / 1000);
    metric_time(&counts->compute, r->run_us);
    metric_time(&counts->output, (now_ns - came_ns) / 1000);
}

void call_note_answer(const struct call *c, uint64_t us, bool receipt)
{
    struct front_counts *counts = &c->app->counts;
    if (c->form->tell != NULL)
        return;
    counts->inferences++;
    counts->receipts += receipt;
    metric_time(&counts->request, us);
}

void calls_note_long(struct app *app, uint64_t now_ms)
{
    for (struct lane *l = app->lanes; l != NULL; l = l->next)
        l->slow = false;
    for (size_t n = 0; n < CALLS_MAX; n++) {
        const struct call *c = app->calls[n];
        if (c != NULL && c->state == CALL_RUNNING && now_ms > c->run_ms && now_ms - c->run_ms >= LONG_MS)
            c->lane->slow = true;
    }
}
