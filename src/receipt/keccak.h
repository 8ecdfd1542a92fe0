/* Keccak-256 as Ethereum uses it: the sponge of FIPS 202 with the padding that came before the standard (a single bit 1
   where SHA3-256 has 011), which is why libraries of the standard do not have it. */
#ifndef VERONNX_RECEIPT_KECCAK_H
#define VERONNX_RECEIPT_KECCAK_H

#include "base/buf.h"

#define KECCAK_LEN 32

/* Of all parts, one after the other. */
void keccak256(const struct view *parts, size_t n, uint8_t ret_digest[static KECCAK_LEN]);

#endif
