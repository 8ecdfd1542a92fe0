/* The query of /enclave/attestation, read as nitriding reads it: the form encoding of the WHATWG URL standard, §5.1, as
   Go's net/url decodes it. */
#ifndef VERONNX_FRONT_NONCE_QUERY_H
#define VERONNX_FRONT_NONCE_QUERY_H

#include "base/buf.h"
#include "wire/msg.h"

/* The first `nonce` of the query: hex digits of either case. NULL, or the sentence of nitriding for what is wrong; it
   takes 20 bytes alone, this NONCE_MIN to NONCE_MAX. */
const char *nonce_query(struct view query, struct wire_nonce *ret);

#endif
