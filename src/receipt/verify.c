/* The checks of a receipt, each with its own error. */
#include "receipt/verify.h"

#define FIELD(array) view_of((array), sizeof(array))

/* Leaf, root, signature. */
static err_t verify_proof(const struct receipt *r, struct es256 *key, struct why *why)
{
    AUTO(sha256_done) struct sha256 h = {0};
    uint8_t leaf[SHA256_LEN];
    uint8_t root[SHA256_LEN];
    uint8_t digest[SHA256_LEN];
    TRY(sha256_init(&h));
    TRY(tree_leaf(&h, r->statement_bytes, leaf));
    err_t e = tree_climb(&h, leaf, r->proof.leaf_index, r->proof.tree_size, &r->proof.path, root);
    if (e == ERR_RECEIPT_PROOF)
        return why_set(why, e, "inclusion proof: index or path do not fit a tree of the signed size");
    TRY(e);
    TRY(cose_digest(&h, r->proof.tree_size, root, digest));
    e = es256_verify(key, digest, r->proof.signature);
    if (e == ERR_RECEIPT_SIGNATURE)
        return why_set(why, e, "signature: the key did not sign a tree with this statement");
    return e;
}

static err_t verify_descriptors(struct view descriptors, const uint8_t stated[static SHA256_LEN], const char *side,
                                struct why *why)
{
    uint8_t digest[SHA256_LEN];
    if (descriptors.data == NULL)
        return OK;
    TRY(sha256_of(descriptors.data, descriptors.len, digest));
    if (!view_equal(FIELD(digest), view_of(stated, SHA256_LEN)))
        return why_set(why, ERR_RECEIPT_MISMATCH, "%s descriptors: not those of the statement", side);
    return OK;
}

static err_t verify_expected(const struct statement *s, const struct receipt_expect *expect, struct why *why)
{
    const struct {
        const char *name;
        struct view want;
        struct view have;
    } rows[] = {
        {"nonce", expect->nonce, s->nonce},
        {"image digest", expect->image, s->has_image ? FIELD(s->image) : view_of("", 0)},
        {"keyset digest", expect->keyset, FIELD(s->keyset)},
        {"node configuration digest", expect->node, FIELD(s->node)},
        {"policy digest", expect->policy, FIELD(s->policy)},
        {"asked CID", expect->asked_cid, s->asked_cid},
        {"asked path", expect->asked_path, s->asked_path},
        {"file CID", expect->file_cid, s->file_cid},
        {"model SHA-256", expect->model, FIELD(s->model)},
        {"digest of the input descriptors", expect->in_descriptors, FIELD(s->input.descriptors)},
        {"input tensor digest", expect->in_tensors, FIELD(s->input.tensors)},
        {"digest of the output descriptors", expect->out_descriptors, FIELD(s->output.descriptors)},
        {"output tensor digest", expect->out_tensors, FIELD(s->output.tensors)},
    };
    if (s->kind == STATEMENT_SIMULATED && !expect->allow_simulated)
        return why_set(why, ERR_RECEIPT_MISMATCH, "kind: the receipt is of a simulated node");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].want.data != NULL && !view_equal(rows[i].want, rows[i].have))
            return why_set(why, ERR_RECEIPT_MISMATCH, "%s: not the expected one", rows[i].name);
    return OK;
}

err_t receipt_verify(const struct receipt *r, struct es256 *key, const struct receipt_expect *expect, struct why *why)
{
    TRY(verify_proof(r, key, why));
    TRY(verify_descriptors(r->in_descriptors, r->statement.input.descriptors, "input", why));
    TRY(verify_descriptors(r->out_descriptors, r->statement.output.descriptors, "output", why));
    return verify_expected(&r->statement, expect, why);
}

err_t receipt_digest(struct view statement_bytes, uint8_t ret_digest[static SHA256_LEN])
{
    AUTO(sha256_done) struct sha256 h = {0};
    TRY(sha256_init(&h));
    return tree_leaf(&h, statement_bytes, ret_digest);
}
