/* One enclave from its start to its end, with veronnx-host's probe led to it. */
#ifndef VERONNX_CLI_HOST_ENCLAVE_H
#define VERONNX_CLI_HOST_ENCLAVE_H

#include "cli/host_machine.h"
#include "cli/host_side.h"

/* A new one of this image, not started. ERR_USAGE or ERR_EIF_MALFORMED with a sentence. */
err_t enclave_of(const char *image, uint32_t cid, struct enclave *ret, struct why *why);

/* Starts it, says on standard error how far it is, and waits until its node takes requests. Then saves the registers of
   its image (CID.pcrs.json), and of a simulated one its root (CID.root.pem). On an error it is ended as
   by enclave_end; its console stays. ERR_TIMEOUT when nothing moves any more, ERR_CLOSED when it ends. */
err_t enclave_run(const struct host_folder *f, const struct host_side *s, struct enclave *e, struct why *why);

/* Ends it: with `drain`, when it has finished its requests. It is led to by the probe. ERR_CLOSED, with a sentence,
   when it may still run: its file stays. */
err_t enclave_end(const struct host_folder *f, const struct host_side *s, struct enclave *e, bool drain,
                  struct why *why);

/* Where it is and what its image measures, for a person. */
void enclave_print(const struct host_folder *f, const struct host_side *s, const struct enclave *e);

#endif
