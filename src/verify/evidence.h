/* What is looked at in one verification, parsed, and the checks that are made of it beyond those of the document
   alone (attest/verify.h). */
#ifndef VERONNX_VERIFY_EVIDENCE_H
#define VERONNX_VERIFY_EVIDENCE_H

#include "attest/verify.h"
#include "receipt/bundle.h"
#include "receipt/verify.h"
#include "verify/veronnx_verify.h"

/* Borrows all that it points to. */
struct evidence {
    const struct veronnx_expect *expect;
    struct document document;
    uint8_t root[SHA256_LEN]; /* the one that is trusted */
    struct view keyset_bytes;
    struct keyset keyset;
    struct view configuration;
    struct view policy;
    struct view certificate; /* data NULL: none to compare */
    bool has_receipt;
    struct receipt receipt;
};

/* A check that applies to all evidence of a node, to one with a certificate, or to one with a receipt. */
enum evidence_scope { OF_NODE, OF_CERTIFICATE, OF_RECEIPT };

struct evidence_check {
    const char *name;
    enum evidence_scope scope;
    err_t (*make)(const struct evidence *v, struct why *why);
};
#define EVIDENCE_CHECKS 10
extern const struct evidence_check evidence_checks[EVIDENCE_CHECKS];

bool evidence_applies(const struct evidence *v, const struct evidence_check *check);
/* Whether the document is one of a simulator: it says so, or hangs on another root than AWS's. */
bool evidence_simulated(const struct evidence *v);
/* PCR18 against the wanted policy, for a document alone. */
err_t evidence_policy_register(const struct document *d, struct view policy, struct why *why);

#endif
