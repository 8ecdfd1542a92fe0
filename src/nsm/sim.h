/* A simulated security module: what a real one does with a request, byte for byte, under a root of its own. */
#ifndef VERONNX_NSM_SIM_H
#define VERONNX_NSM_SIM_H

#include "attest/document.h"
#include "nsm/bank.h"
#include "nsm/chain.h"
#include "nsm/device.h"

struct sim {
    struct bank bank;
    struct sim_chain chain;
    enum document_map map; /* of the next document: they take turns, so that every client meets both */
    uint8_t payload[DOCUMENT_MAX];
    uint8_t bytes[NSM_RESPONSE_MAX]; /* what a response borrows: a document, random bytes */
};

/* `pcr`: PCR0 to PCR2. PCR4 follows from the id, the other registers are zero. Takes the root. */
err_t sim_init(struct sim *s, struct issued *root, const uint8_t pcr[static 3][PCR_LEN]);
void sim_done(struct sim *s);

/* Borrowed. What cannot be read is answered NSM_INVALID_OPERATION, like all that is wrong: the call itself never fails
   but for want of memory. */
struct nsm_device sim_device(struct sim *s);

#endif
