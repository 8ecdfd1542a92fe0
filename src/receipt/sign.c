/* One tree, one signature, many proofs. */
#include "receipt/sign.h"

#include <assert.h>
#include <string.h>

err_t sign_init(struct receipt_signer *s, EVP_PKEY *key)
{
    AUTO(es256_done) struct es256 ready = {0};
    TRY(es256_signer_init(&ready, key));
    TRY(sha256_init(&s->hash));
    s->key.ctx = TAKE_PTR(ready.ctx);
    sign_begin(s);
    return OK;
}

void sign_done(struct receipt_signer *s)
{
    es256_done(&s->key);
    sha256_done(&s->hash);
}

void sign_begin(struct receipt_signer *s)
{
    s->tree.size = 0;
}

err_t sign_add(struct receipt_signer *s, struct view statement, uint8_t ret_digest[static SHA256_LEN])
{
    if (s->tree.size == TREE_MAX)
        return ERR_TOO_LARGE;
    TRY(tree_leaf(&s->hash, statement, s->tree.node[s->tree.size]));
    memcpy(ret_digest, s->tree.node[s->tree.size], SHA256_LEN);
    s->tree.size++;
    return OK;
}

err_t sign_batch(struct receipt_signer *s)
{
    uint8_t root[SHA256_LEN];
    uint8_t digest[SHA256_LEN];
    TRY(tree_build(&s->tree, &s->hash, root));
    TRY(cose_digest(&s->hash, s->tree.size, root, digest));
    return es256_sign(&s->key, digest, s->signature);
}

err_t sign_cose(const struct receipt_signer *s, size_t index, uint8_t ret_cose[static COSE_MAX], size_t *ret_len)
{
    assert(index < s->tree.size);
    struct cose_proof proof = {.tree_size = s->tree.size, .leaf_index = index};
    struct cbor_writer w = cbor_writer_on(ret_cose, COSE_MAX);
    struct view written = {0};
    tree_prove(&s->tree, index, &proof.path);
    memcpy(proof.signature, s->signature, sizeof(proof.signature));
    cose_write(&w, &proof);
    TRY(cbor_written(&w, &written));
    *ret_len = written.len;
    return OK;
}
