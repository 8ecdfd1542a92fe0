/* Making, mapping and emptying the areas of a slot. */
#include "front/app.h"

#include "base/fd.h"

#include <assert.h>
#include <sys/mman.h>

#define PAGE       (4 * KIB)
#define AREA_MIN   (64 * KIB)
#define KEPT_SHARE 8 /* idle slots together do not keep more than this part of the budget */

void slot_init(struct slot *s)
{
    *s = (struct slot){.unsent = -1};
}

/* ── input ── */

/* Infer maps the area until it gets another one, so its pages are taken away rather than the mapping. */
static void drop_pages(struct slot *s)
{
    if (s->held.bytes > 0 && (s->input.addr == NULL || madvise(s->input.addr, s->input.size, MADV_REMOVE) == 0))
        lease_done(&s->held);
}

/* Twice the size each time, so that growing inputs do not mean a new area each; untouched pages cost nothing. */
static size_t area_size(size_t need, size_t max)
{
    size_t size = AREA_MIN;
    while (size < need)
        size *= 2;
    return MAX(MIN(size, max), need);
}

size_t area_pages(size_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

err_t area_make(size_t bytes, struct area *ret)
{
    AUTO_FD int fd = -1;
    size_t size = area_pages(bytes);
    TRY(memfd_new("veronnx-input", size, &fd));
    TRY(memfd_seal(fd, SEALS_AREA));
    TRY(map_shared(fd, size, PROT_READ | PROT_WRITE, &ret->map));
    ret->fd = TAKE_FD(fd);
    return OK;
}

void area_done(struct area *a)
{
    map_done(&a->map);
    fd_close(&a->fd);
}

static void replace(struct slot *s, struct area *a)
{
    map_done(&s->input);
    fd_close(&s->unsent);
    s->input = a->map;
    s->unsent = TAKE_FD(a->fd);
    a->map = (struct map){0};
}

void slot_adopt(struct slot *s, struct area *a, struct lease *held)
{
    assert(s->busy);
    drop_pages(s);
    lease_done(&s->held);
    replace(s, a);
    s->held = *held;
    *held = (struct lease){0};
}

void slot_return(struct slot *s, struct area *ret, struct lease *ret_held)
{
    *ret = (struct area){s->input, TAKE_FD(s->unsent)};
    *ret_held = s->held;
    s->input = (struct map){0};
    s->held = (struct lease){0};
}

static err_t make_input(struct slot *s, size_t size)
{
    struct area a = {.fd = -1};
    TRY(area_make(size, &a));
    replace(s, &a);
    return OK;
}

err_t slot_input(struct app *app, struct slot *s, size_t bytes)
{
    size_t pages = area_pages(bytes);
    bool grows = bytes > s->input.size;
    if (grows)
        drop_pages(s);
    if (s->held.budget == NULL)
        TRY(lease_take(&s->held, &app->transfer, pages));
    else if (pages > s->held.bytes)
        TRY(lease_resize(&s->held, pages));
    return grows ? make_input(s, area_size(pages, app->transfer.limit)) : OK;
}

/* ── output ── */

err_t slot_output(struct app *app, struct slot *s, struct wire_msg *m, uint64_t bytes, struct view *ret)
{
    size_t size = 0;
    if (m->n_fds > 0) {
        map_done(&s->output);
        TRY(memfd_check(m->fds[0], SEALS_OUTPUT, MAX(bytes, 1U), app->conf->output_max + MIB, &size));
        TRY(map_shared(m->fds[0], size, PROT_READ, &s->output));
    }
    if (bytes > s->output.size)
        return ERR_PROTOCOL;
    *ret = view_of(s->output.addr, bytes);
    return OK;
}

/* ── jobs ── */

void slot_take(struct app *app, struct slot *s)
{
    assert(!s->busy);
    s->busy = true;
    app->kept -= s->held.bytes;
}

void slot_give(struct app *app, struct slot *s)
{
    assert(s->busy);
    s->busy = false;
    if (s->held.bytes > INPUT_KEEP || app->kept + s->held.bytes > app->transfer.limit / KEPT_SHARE)
        drop_pages(s);
    app->kept += s->held.bytes;
    if (s->output.size > SLOT_KEEP_MAX)
        map_done(&s->output);
}

void slot_done(struct app *app, struct slot *s)
{
    assert(!s->busy);
    app->kept -= s->held.bytes;
    drop_pages(s);
    lease_done(&s->held);
    map_done(&s->input);
    map_done(&s->output);
    fd_close(&s->unsent);
}
