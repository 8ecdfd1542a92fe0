/* The registers of a simulated module. */
#ifndef VERONNX_NSM_BANK_H
#define VERONNX_NSM_BANK_H

#include "attest/nsm.h"

struct bank {
    uint8_t pcr[PCR_COUNT][PCR_LEN];
    uint32_t locked; /* bit n: register n */
};

/* As a module is when an enclave starts: PCR_USER and above zero and open, those below locked, with the values that the
   caller has put there. */
void bank_start(struct bank *b);

/* Like the real one: a locked register is NSM_READ_ONLY_INDEX, one that is none NSM_INVALID_INDEX. */
enum nsm_error bank_extend(struct bank *b, uint16_t index, struct view data);
enum nsm_error bank_lock(struct bank *b, uint16_t index);
/* The first `n` registers, whether locked before or not. */
enum nsm_error bank_lock_first(struct bank *b, uint16_t n);

bool bank_is_locked(const struct bank *b, unsigned index);

#endif
