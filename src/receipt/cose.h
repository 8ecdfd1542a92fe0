/* The signed proof of a receipt: a COSE Receipt of inclusion (RFC 9942 §5.2) as tagged COSE_Sign1 (RFC 9052 §4.2),
   its payload, the root of the tree, detached (docs/receipts.md, "Proof"). */
#ifndef VERONNX_RECEIPT_COSE_H
#define VERONNX_RECEIPT_COSE_H

#include "receipt/cbor.h"
#include "receipt/es256.h"
#include "receipt/tree.h"

/* tag, array, protected, unprotected {396: {-1: [proof]}}, null, signature */
#define COSE_PROTECTED_MAX (1 + 1 + 1 + 3 + 1 + 5 + CBOR_HEAD_LEN(TREE_MAX))
#define COSE_PROOF_MAX     (1 + 2 * CBOR_HEAD_LEN(TREE_MAX) + 1 + TREE_PATH_MAX * (2 + SHA256_LEN))
#define COSE_MAX                                                                                                       \
    ((size_t)(1 + 1 + 1 + COSE_PROTECTED_MAX + 7 + CBOR_HEAD_LEN(COSE_PROOF_MAX) + COSE_PROOF_MAX + 1 + 2 +            \
              ES256_SIGNATURE_LEN))

struct cose_proof {
    uint64_t tree_size; /* 1 to TREE_MAX */
    uint64_t leaf_index;
    struct tree_path path;
    uint8_t signature[ES256_SIGNATURE_LEN];
};

/* SHA-256 of the Sig_structure for a tree of this size with this root: what is signed. */
err_t cose_digest(struct sha256 *h, uint64_t tree_size, const uint8_t root[static SHA256_LEN],
                  uint8_t ret_digest[static SHA256_LEN]);

void cose_write(struct cbor_writer *w, const struct cose_proof *proof);

/* ERR_RECEIPT_MALFORMED for every other shape; ERR_RECEIPT_PROOF when the proof's tree size is not the signed one or
   its path is longer than any can be. Whether the path leads to the signed root is not looked at. */
err_t cose_read(struct cbor_reader *r, struct cose_proof *ret, struct why *why);

#endif
