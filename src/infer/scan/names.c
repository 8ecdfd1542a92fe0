/* Names on a stack, sorted in place when they are taken off. */
#include "infer/scan/names.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

void names_done(struct names *n)
{
    mem_free(n->items);
    *n = (struct names){0};
}

static err_t names_grow(struct names *n)
{
    size_t cap = n->cap > 0 ? 2 * n->cap : 64;

    if (cap > NAMES_MAX)
        return ERR_TOO_LARGE;
    struct name *items = mem_resize(n->items, cap * sizeof(*items));
    if (items == NULL)
        return ERR_NOMEM;
    n->items = items;
    n->cap = cap;
    return OK;
}

err_t names_push(struct names *n, uint32_t group, struct view name)
{
    if (name.len > UINT32_MAX)
        return ERR_TOO_LARGE;
    if (n->count == n->cap)
        TRY(names_grow(n));
    n->items[n->count++] = (struct name){.data = name.data, .len = (uint32_t)name.len, .group = group};
    return OK;
}

/* Any total order will do; this one looks at the bytes last. */
static int name_order(const struct name *a, const struct name *b)
{
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return a->len > 0 ? memcmp(a->data, b->data, a->len) : 0;
}

static void name_swap(struct name *a, struct name *b)
{
    struct name kept = *a;

    *a = *b;
    *b = kept;
}

static void heap_sink(struct name *heap, size_t at, size_t count)
{
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && name_order(&heap[child], &heap[child + 1]) < 0)
            child++;
        if (name_order(&heap[at], &heap[child]) >= 0)
            return;
        name_swap(&heap[at], &heap[child]);
        at = child;
    }
}

/* A heap sort: qsort allocates, and asks the kernel how much memory there is, which the jail does not let it. */
static void names_sort(struct name *heap, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        heap_sink(heap, i, count);
    for (size_t left = count; left > 1; left--) {
        name_swap(&heap[0], &heap[left - 1]);
        heap_sink(heap, 0, left - 1);
    }
}

bool names_cut(struct names *n, size_t base, uint32_t *ret_group)
{
    assert(base <= n->count);
    size_t count = n->count - base;
    struct name *part = count > 0 ? &n->items[base] : NULL;

    n->count = base;
    names_sort(part, count);
    for (size_t i = 1; i < count; i++) {
        if (name_order(&part[i - 1], &part[i]) == 0) {
            *ret_group = part[i].group;
            return true;
        }
    }
    return false;
}
