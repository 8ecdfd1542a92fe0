/* The certificates under which a simulated module signs, root to leaf, and their keys. All but the root are made when
   they are first needed and again when half of their life is over. */
#ifndef VERONNX_NSM_CHAIN_H
#define VERONNX_NSM_CHAIN_H

#include "attest/cert.h"
#include "nsm/issue.h"

#define MODULE_ID_LEN 41 /* sim-, 17 digits, -enc, 16 digits */

struct sim_chain {
    struct issued level[LEVELS_];
    uint64_t made_s[LEVELS_];
    uint8_t der[LEVELS_][ATTEST_CERT_MAX];
    size_t der_len[LEVELS_];
    char instance_id[MODULE_ID_LEN + 1]; /* the part before "-enc" */
    char module_id[MODULE_ID_LEN + 1];
    uint8_t enclave[8];
};

/* Takes the root. A new module id at each call. */
err_t sim_chain_init(struct sim_chain *c, struct issued *root, uint64_t now_ms);
void sim_chain_done(struct sim_chain *c);

/* Makes what is missing, older than half of its life, or from the future, with all that hangs on it. */
err_t sim_chain_renew(struct sim_chain *c, uint64_t now_s);

/* A certificate's DER, borrowed until the next renewal. */
struct view sim_chain_der(const struct sim_chain *c, enum level level);

#endif
