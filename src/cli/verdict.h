/* What a verification found, for a person or as JSON. */
#ifndef VERONNX_CLI_VERDICT_H
#define VERONNX_CLI_VERDICT_H

#include "attest/document.h"
#include "verify/veronnx_verify.h"

/* One line on standard error for each check that failed. Returns the exit status. */
int verdict_end(const char *command, const struct veronnx_report *r);

/* `{"verified":…,"image_compared":…,"checks":[…]`, the beginning of an object that the caller closes. */
void verdict_json(const struct veronnx_report *r);

/* What a document says: module, time, registers, claims. JSON: `,"document":{…}`. */
void verdict_document(const struct document *d, bool json);
/* Sentences about what a good verdict does not show, and about the image, for a person. */
void verdict_caveats(const struct veronnx_report *r);
/* Of these, debug mode and an image that was not compared: a line each on standard error. */
void verdict_warn(const char *command, const struct veronnx_report *r);

#endif
