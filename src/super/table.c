/* What the administration listener is told of models: one row each, in a memory file. */
#include "super/state.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "wire/model.h"

#include <string.h>

struct table {
    const struct super *super;
    uint64_t now_ms;
    uint32_t n;
    struct admin_model rows[ADMIN_MODELS_MAX];
};

_Static_assert(LIVE_INFERS_MAX + KEPT_MAX + FAILURES_MAX + PENDING_MAX <= ADMIN_MODELS_MAX, "room for all of them");

static struct admin_model *add_row(struct table *t, const struct wire_model *m, enum admin_model_state state)
{
    struct admin_model *row = &t->rows[t->n++];
    *row = (struct admin_model){.model = *m, .state = (uint32_t)state};
    return row;
}

static bool has_row(const struct table *t, const struct wire_model *m)
{
    for (uint32_t n = 0; n < t->n; n++)
        if (wire_model_equal(&t->rows[n].model, m))
            return true;
    return false;
}

static enum admin_model_state state_of(const struct infer *i)
{
    if (i->state == INFER_LEAVING || i->releasing)
        return ADMIN_MODEL_LEAVING;
    if (i->state == INFER_SIZING && i->file_bytes > 0)
        return ADMIN_MODEL_WAITING;
    return i->state == INFER_READY     ? ADMIN_MODEL_READY
           : i->state == INFER_LOADING ? ADMIN_MODEL_LOADING
                                       : ADMIN_MODEL_DOWNLOADING;
}

static void add_infer(struct table *t, const struct infer *i)
{
    struct admin_model *row = add_row(t, &i->model, state_of(i));
    const struct kept *k = files_find(&t->super->infers, &i->model);
    row->infer = i->number;
    row->file_bytes = i->file_bytes;
    row->received_bytes = row->state == ADMIN_MODEL_DOWNLOADING ? i->received : i->file_bytes;
    row->reserved_bytes = i->reserved;
    row->kept_bytes = k != NULL ? k->bytes : 0;
    row->prepared_bytes = i->prepared.bytes + (k != NULL ? k->prepared.bytes : 0);
    row->sources = i->sources;
    row->elapsed_ms = (uint32_t)(t->now_ms - i->asked_ms);
    row->idle_s = i->used_ms != 0 ? (uint32_t)((t->now_ms - i->used_ms) / 1000) : 0;
    memcpy(row->model_sha256, i->sealed.model_sha256, sizeof(row->model_sha256));
}

static void add_kept(struct table *t, const struct kept *k)
{
    struct admin_model *row = add_row(t, &k->model, ADMIN_MODEL_KEPT);
    row->file_bytes = row->received_bytes = row->kept_bytes = k->bytes;
    row->prepared_bytes = k->prepared.bytes;
    memcpy(row->model_sha256, k->sealed.model_sha256, sizeof(row->model_sha256));
}

/* The sentence may be a process's own: only what a sentence of ours can have is passed on. */
static void add_failure(struct table *t, const struct failure *f)
{
    struct admin_model *row = add_row(t, &f->model, ADMIN_MODEL_FAILED);
    row->reason = (uint32_t)f->reason;
    row->retry_ms = f->until_ms > t->now_ms ? (uint32_t)(f->until_ms - t->now_ms) : 0;
    for (size_t n = 0, to = 0; n < WHY_MAX && f->why[n] != '\0'; n++)
        if (f->why[n] >= ' ' && f->why[n] <= '~')
            row->why[to++] = f->why[n];
}

/* A failed model whose file is kept has failed; one that is loaded again has not. */
static void fill(struct table *t)
{
    const unsigned serves_none = INFER_STARTING | INFER_IDLE | INFER_PREPARING;
    const struct super *s = t->super;
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        if (s->infers.rows[n].number != 0 && ((s->infers.rows[n].state | s->infers.rows[n].was) & serves_none) == 0)
            add_infer(t, &s->infers.rows[n]);
    for (unsigned n = 0; n < s->n_pending; n++)
        add_row(t, &s->pending[n].model, ADMIN_MODEL_WAITING)->elapsed_ms =
            (uint32_t)(t->now_ms - s->pending[n].asked_ms);
    for (size_t n = 0; n < FAILURES_MAX; n++)
        if (s->infers.failures[n].reason != OK && !has_row(t, &s->infers.failures[n].model))
            add_failure(t, &s->infers.failures[n]);
    for (size_t n = 0; n < KEPT_MAX; n++)
        if (s->infers.kept[n].bytes != 0 && !has_row(t, &s->infers.kept[n].model))
            add_kept(t, &s->infers.kept[n]);
}

err_t table_make(const struct super *s, int *ret_fd, uint32_t *ret_rows)
{
    AUTO_FD int fd = -1;
    AUTO_MEM struct table *t = mem_alloc(1, sizeof(*t));
    if (t == NULL)
        return ERR_NOMEM;
    t->super = s;
    t->now_ms = clock_mono_ms();
    fill(t);
    TRY(memfd_new("models", 0, &fd));
    TRY(fd_write_all(fd, t->rows, t->n * sizeof(t->rows[0])));
    TRY(memfd_seal(fd, SEALS_FILE));
    *ret_rows = t->n;
    *ret_fd = TAKE_FD(fd);
    return OK;
}
