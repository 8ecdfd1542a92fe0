/* Reserving memory from a budget. */
#include "front/budget.h"

#include <assert.h>

err_t lease_resize(struct lease *l, size_t bytes)
{
    struct budget *b = l->budget;
    size_t others = b->used - l->bytes;
    if (bytes > l->bytes && (others > b->limit || bytes > b->limit - others))
        return ERR_OVERLOADED;
    b->used = others + bytes;
    l->bytes = bytes;
    return OK;
}

err_t lease_take(struct lease *l, struct budget *b, size_t bytes)
{
    assert(l->bytes == 0);
    *l = (struct lease){.budget = b};
    return lease_resize(l, bytes);
}

void lease_done(struct lease *l)
{
    if (l->budget != NULL)
        l->budget->used -= l->bytes;
    *l = (struct lease){0};
}
