/* What nitro-cli prints: JSON, with sentences in front of it, on whichever stream. Pure. */
#ifndef VERONNX_CLI_NITRO_ANSWER_H
#define VERONNX_CLI_NITRO_ANSWER_H

#include "base/buf.h"

/* Of run-enclave: the id of the enclave that has this context id; its text, which ends, in `size` bytes. ERR_CLOSED,
   with a sentence, when it does not say so. */
err_t nitro_answer_id(struct view answer, uint32_t cid, char *ret_id, size_t size, struct why *why);

/* Of describe-enclaves: whether the enclave with this id is there, and not on its way out; `id` "": with this name.
   ERR_MALFORMED when it is no list. */
err_t nitro_answer_runs(struct view answer, const char *id, const char *name, bool *ret);

#endif
