/* A hash table over job numbers with its rows in one array. */
#include "keeper/tickets.h"

#define NO_ROW UINT32_MAX

void tickets_init(struct tickets *t)
{
    for (uint32_t i = 0; i < TICKETS_MAX; i++) {
        t->buckets[i] = NO_ROW;
        t->rows[i] = (struct ticket){.next = i + 1 < TICKETS_MAX ? i + 1 : NO_ROW};
    }
    t->free = 0;
    t->count = 0;
}

bool tickets_full(const struct tickets *t)
{
    return t->free == NO_ROW;
}

/* Jobs count up by one, so their low bits spread by themselves. */
static uint32_t *bucket_of(struct tickets *t, uint64_t job)
{
    return &t->buckets[job % TICKETS_MAX];
}

/* The link that points at the row, or the end of the chain. */
static uint32_t *find(struct tickets *t, uint32_t infer, uint64_t job)
{
    uint32_t *link = bucket_of(t, job);
    while (*link != NO_ROW && (t->rows[*link].job != job || t->rows[*link].infer != infer))
        link = &t->rows[*link].next;
    return link;
}

static void release(struct tickets *t, uint32_t *link)
{
    uint32_t row = *link;
    *link = t->rows[row].next;
    t->rows[row] = (struct ticket){.next = t->free};
    t->free = row;
    t->count--;
}

err_t tickets_add(struct tickets *t, const struct msg_ticket *ticket, uint64_t start_us)
{
    if (tickets_full(t))
        return ERR_TOO_LARGE;
    if (*find(t, ticket->infer, ticket->job) != NO_ROW)
        return ERR_PROTOCOL;
    uint32_t row = t->free;
    uint32_t *head = bucket_of(t, ticket->job);
    t->free = t->rows[row].next;
    t->rows[row] = (struct ticket){.job = ticket->job,
                                   .start_us = start_us,
                                   .infer = ticket->infer,
                                   .next = *head,
                                   .settle = ticket->settle != 0,
                                   .nonce = ticket->nonce};
    *head = row;
    t->count++;
    return OK;
}

err_t tickets_take(struct tickets *t, uint32_t infer, uint64_t job, struct ticket *ret)
{
    uint32_t *link = find(t, infer, job);
    if (*link == NO_ROW)
        return ERR_NOT_FOUND;
    *ret = t->rows[*link];
    release(t, link);
    return OK;
}

static void drop_between(struct tickets *t, uint32_t first, uint32_t last)
{
    for (uint32_t i = 0; i < TICKETS_MAX && t->count > 0; i++)
        for (uint32_t *link = &t->buckets[i]; *link != NO_ROW;)
            if (t->rows[*link].infer >= first && t->rows[*link].infer <= last)
                release(t, link);
            else
                link = &t->rows[*link].next;
}

void tickets_drop_infer(struct tickets *t, uint32_t infer)
{
    drop_between(t, infer, infer);
}

bool tickets_drop_above(struct tickets *t, uint32_t infer)
{
    uint32_t before = t->count;
    if (infer < UINT32_MAX)
        drop_between(t, infer + 1, UINT32_MAX);
    return t->count < before;
}

static uint32_t count_of(const struct tickets *t, uint32_t infer)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < TICKETS_MAX; i++)
        count += t->rows[i].infer == infer;
    return count;
}

uint32_t tickets_most(const struct tickets *t)
{
    uint32_t infer = 0, most = 0;
    for (uint32_t i = 0; i < TICKETS_MAX; i++) {
        uint32_t count = t->rows[i].infer != 0 ? count_of(t, t->rows[i].infer) : 0;
        infer = count > most ? t->rows[i].infer : infer;
        most = MAX(most, count);
    }
    return infer;
}
