/* Sealed model files that outlive the process that sealed them. */
#include "super/infers.h"

#include "base/fd.h"
#include "wire/model.h"

static const struct prepared no_form = {.fd = -1};
static const struct kept no_file = {.fd = -1, .prepared = {.fd = -1}};

static struct kept *find(const struct infers *t, const struct wire_model *m)
{
    for (size_t n = 0; n < KEPT_MAX; n++)
        if (t->kept[n].bytes != 0 && wire_model_equal(&t->kept[n].model, m))
            return (struct kept *)(uintptr_t)&t->kept[n];
    return NULL;
}

static struct kept *free_place(struct infers *t)
{
    for (size_t n = 0; n < KEPT_MAX; n++)
        if (t->kept[n].bytes == 0)
            return &t->kept[n];
    return NULL;
}

static void drop(struct infers *t, struct kept *k)
{
    t->used -= files_bytes(k);
    fd_close(&k->fd);
    fd_close(&k->prepared.fd);
    *k = no_file;
}

const struct kept *files_find(const struct infers *t, const struct wire_model *m)
{
    return find(t, m);
}

void files_keep(struct infers *t, struct infer *i, uint64_t now_ms)
{
    (void)files_drop(t, &i->model);
    struct kept *k = NULL;
    while ((k = free_place(t)) == NULL)
        (void)files_drop_oldest(t);
    *k = (struct kept){
        .model = i->model,
        .bytes = i->file_bytes,
        .used_ms = now_ms,
        .sealed = i->sealed,
        .fd = TAKE_FD(i->file_fd),
        .random = i->random,
        .wish = i->wish,
        .prepared = no_form,
    };
    i->reserved -= k->bytes;
}

bool files_take(struct infers *t, struct infer *i)
{
    struct kept *k = find(t, &i->model);
    if (k == NULL)
        return false;
    i->file_bytes = k->bytes;
    i->reserved += files_bytes(k);
    i->sealed = k->sealed;
    i->sealed.infer = i->number;
    i->random = k->random;
    i->wish = k->wish;
    i->prepared = k->prepared;
    i->file_fd = TAKE_FD(k->fd);
    *k = no_file;
    return true;
}

uint64_t files_bytes(const struct kept *k)
{
    return k->bytes + k->prepared.bytes;
}

/* ── prepared forms ── */

void files_want(struct infers *t, const struct wire_model *m)
{
    struct kept *k = find(t, m);
    if (k != NULL && k->wish == PREPARE_NOT)
        k->wish = PREPARE_WANTED;
}

struct kept *files_wanted(struct infers *t)
{
    struct kept *last = NULL;
    for (size_t n = 0; n < KEPT_MAX; n++) {
        struct kept *k = &t->kept[n];
        if (k->bytes != 0 && k->wish == PREPARE_WANTED && (last == NULL || k->used_ms > last->used_ms))
            last = k;
    }
    return last;
}

void files_refuse(struct infers *t, const struct wire_model *m)
{
    struct kept *k = find(t, m);
    if (k != NULL)
        k->wish = PREPARE_REFUSED;
}

void files_take_prepared(struct infers *t, struct infer *i)
{
    struct kept *k = find(t, &i->model);
    if (k == NULL || i->prepared.fd < 0 || k->prepared.fd >= 0)
        return;
    i->reserved -= i->prepared.bytes;
    k->prepared = i->prepared;
    i->prepared = no_form;
}

bool files_drop_prepared(struct infers *t)
{
    struct kept *oldest = NULL;
    for (size_t n = 0; n < KEPT_MAX; n++)
        if (t->kept[n].prepared.bytes != 0 && (oldest == NULL || t->kept[n].used_ms < oldest->used_ms))
            oldest = &t->kept[n];
    if (oldest == NULL)
        return false;
    t->used -= oldest->prepared.bytes;
    fd_close(&oldest->prepared.fd);
    oldest->prepared = no_form;
    return true;
}

/* ── all of them ── */

void files_used(struct infers *t, const struct wire_model *m, uint64_t now_ms)
{
    struct kept *k = find(t, m);
    if (k != NULL)
        k->used_ms = now_ms;
}

bool files_drop(struct infers *t, const struct wire_model *m)
{
    struct kept *k = find(t, m);
    if (k != NULL)
        drop(t, k);
    return k != NULL;
}

bool files_drop_oldest(struct infers *t)
{
    struct kept *oldest = NULL;
    for (size_t n = 0; n < KEPT_MAX; n++)
        if (t->kept[n].bytes != 0 && (oldest == NULL || t->kept[n].used_ms < oldest->used_ms))
            oldest = &t->kept[n];
    if (oldest != NULL)
        drop(t, oldest);
    return oldest != NULL;
}
