/* Signing a batch of statements with one signature: the keeper's side of a receipt. */
#ifndef VERONNX_RECEIPT_SIGN_H
#define VERONNX_RECEIPT_SIGN_H

#include "receipt/cose.h"

/* Large (64 KiB); belongs to one thread and lives as long as the key. After sign_init nothing of ours allocates. */
struct receipt_signer {
    struct es256 key;
    struct sha256 hash;
    struct tree tree;
    uint8_t signature[ES256_SIGNATURE_LEN];
};

/* Takes a reference to the key, private and on P-256 (ERR_USAGE); the batch is empty. */
err_t sign_init(struct receipt_signer *s, EVP_PKEY *key);
/* Accepts a zeroed struct. */
void sign_done(struct receipt_signer *s);

/* Begins the next batch. */
void sign_begin(struct receipt_signer *s);
/* Adds a statement; its place in the batch is the number of those before it. `ret_digest` is the receipt digest.
   ERR_TOO_LARGE when TREE_MAX are in. */
err_t sign_add(struct receipt_signer *s, struct view statement, uint8_t ret_digest[static SHA256_LEN]);
/* Signs the tree of all that were added, at least one. */
err_t sign_batch(struct receipt_signer *s);
/* The COSE_Sign1 of statement `index` of the signed batch, which may be asked for until the next sign_begin. */
err_t sign_cose(const struct receipt_signer *s, size_t index, uint8_t ret_cose[static COSE_MAX], size_t *ret_len);

#endif
