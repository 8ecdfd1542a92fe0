/* Sealed model files that outlive the process that sealed them. */
#include "super/infers.h"

#include "base/fd.h"
#include "wire/model.h"

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
    t->used -= k->bytes;
    fd_close(&k->fd);
    *k = (struct kept){.fd = -1};
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
        .model = i->model, .bytes = i->file_bytes, .used_ms = now_ms, .sealed = i->sealed, .fd = TAKE_FD(i->file_fd)};
    i->reserved -= k->bytes;
}

bool files_take(struct infers *t, struct infer *i)
{
    struct kept *k = find(t, &i->model);
    if (k == NULL)
        return false;
    i->file_bytes = k->bytes;
    i->reserved += k->bytes;
    i->sealed = k->sealed;
    i->sealed.infer = i->number;
    i->file_fd = TAKE_FD(k->fd);
    *k = (struct kept){.fd = -1};
    return true;
}

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
