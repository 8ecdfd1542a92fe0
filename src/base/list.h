/* Doubly linked rings: the nodes stand inside what they link. */
#ifndef VERONNX_BASE_LIST_H
#define VERONNX_BASE_LIST_H

#include "base/defs.h"

struct list {
    struct list *prev;
    struct list *next;
};

/* The struct of `type` whose member `member` is at `node`. */
#define LIST_OF(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* An empty ring, or a node that is in none. */
static inline void list_init(struct list *l)
{
    l->prev = l;
    l->next = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Takes a node out of whatever ring it is in. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Moves a node to the end of a ring. */
static inline void list_move(struct list *ring, struct list *node)
{
    list_remove(node);
    node->prev = ring->prev;
    node->next = ring;
    ring->prev->next = node;
    ring->prev = node;
}

#endif
