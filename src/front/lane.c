/* One lane per infer process: messages in order, tensors in slots. */
#include "front/app.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/roles.h"

#include <sys/mman.h>

#define SLOT_STEP (64 * KIB)

static void slot_done(struct slot *s)
{
    map_done(&s->input);
    map_done(&s->output);
}

static void free_lane(uv_handle_t *h)
{
    struct lane *l = h->data;
    wire_end_close(&l->job);
    wire_end_close(&l->cancel);
    for (size_t n = 0; n < SLOTS_MAX; n++)
        slot_done(&l->slots[n]);
    mem_free(l);
}

static void unlink_lane(struct lane *l)
{
    for (struct lane **at = &l->app->lanes; *at != NULL; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            return;
        }
}

void lane_close(struct lane *l, err_t reason)
{
    struct model *m = l->model;
    if (uv_is_closing((uv_handle_t *)&l->poll))
        return;
    l->model = NULL;
    unlink_lane(l);
    uv_close((uv_handle_t *)&l->poll, free_lane);
    calls_fail_lane(l->app, l, reason);
    if (m != NULL)
        models_lost(m);
}

static err_t on_meta(struct lane *l, struct wire_msg *m)
{
    struct model *model = l->model;
    if (model == NULL)
        return OK;
    if (model->state != MODEL_INTRODUCED || signature_parse(m->tail, &model->signature) != OK)
        return ERR_PROTOCOL;
    model->state = MODEL_READY;
    models_advance(model);
    return OK;
}

static err_t on_message(struct lane *l, struct wire_msg *m)
{
    err_t e = m->type == MSG_META ? on_meta(l, m) : call_result(l, m);
    wire_msg_done(m);
    return e;
}

/* A lane that ends inside the loop stays valid until its close callback. */
static void on_readable(uv_poll_t *poll, int status, int events UNUSED)
{
    struct lane *l = poll->data;
    err_t e = status < 0 ? ERR_IO : OK;
    while (e == OK && !uv_is_closing((uv_handle_t *)poll)) {
        struct wire_msg m = WIRE_MSG_NONE;
        e = wire_recv(&l->job, &l->app->inbox, false, &m);
        if (e == OK)
            e = on_message(l, &m);
    }
    if (e == ERR_WOULD_BLOCK || uv_is_closing((uv_handle_t *)poll))
        return;
    if (e != ERR_CLOSED) {
        struct msg_front_infer hung = {.infer = l->infer};
        log_event(LOG_PEER_REFUSED, ROLE_INFER, l->infer, e);
        app_tell(l->app, MSG_FRONT_HUNG, &hung);
    }
    lane_close(l, ERR_MODEL_DIED);
}

err_t lane_open(struct app *app, struct model *m, uint32_t infer, int *job_fd, int *cancel_fd, struct lane **ret)
{
    struct lane *l = mem_alloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    *l = (struct lane){.app = app, .model = m, .infer = infer, .next = app->lanes};
    l->job = (struct wire_end){TAKE_FD(*job_fd), CHAN_JOB, SIDE_A};
    l->cancel = (struct wire_end){TAKE_FD(*cancel_fd), CHAN_CANCEL, SIDE_A};
    if (uv_poll_init(&app->loop, &l->poll, l->job.fd) != 0) {
        wire_end_close(&l->job);
        wire_end_close(&l->cancel);
        mem_free(l);
        return ERR_OVERLOADED;
    }
    l->poll.data = l;
    app->lanes = l;
    if (uv_poll_start(&l->poll, UV_READABLE, on_readable) != 0) {
        l->model = NULL;
        lane_close(l, ERR_INTERNAL);
        return ERR_OVERLOADED;
    }
    *ret = l;
    return OK;
}

struct lane *lane_by_infer(struct app *app, uint32_t infer)
{
    struct lane *l = app->lanes;
    while (l != NULL && l->infer != infer)
        l = l->next;
    return l;
}

int lane_slot(const struct app *app, const struct lane *l)
{
    for (unsigned n = 0; n < app->slots; n++)
        if (!l->slots[n].busy)
            return (int)n;
    return -1;
}

err_t lane_input(struct slot *s, size_t bytes, int *ret_fd)
{
    AUTO_FD int fd = -1;
    AUTO(map_done) struct map area = {0};
    if (s->input.addr != NULL && s->input.size >= bytes && s->input.size / 4 <= MAX(bytes, SLOT_STEP)) {
        *ret_fd = -1;
        return OK;
    }
    size_t size = (MAX(bytes, 1U) + SLOT_STEP - 1) / SLOT_STEP * SLOT_STEP;
    TRY(memfd_new("veronnx-input", size, &fd));
    TRY(memfd_seal(fd, SEALS_AREA));
    TRY(map_shared(fd, size, PROT_READ | PROT_WRITE, &area));
    map_done(&s->input);
    s->input = area;
    area = (struct map){0};
    *ret_fd = TAKE_FD(fd);
    return OK;
}

void lane_release_if_idle(struct lane *l)
{
    struct msg_front_infer released = {.infer = l->infer};
    if (!l->leaving || l->running > 0)
        return;
    app_tell(l->app, MSG_FRONT_RELEASED, &released);
    lane_close(l, ERR_MODEL_DIED);
}
