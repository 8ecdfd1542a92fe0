/* Platform configuration registers of a Nitro Security Module: 32 of 48 bytes. */
#ifndef VERONNX_ATTEST_PCR_H
#define VERONNX_ATTEST_PCR_H

#include "base/sha384.h"

#define PCR_COUNT 32
#define PCR_LEN   SHA384_LEN
/* Locked before an enclave runs; those above are for what runs in it. */
#define PCR_USER 16

/* What a register becomes: SHA-384 of its old value and the data, which is not hashed before. */
err_t pcr_extend(uint8_t pcr[static PCR_LEN], struct view data);

bool pcr_is_zero(const uint8_t pcr[static PCR_LEN]);

#endif
