/* Which inputs a model's process died of. */
#include "front/app.h"

#include "base/clock.h"

static void done(struct sha256 *h)
{
    sha256_done(h);
}

/* Of the tensors, however they travelled: what describes them, and their bytes where they lie for infer. */
static err_t digest_inputs(const struct call *c, uint8_t ret[static SHA256_LEN])
{
    AUTO(done) struct sha256 h = {0};
    const struct value_set *set = &c->inputs.set;
    const uint8_t *area = c->lane->slots[c->slot].input.addr;
    TRY(sha256_init(&h));
    TRY(sha256_update(&h, set->descs.encoded.data, set->descs.encoded.len));
    for (size_t i = 0; i < set->descs.count; i++)
        TRY(sha256_update(&h, area + set->places[i].offset, set->places[i].len));
    return sha256_final(&h, ret);
}

static err_t digest_model(const struct wire_model *m, uint8_t ret[static SHA256_LEN])
{
    AUTO(done) struct sha256 h = {0};
    TRY(sha256_init(&h));
    TRY(sha256_update(&h, m->cid, m->cid_len));
    TRY(sha256_update(&h, m->path, m->path_len));
    return sha256_final(&h, ret);
}

/* Whether a worker may have begun it. Of those that went together no result need have come although all have run. */
static bool may_have_run(const struct call *c, uint64_t now_ms)
{
    return c->state == CALL_RUNNING && (c->packed || c->run_ms <= now_ms);
}

/* Several may run at a time, and one of them has done it: all are remembered that a worker may have begun. */
void calls_blame(const struct lane *l)
{
    uint8_t model[SHA256_LEN], inputs[SHA256_LEN];
    uint64_t now_ms = clock_mono_ms();
    if (l->running == 0 || digest_model(&l->model->id, model) != OK)
        return;
    killers_death(&l->app->killers, now_ms);
    for (size_t n = 0; n < CALLS_MAX; n++) {
        const struct call *c = l->app->calls[n];
        if (c != NULL && c->lane == l && may_have_run(c, now_ms) && digest_inputs(c, inputs) == OK)
            killers_note(&l->app->killers, model, inputs);
    }
}

err_t call_may_run(struct call *c)
{
    const struct killers *k = &c->app->killers;
    uint8_t model[SHA256_LEN], inputs[SHA256_LEN];
    c->apart = false;
    if (k->last_ms == 0)
        return OK;
    uint64_t now_ms = clock_mono_ms();
    if (now_ms - k->last_ms >= KILLERS_MEMORY_MS)
        return OK;
    TRY(digest_model(&c->lane->model->id, model));
    if (!killers_know(k, model, now_ms))
        return OK;
    c->apart = true;
    TRY(digest_inputs(c, inputs));
    return killers_refuse(k, model, inputs, now_ms) ? ERR_MODEL_KILLED_TWICE : OK;
}
