/* Two small tables. */
#include "keeper/peers.h"

#include <string.h>

static const struct keeper_front no_front = {.sign = {.fd = -1}, .ticket = {.fd = -1}, .proof = {.fd = -1}};
static const struct keeper_infer no_infer = {.report = {.fd = -1}};

void peers_init(struct peers *p)
{
    for (size_t i = 0; i < FRONTS_MAX; i++)
        p->fronts[i] = no_front;
    for (size_t i = 0; i < LIVE_INFERS_MAX; i++)
        p->infers[i] = no_infer;
    p->last_infer = 0;
}

void peers_done(struct peers *p)
{
    for (size_t i = 0; i < FRONTS_MAX; i++)
        peers_drop_front(&p->fronts[i]);
    for (size_t i = 0; i < LIVE_INFERS_MAX; i++)
        peers_drop_infer(&p->infers[i]);
}

/* The place whose number this is; 0 finds a free one. */
static struct keeper_front *find_front(struct peers *p, uint16_t generation)
{
    for (size_t i = 0; i < FRONTS_MAX; i++)
        if (p->fronts[i].generation == generation)
            return &p->fronts[i];
    return NULL;
}

static struct keeper_infer *find_infer(struct peers *p, uint32_t number)
{
    for (size_t i = 0; i < LIVE_INFERS_MAX; i++)
        if (p->infers[i].number == number)
            return &p->infers[i];
    return NULL;
}

struct keeper_front *peers_add_front(struct peers *p, uint16_t generation)
{
    struct keeper_front *f = find_front(p, 0);
    if (generation == 0 || f == NULL || find_front(p, generation) != NULL)
        return NULL;
    f->generation = generation;
    return f;
}

struct keeper_infer *peers_add_infer(struct peers *p, uint32_t number)
{
    struct keeper_infer *i = find_infer(p, 0);
    if (number <= p->last_infer || i == NULL)
        return NULL;
    i->number = p->last_infer = number;
    return i;
}

struct keeper_front *peers_front(struct peers *p, uint16_t generation)
{
    return generation != 0 ? find_front(p, generation) : NULL;
}

struct keeper_infer *peers_infer(struct peers *p, uint32_t number)
{
    return number != 0 ? find_infer(p, number) : NULL;
}

void peers_drop_front(struct keeper_front *f)
{
    wire_end_close(&f->sign);
    wire_end_close(&f->ticket);
    wire_end_close(&f->proof);
    *f = no_front;
}

void peers_drop_infer(struct keeper_infer *i)
{
    wire_end_close(&i->report);
    *i = no_infer;
}
