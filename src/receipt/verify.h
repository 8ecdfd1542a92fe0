/* Verifying a receipt, in the order of docs/receipts.md, "Verification". */
#ifndef VERONNX_RECEIPT_VERIFY_H
#define VERONNX_RECEIPT_VERIFY_H

#include "receipt/receipt.h"

/* What the statement must say. A view whose data is NULL is not compared; all others must be equal, an empty nonce to
   none. */
struct receipt_expect {
    bool allow_simulated; /* otherwise a simulated statement is refused */
    struct view nonce;
    struct view image;
    struct view keyset;
    struct view node;
    struct view policy;
    struct view asked_cid;
    struct view asked_path;
    struct view file_cid;
    struct view model;
    struct view in_descriptors; /* SHA-256 of them */
    struct view in_tensors;
    struct view out_descriptors; /* SHA-256 of them */
    struct view out_tensors;
};

/* OK when the key signed a tree in which this statement is a leaf, the descriptors that travel along are the
   statement's, and the statement says what is expected. ERR_RECEIPT_PROOF, ERR_RECEIPT_SIGNATURE,
   ERR_RECEIPT_MISMATCH; ERR_NOMEM and ERR_INTERNAL when it could not be found out. A changed byte of the path is a
   wrong signature: the root is not sent. */
err_t receipt_verify(const struct receipt *r, struct es256 *key, const struct receipt_expect *expect, struct why *why);

/* The receipt digest: the leaf hash. */
err_t receipt_digest(struct view statement_bytes, uint8_t ret_digest[static SHA256_LEN]);

#endif
