/* A job as it arrives: what does not depend on the model. */
#ifndef VERONNX_INFER_JOB_H
#define VERONNX_INFER_JOB_H

#include "tensor/values.h"
#include "wire/frame.h"

/* The fixed part, borrowed from the message. ERR_PROTOCOL: front broke the rules and is not to be believed any more. */
err_t job_head(const struct wire_msg *m, const struct msg_job **ret);

/* What the inputs are and where they lie, inside the bytes that the head states. ERR_PROTOCOL, ERR_NOMEM. */
err_t job_inputs(const struct wire_msg *m, struct value_set *ret);

/* After signature_takes has refused with `e`: says in `why` which declared input is at fault, and returns `e`. */
err_t job_blame(const struct signature *s, const struct desc_list *inputs, err_t e, struct why *why);

#endif
