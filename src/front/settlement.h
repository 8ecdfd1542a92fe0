/* The settlement of an answer, for OpenGradient's contracts (docs/receipts.md, "Settlement"), as a header field. */
#ifndef VERONNX_FRONT_SETTLEMENT_H
#define VERONNX_FRONT_SETTLEMENT_H

#include "base/text.h"
#include "wire/identity.h"

#define SETTLEMENT_JSON_MAX 768
#define SETTLEMENT_TEXT_MAX BASE64_LEN(SETTLEMENT_JSON_MAX)

/* Base64 of a JSON object, the form in which OpenGradient's facilitator takes it; NUL-terminated. ERR_TOO_LARGE. */
err_t settlement_pack(const struct identity *i, const struct msg_settlement *s,
                      char ret_text[static SETTLEMENT_TEXT_MAX + 1]);

#endif
