/* Trust at start: the keeper asks the security module what this machine is, lets it measure what this node is, and
   checks that it did. Every check has a name (wire/identity.h); the first that fails ends the node. */
#ifndef VERONNX_KEEPER_TRUST_H
#define VERONNX_KEEPER_TRUST_H

#include "attest/module.h"
#include "keeper/keys.h"
#include "wire/identity.h"

/* The first of the registers that a node extends: configuration, keyset, policy. */
#define TRUST_PCR  PCR_USER
#define TRUST_PCRS 3

#define TRUST_ALARM_MS 2000  /* the system's clock may be off by so much before it is logged */
#define TRUST_WRONG_MS 30000 /* and by so much before nothing is signed any more */

struct trust {
    struct wire_end module;  /* to the security module's process */
    struct wire_inbox inbox; /* of that channel */
    struct identity identity;
    struct identity next;      /* with the certificate that is being installed */
    uint8_t image[DIGEST_LEN]; /* SHA-256 of PCR0, PCR1 and PCR2 */
};

/* Takes the descriptor of the channel. Checks what can be checked before there is a key, and mixes the module's random
   bytes into OpenSSL's generator. For kind STATEMENT_NITRO also files of /sys are read, so it comes before the jail. A
   check that fails is logged: ERR_SELF_TEST. */
err_t trust_begin(struct trust *t, uint32_t kind, int *module_fd);
/* Extends and locks the registers, reads them back, gets the first document and compares it. ERR_SELF_TEST. */
err_t trust_bind(struct trust *t, const struct keys *k, const struct msg_keeper_start *node);
/* Accepts a zeroed struct whose descriptor is -1. */
void trust_done(struct trust *t);

/* What the keeper says of itself in every document; all is borrowed. */
struct nsm_request trust_claims(const struct trust *t, struct view nonce);

/* Another certificate of the TLS key (foreign_check has taken the chain), of which nothing is said before a document
   binds it: that is asked for with trust_next_claims, and trust_adopt takes it (ERR_NSM_FAILED when it does not say all
   that it should). */
err_t trust_propose(struct trust *t, struct view chain, size_t leaf_len);
struct nsm_request trust_next_claims(const struct trust *t);
err_t trust_adopt(struct trust *t, struct view document);

/* By how many milliseconds the system's clock was ahead of the module's (behind: less than 0), when a document with
   this timestamp was asked for and received at these times (Unix milliseconds): 0 when the timestamp lies between them.
 */
int64_t trust_ahead(uint64_t asked_ms, uint64_t received_ms, uint64_t timestamp_ms);
/* Whether receipts may be signed by a clock that is ahead by so much; logs one that is off. */
bool trust_clock_is_good(int64_t ahead_ms);

#endif
