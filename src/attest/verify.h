/* Whether an attestation document is to be believed, and says what it should. */
#ifndef VERONNX_ATTEST_VERIFY_H
#define VERONNX_ATTEST_VERIFY_H

#include "attest/document.h"
#include "base/sha256.h"

#define ATTEST_MAX_AGE_MS 300000 /* what a fresh document may be at most, by default */
#define ATTEST_SKEW_MS    60000  /* how far ahead of the verifier's clock one may be */

/* The text with which the module id of a simulated document begins. */
#define ATTEST_SIMULATED "sim-"

/* SHA-256 of AWS's root certificate for the commercial partition (its DER). */
extern const uint8_t attest_aws_root[SHA256_LEN];

struct attest_pcr {
    uint8_t index;
    uint8_t value[PCR_LEN];
};

/* Nothing in here is optional by accident: what is not to be compared must be said. */
struct attest_policy {
    const uint8_t *root; /* SHA-256 of the root certificate's DER */
    bool allow_simulated;
    bool allow_debug; /* PCR0, 1 or 2 may be zero or absent */
    bool archived;    /* everything is looked at as of the document's own time: that it is fresh is not shown */
    uint64_t now_ms;  /* unless archived: Unix milliseconds */
    uint64_t max_age_ms;
    bool any_image;                /* `pcrs` need not name PCR0, 1 and 2; else all three, and never one or two */
    const struct attest_pcr *pcrs; /* all of them must be there and equal */
    size_t n_pcrs;
    struct view nonce; /* without data: not compared; else equal, like the next two */
    struct view user_data;
    struct view public_key;
};

struct attest_failure {
    size_t check; /* its place in attest_checks */
    err_t code;
    struct why why;
};

/* What failed, in the order of the checks: root, chain, signature, time, simulated, debug, policy, PCRs, nonce, user
   data, public key. */
#define ATTEST_CHECKS 11
extern const char *const attest_checks[ATTEST_CHECKS];
struct attest_report {
    size_t n;
    struct attest_failure failed[ATTEST_CHECKS];
};

/* Makes every check, whatever the others say. OK when all hold; else the code of the first failure, and `report` has
   each. When a check could not be made for want of memory it counts as failed. */
err_t attest_verify(const struct document *d, const struct attest_policy *p, struct attest_report *report);

#endif
