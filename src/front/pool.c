/* A stack of free blocks, linked through their first bytes. */
#include "front/pool.h"

#include "base/mem.h"

#include <string.h>

void pool_init(struct pool *p, size_t size, unsigned keep)
{
    *p = (struct pool){.size = size, .keep = keep};
}

void *pool_take(struct pool *p)
{
    void *block = p->first;
    if (block == NULL)
        return mem_alloc(1, p->size);
    memcpy(&p->first, block, sizeof(p->first));
    p->kept--;
    return block;
}

void pool_give(struct pool *p, void *block)
{
    if (block == NULL)
        return;
    if (p->kept == p->keep) {
        mem_free(block);
        return;
    }
    memcpy(block, &p->first, sizeof(p->first));
    p->first = block;
    p->kept++;
}

void pool_done(struct pool *p)
{
    while (p->kept > 0)
        mem_free(pool_take(p));
}
