/* `veronnx infer --verify`: the node before anything is sent to it, and its answer's receipt as a bundle. */
#ifndef VERONNX_CLI_PROOF_H
#define VERONNX_CLI_PROOF_H

#include "cli/attested.h"
#include "cli/judge.h"
#include "cli/output.h"
#include "cli/trust.h"

#define PROOF_PIN_MAX 64

struct proof {
    struct trust trust; /* taken and loaded by the command */
    const char *save;   /* file for the bundle; NULL: none */
    struct output out;  /* it, until it is whole */
    struct attested attested;
    char pinned[PROOF_PIN_MAX]; /* the attested TLS key, as http.h wants it */
    struct buf bundle;
};

/* Ends with proof_done. */
void proof_init(struct proof *p);
void proof_done(struct proof *p);

/* Makes sure of `save`, asks the node who it is and makes every check; fills `pinned`. Failed checks stand on standard
   error, and the error is ERR_NOT_PERMITTED with a sentence; of a good node there stands what was not compared, and
   debug mode. */
err_t proof_open(struct proof *p, const char *url, struct why *why);
/* The bundle of this receipt (text of the header) against what `c` says, saved when it is good. Likewise. `ret` borrows
   from `p`. */
err_t proof_close(struct proof *p, struct view receipt, const struct check *c, struct judged *ret, struct why *why);

#endif
