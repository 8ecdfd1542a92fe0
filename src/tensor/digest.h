/* The tensor digest of receipts: SHA-256(SHA-256(encoded descriptors) ‖ for each value: u64le length ‖ payload).
   docs/receipts.md ("Tensor digest") is its specification and has vectors. */
#ifndef VERONNX_TENSOR_DIGEST_H
#define VERONNX_TENSOR_DIGEST_H

#include "base/sha256.h"
#include "tensor/values.h"

#define TENSOR_DIGEST_KNOWN_MAX 256 /* longer descriptors are hashed each time */

/* A running digest, so that who copies a tensor hashes the copy piece by piece. It knows the last descriptors again,
   because most are those of the request before. */
struct tensor_digest {
    struct sha256 hash;
    uint64_t left;    /* bytes of the current payload that are still to come */
    size_t descs_len; /* 0: none */
    uint8_t descs[TENSOR_DIGEST_KNOWN_MAX];
    uint8_t descs_digest[SHA256_LEN];
};

/* For any number of digests, one after the other. ERR_NOMEM. */
err_t tensor_digest_init(struct tensor_digest *d);
void tensor_digest_done(struct tensor_digest *d);
/* The next digest, whatever became of the one before; also writes the SHA-256 of the descriptors. */
err_t tensor_digest_begin(struct tensor_digest *d, const struct desc_list *descs, uint8_t ret_descs[static SHA256_LEN]);
/* Next value; the one before must be complete. */
err_t tensor_digest_value(struct tensor_digest *d, uint64_t len);
err_t tensor_digest_bytes(struct tensor_digest *d, const void *bytes, size_t n);
err_t tensor_digest_final(struct tensor_digest *d, uint8_t ret[static SHA256_LEN]);

/* All at once, from an area of at least set->total bytes that nobody changes. */
err_t tensor_digest_of(const struct value_set *set, const uint8_t *area, uint8_t ret_descs[static SHA256_LEN],
                       uint8_t ret[static SHA256_LEN]);

#endif
