/* The root of a simulated node, which is made at each of its boots: from a document of the node itself. */
#ifndef VERONNX_CLI_SIM_ROOT_H
#define VERONNX_CLI_SIM_ROOT_H

#include "cli/attested.h"

/* Appends the PEM of the root under which the node's document, keys, texts and connection verify. That shows that they
   are of one piece and no more: who asks trusts the way to the node this once, and the root serves --allow-simulated
   alone. ERR_DOC_ROOT for a node under AWS's root, which nobody else can vouch for; ERR_DOC_MALFORMED and others, with
   a sentence, when something does not hold. */
err_t sim_root_of(const struct attested *node, struct buf *ret_pem, struct why *why);

#endif
