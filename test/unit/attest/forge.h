/* Certificates and documents as a test wants them: right, or wrong in one way, and signed all the same. */
#ifndef VERONNX_TEST_ATTEST_FORGE_H
#define VERONNX_TEST_ATTEST_FORGE_H

#include "attest/document.h"
#include "unit.h"

#include <openssl/types.h>

#define FORGE_LEVELS 3
#define FORGE_NOW    UINT64_C(1800000000) /* Unix seconds; all certificates are valid an hour before and after */

/* One certificate. Extensions are what OpenSSL's configuration files call them. */
struct forge_level {
    const char *name;
    const char *issuer; /* NULL: the name of the level above */
    const char *curve;
    const char *digest;
    const char *constraints; /* NULL: none, like the next two */
    const char *usage;
    const char *extra; /* NAME=VALUE, any other extension */
    bool extra_twice;
    long version;
    uint64_t from;
    uint64_t to;
};
/* Root, authority, leaf: a chain with nothing wrong. */
extern const struct forge_level forge_good[FORGE_LEVELS];

struct forge {
    EVP_PKEY *key[FORGE_LEVELS];
    struct buf der[FORGE_LEVELS];
};
/* Signed from above; the first by itself. */
void forge_chain(struct forge *f, const struct forge_level levels[static FORGE_LEVELS]);
void forge_done(struct forge *f);

/* A document of this chain with PCR0 to PCR15 set, n + 1 in each byte, a module id without "sim-", no claims. */
struct document forge_document(const struct forge *f);
/* The document's bytes, signed by the last key, appended to `ret`. */
void forge_sign(const struct forge *f, const struct document *d, enum document_map map, struct buf *ret);
void forge_sign_payload(const struct forge *f, struct view payload, struct buf *ret);

#endif
