/* A run of the model before anybody asks for one, on zeros: what a first run sets up is there when the first job comes. */
#ifndef VERONNX_INFER_WARM_H
#define VERONNX_INFER_WARM_H

#include "infer/worker.h"

/* The run, of crew->warm_ms at most; nothing of it is hashed, answered or reported. Its result: OK; DTYPE_UNSUPPORTED for inputs of which
   there are no zeros (sequences, maps, optional ones); TOO_LARGE for more of them than a job may bring; RUN_CANCELLED when a front came;
   RUN_TIMEOUT, RUN_OUT_OF_MEMORY (no more of it is asked for), RUN_FAILED. */
struct msg_infer_warmed warm_up(struct crew *crew, struct run *run);
/* A front is there: the run stops at the next operator, or does not begin. */
void warm_stop(struct crew *crew);

#endif
