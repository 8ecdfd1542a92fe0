/* W3C Trace Context: the header field traceparent. */
#ifndef VERONNX_FRONT_TRACE_H
#define VERONNX_FRONT_TRACE_H

#include "base/buf.h"

#define TRACE_LEN 55 /* version, trace id, parent id, flags */

/* From the client's field and our id for the request, the field of the answer: the same trace and flags, our id as
   parent. False when the field is not well-formed; it is then ignored. No NUL behind it. */
bool trace_answer(struct view field, uint64_t id, char ret_text[static TRACE_LEN]);

#endif
