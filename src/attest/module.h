/* The security module as the keeper sees it: requests and responses of nsm.h as messages of CHAN_MODULE, for both ends.
   What comes from either side is checked like anything else that another process sends. */
#ifndef VERONNX_ATTEST_MODULE_H
#define VERONNX_ATTEST_MODULE_H

#include "attest/nsm.h"
#include "wire/frame.h"

/* ── keeper ── */

/* Sends one request; `id` comes back with its answer. Answers come in the order of the requests. ERR_WOULD_BLOCK when
   the socket is full, ERR_CLOSED; ERR_TOO_LARGE for a part over the limits of nsm.h. */
err_t module_ask(const struct wire_end *end, uint32_t id, const struct nsm_request *q);
/* ERR_PROTOCOL when the message is no answer, or one that cannot be. Views are borrowed from the message. */
err_t module_answer(const struct wire_msg *m, uint32_t *ret_id, struct nsm_response *ret);
/* Asks and waits, for start: no other request may be under way. ERR_TIMEOUT; ERR_NSM_FAILED when the module says that
   it failed. Views are borrowed from the inbox. */
err_t module_call(const struct wire_end *end, struct wire_inbox *in, const struct nsm_request *q, int timeout_ms,
                  struct nsm_response *ret);

/* ── nsm and nsm-sim ── */

/* ERR_PROTOCOL when the message is no request, or one that cannot be. Views are borrowed from the message. */
err_t module_request(const struct wire_msg *m, uint32_t *ret_id, struct nsm_request *ret);
/* Waits while the socket is full. */
err_t module_reply(const struct wire_end *end, uint32_t id, const struct nsm_response *p);

#endif
