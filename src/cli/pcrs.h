/* Which image is wanted: registers from a file. */
#ifndef VERONNX_CLI_PCRS_H
#define VERONNX_CLI_PCRS_H

#include "base/buf.h"
#include "verify/veronnx_verify.h"

#define PCRS_MAX 32

struct pcrs {
    size_t n;
    struct veronnx_pcr items[PCRS_MAX];
};

/* JSON as `nitro-cli build-enclave` prints it, an object with "Measurements": {"PCR0": HEX, ...}; as `nitro-cli
   describe-enclaves` does, one such object or an array of them, which must all have the same registers; or the inner
   object alone. Other keys are ignored. PCR0, PCR1 and PCR2 must be there. ERR_USAGE with a sentence. */
err_t pcrs_read(struct view json, struct pcrs *ret, struct why *why);

#endif
