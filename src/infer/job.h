/* A job as it arrived: fixed part, what the inputs are and where they lie. */
#ifndef VERONNX_INFER_JOB_H
#define VERONNX_INFER_JOB_H

#include "tensor/values.h"
#include "wire/frame.h"

struct job {
    const struct msg_job *head;
    struct value_set inputs; /* their places lie inside head->bytes */
};

/* Checks everything that does not depend on the model. ERR_PROTOCOL: front broke the rules of the message and is not to be
   believed any more; ERR_NOMEM. `head` is borrowed from the message. */
err_t job_parse(const struct wire_msg *m, struct job *ret);
/* Accepts a zeroed struct. */
void job_done(struct job *j);

/* After signature_takes has refused with `e`: says in `why` which declared input is at fault, and returns `e`. */
err_t job_blame(const struct signature *s, const struct desc_list *inputs, err_t e, struct why *why);

#endif
