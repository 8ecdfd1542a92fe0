/* From matched pairs to signed receipts. */
#include "keeper/batch.h"

#include "base/clock.h"
#include "keeper/settlement.h"

#include <openssl/rand.h>
#include <string.h>

err_t batch_init(struct batch *b, struct keys *keys, const struct msg_keeper_start *node,
                 const uint8_t image[static DIGEST_LEN])
{
    b->keys = keys;
    b->node = node;
    b->image = image;
    b->n_salts = 0;
    b->count = 0;
    TRY(sign_init(&b->signer, keys->receipt));
    sign_begin(&b->signer);
    return OK;
}

void batch_done(struct batch *b)
{
    sign_done(&b->signer);
}

size_t batch_room(const struct batch *b)
{
    return BATCH_MAX - b->count;
}

err_t batch_base(const struct batch *b, const struct msg_keeper_sealed *sealed, struct view engine,
                 struct keeper_infer *i)
{
    struct statement s = {
        .kind = b->node->kind == STATEMENT_NITRO ? STATEMENT_NITRO : STATEMENT_SIMULATED,
        .has_image = true,
        .asked_cid = view_of(i->asked.cid, i->asked.cid_len),
        .asked_path = view_of(i->asked.path, i->asked.path_len),
        .file_cid = view_of(sealed->file_cid, sealed->file_cid_len),
        .engine = engine,
    };
    memcpy(s.image, b->image, sizeof(s.image));
    memcpy(s.keyset, b->keys->keyset_digest, sizeof(s.keyset));
    memcpy(s.node, b->node->node_digest, sizeof(s.node));
    memcpy(s.policy, b->node->policy_digest, sizeof(s.policy));
    memcpy(s.model, sealed->model_sha256, sizeof(s.model));
    memcpy(s.epoch, i->epoch, sizeof(s.epoch));
    memcpy(i->model_sha256, sealed->model_sha256, sizeof(i->model_sha256));
    return statement_base(&s, &i->base, NULL);
}

/* The ticket's time is the kernel's at the moment of sending; the two clocks are the same, but not read in one order. */
static void fill_job(const struct keeper_infer *i, const struct ticket *t, const struct msg_report *r,
                     struct statement *s)
{
    memcpy(s->model, i->model_sha256, sizeof(s->model)); /* the settlement's */
    s->clock = STATEMENT_CLOCK_NSM;
    s->job = t->job;
    s->nonce = view_of(t->nonce.bytes, t->nonce.len);
    s->end_us = clock_wall_us();
    s->start_us = MIN(t->start_us, s->end_us);
    memcpy(s->input.descriptors, r->in_descriptors, DIGEST_LEN);
    memcpy(s->input.tensors, r->in_tensors, DIGEST_LEN);
    memcpy(s->output.descriptors, r->out_descriptors, DIGEST_LEN);
    memcpy(s->output.tensors, r->out_tensors, DIGEST_LEN);
}

/* Each is used once. */
static err_t take_salt(struct batch *b, uint8_t ret_salt[static STATEMENT_SALT_LEN])
{
    if (b->n_salts == 0 && RAND_bytes(b->salts[0], sizeof(b->salts)) != 1)
        return ERR_INTERNAL;
    if (b->n_salts == 0)
        b->n_salts = COUNT_OF(b->salts);
    memcpy(ret_salt, b->salts[--b->n_salts], STATEMENT_SALT_LEN);
    return OK;
}

err_t batch_add(struct batch *b, const struct keeper_infer *i, const struct ticket *t, const struct msg_report *r)
{
    struct statement s = {0};
    struct batch_entry *entry = &b->entries[b->count];
    uint8_t digest[SHA256_LEN];
    fill_job(i, t, r, &s);
    TRY(take_salt(b, s.salt));
    TRY(statement_finish(&i->base, &s, entry->statement, &entry->statement_len, NULL));
    TRY(sign_add(&b->signer, view_of(entry->statement, entry->statement_len), digest));
    entry->job = t->job;
    entry->settle = t->settle;
    if (t->settle)
        TRY(settlement_fill(&s, digest, &entry->settlement));
    b->count++;
    return OK;
}

static err_t deliver_one(struct batch *b, size_t index, batch_deliver *deliver, void *self)
{
    UNINITIALIZED uint8_t cose[COSE_MAX];
    struct batch_entry *entry = &b->entries[index];
    struct wire_receipt r = {.job = entry->job, .statement = view_of(entry->statement, entry->statement_len)};
    size_t cose_len = 0;
    _Static_assert(STATEMENT_MAX + COSE_MAX <= RECEIPT_MAX, "a receipt fits into its message");
    TRY(sign_cose(&b->signer, index, cose, &cose_len));
    r.cose = view_of(cose, cose_len);
    err_t e = entry->settle ? settlement_sign(b->keys, &entry->settlement) : ERR_OVERLOADED;
    if (e != OK && e != ERR_OVERLOADED)
        return e;
    deliver(self, &r, e == OK ? &entry->settlement : NULL);
    return OK;
}

err_t batch_sign(struct batch *b, batch_deliver *deliver, void *self)
{
    if (b->count == 0)
        return OK;
    TRY(sign_batch(&b->signer));
    for (size_t n = 0; n < b->count; n++)
        TRY(deliver_one(b, n, deliver, self));
    b->count = 0;
    sign_begin(&b->signer);
    return OK;
}
