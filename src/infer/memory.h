/* This process's memory limit (RLIMIT_DATA), which only the supervisor can raise: asking for more. */
#ifndef VERONNX_INFER_MEMORY_H
#define VERONNX_INFER_MEMORY_H

#include "wire/frame.h"

#include <pthread.h>
#include <stdatomic.h>

struct memory {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    const struct wire_end *control;
    _Atomic uint64_t granted; /* bytes; changed with the lock */
    bool asked;
};

err_t memory_init(struct memory *m, const struct wire_end *control);

/* After an attempt that began when m->granted was `granted` has failed: true when there is more by now. Asks the
   supervisor unless another thread has done so, and waits for its answer until `deadline_ms` (clock_mono_ms). */
bool memory_more(struct memory *m, uint64_t granted, uint64_t deadline_ms);
/* The supervisor's answer, 0 = no. ERR_PROTOCOL when nobody asked. */
err_t memory_answer(struct memory *m, uint64_t bytes);

/* malloc's settings, once, at start. */
void memory_tune_malloc(void);

#endif
