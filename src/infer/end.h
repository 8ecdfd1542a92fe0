/* The ways in which this process ends before its time. Any thread. */
#ifndef VERONNX_INFER_END_H
#define VERONNX_INFER_END_H

#include "wire/frame.h"
#include "wire/roles.h"

/* A peer broke the protocol, or is gone although we cannot do without it: logged, status 1. `type`: the message, 0 =
   none. */
NORETURN void end_refusing(enum role peer, unsigned type, err_t e);

/* There will be no model: the supervisor hears why (`why` may be empty), status 0. */
NORETURN void end_without_model(const struct wire_end *control, err_t reason, const struct why *why);

#endif
