/* Open addressing, doubled when half full. */
#include "ipld/cid_map.h"

#include "base/mem.h"

#include <string.h>

#define FIRST_BITS 6

/* ── hashing ── */

/* splitmix64 */
struct cid_seed cid_seed_make(uint64_t seed)
{
    struct cid_seed s;
    for (size_t i = 0; i < COUNT_OF(s.words); i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15U;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
        z = (z ^ z >> 27) * 0x94d049bb133111ebU;
        s.words[i] = z ^ z >> 31;
    }
    return s;
}

/* Multilinear hashing of the digest. */
uint64_t cid_hash(const struct cid_seed *s, const struct cid *cid)
{
    uint32_t words[COUNT_OF(s->words)];
    uint64_t sum = 0;
    memcpy(words, cid_digest(cid), sizeof(words));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        sum += s->words[i] * words[i];
    return sum;
}

/* ── the table ── */

void cid_map_init(struct cid_map *m, uint64_t seed)
{
    *m = (struct cid_map){.seed = cid_seed_make(seed)};
}

void cid_map_done(struct cid_map *m)
{
    mem_free(m->slots);
    *m = (struct cid_map){0};
}

/* Where it is or belongs; there is always a free slot. */
static struct cid_slot *slot_of(const struct cid_map *m, const struct cid *cid)
{
    size_t mask = ((size_t)1 << m->bits) - 1;
    size_t at = cid_hash(&m->seed, cid) >> (64 - m->bits);
    while (m->slots[at].cid.len > 0 && !cid_equal(&m->slots[at].cid, cid))
        at = (at + 1) & mask;
    return &m->slots[at];
}

static err_t grow(struct cid_map *m)
{
    struct cid_map bigger = *m;
    bigger.bits = m->slots != NULL ? m->bits + 1 : FIRST_BITS;
    bigger.slots = mem_alloc((size_t)1 << bigger.bits, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; m->slots != NULL && i < (size_t)1 << m->bits; i++)
        if (m->slots[i].cid.len > 0)
            *slot_of(&bigger, &m->slots[i].cid) = m->slots[i];
    mem_free(m->slots);
    *m = bigger;
    return OK;
}

err_t cid_map_add(struct cid_map *m, const struct cid *cid, uint64_t number, bool *ret_new)
{
    if (m->n == CID_MAP_MAX)
        return ERR_DAG_TOO_COMPLEX;
    if (m->slots == NULL || 2 * m->n == (size_t)1 << m->bits)
        TRY(grow(m));
    struct cid_slot *slot = slot_of(m, cid);
    bool fresh = slot->cid.len == 0;
    if (fresh) {
        *slot = (struct cid_slot){number, *cid};
        m->n++;
    }
    *ret_new = fresh;
    return OK;
}

bool cid_map_find(const struct cid_map *m, const struct cid *cid, uint64_t *ret_number)
{
    const struct cid_slot *slot = m->slots != NULL ? slot_of(m, cid) : NULL;
    if (slot == NULL || slot->cid.len == 0)
        return false;
    *ret_number = slot->number;
    return true;
}
