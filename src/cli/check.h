/* Checking a receipt against tensors that somebody has: what `veronnx verify receipt` and `veronnx infer` share. */
#ifndef VERONNX_CLI_CHECK_H
#define VERONNX_CLI_CHECK_H

#include "cli/tensors.h"
#include "ipld/model_id.h"
#include "receipt/verify.h"

struct check {
    struct view receipt;    /* text of the header */
    const char *key_file;   /* PEM */
    bool allow_simulated;
    const char *model;      /* CID[/path] that must have been asked for; NULL: any */
    struct view model_hash; /* 64 hex digits; data NULL: any */
    struct view nonce;      /* bytes; data NULL: any */
    const struct tensor_args *inputs;  /* NULL: not compared; else they must be all that the receipt covers */
    const struct tensor_args *outputs;
    bool sent; /* the inputs went out as they are here: no elements are then of one shape too */
    struct view answer; /* with outputs, text of /infer: the one that they have, to the byte; data NULL: not compared */
};

/* What the expectations below point into. */
struct check_side {
    uint8_t descriptors[SHA256_LEN];
    uint8_t tensors[SHA256_LEN];
};
struct check_room {
    struct check_side in;
    struct check_side out;
    struct model_id id;
    uint8_t model[SHA256_LEN];
};

/* What a receipt must say, from all of `c` but receipt and key; digests are computed in the order and types of the
   receipt's descriptors, which nobody has verified yet. ERR_USAGE; ERR_RECEIPT_MISMATCH for tensors that the
   descriptors rule out; ERR_DTYPE_UNSUPPORTED as below. */
err_t check_expect(const struct check *c, const struct receipt *r, struct check_room *room, struct receipt_expect *ret,
                   struct why *why);

/* Whether there is a key in the file. ERR_USAGE with a sentence. */
err_t check_key(const char *path, struct why *why);

/* OK: the receipt is genuine and says all this. `bytes` holds what `ret` borrows; the caller ends it.
   ERR_DTYPE_UNSUPPORTED: outputs were given, but some are no tensors. */
err_t check_receipt(const struct check *c, struct buf *bytes, struct receipt *ret, struct why *why);

/* What a receipt says, on standard output: as JSON with the verdict, or for a person, of a verified one. */
void check_print(const struct receipt *r, bool verified, bool json);

#endif
