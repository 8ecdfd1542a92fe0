/* A bundle against what a person expects of it: what `veronnx verify receipt` and `veronnx infer --verify` share. */
#ifndef VERONNX_CLI_JUDGE_H
#define VERONNX_CLI_JUDGE_H

#include "attest/document.h"
#include "cli/check.h"
#include "receipt/bundle.h"
#include "verify/veronnx_verify.h"

/* Borrows from the bundle's bytes. */
struct judged {
    struct veronnx_report report;
    bool readable; /* the rest is set */
    struct bundle bundle;
    struct document document;
    struct receipt receipt;
};

/* Every check of the bundle and of what `c` says (its receipt and key are not looked at). OK: `ret` has the verdict.
   ERR_USAGE for what the person gave; ERR_DTYPE_UNSUPPORTED when tensors were given that cannot be compared. */
err_t judge_bundle(struct view bytes, const struct check *c, const struct veronnx_expect *trusted, struct judged *ret,
                   struct why *why);

/* The verdict on standard output: when it is good or as JSON. */
void judge_show(const struct judged *j, bool json);

#endif
