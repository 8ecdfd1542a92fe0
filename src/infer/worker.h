/* The threads that run jobs. Each waits for the next one in the front's own channel, so no other thread is woken on the
   way. */
#ifndef VERONNX_INFER_WORKER_H
#define VERONNX_INFER_WORKER_H

#include "infer/memory.h"
#include "infer/runs.h"
#include "infer/seat.h"
#include "infer/session.h"
#include "infer/value.h"

#define WORKERS_MAX 128

/* What the workers of a process share. The model and the limits are constant while anybody has the seat. */
struct crew {
    struct session session;
    struct value_maker maker;
    const struct wire_end *control; /* hears INFER_WARMED */
    struct wire_end report;
    uint64_t input_max;  /* bytes of an input area */
    uint64_t output_max; /* bytes of all outputs of a job */
    uint32_t run_ms;     /* longest run, whatever a job asks for */
    uint32_t warm_ms;    /* the same of a run that nobody asks for; set before the seat wants one */
    struct memory memory;
    struct runs runs;
    struct seat seat;
    struct worker *workers; /* all of them */
    atomic_bool holding;    /* the watcher comes by again and again */
};

struct worker;

/* Memory and the place in crew->runs. */
err_t worker_new(struct crew *crew, struct worker **ret);
/* Room for the values of the model that is loaded now. */
err_t worker_fit(struct worker *w);
/* The watcher comes by. Of a run that it finds for the second time front and keeper get what waits for its end: what
   the worker has answered, and the jobs that came together with this one, not begun. Whether one of them has such. */
bool workers_relieve(struct crew *crew);
/* Runs jobs, and before there are any what the seat wants. Never returns: the process ends with status 1 when front or keeper break the
   protocol. */
NORETURN void worker_loop(struct worker *w);

#endif
