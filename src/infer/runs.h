/* The runs in progress: what stops them. A worker begins and ends its run, the watcher cancels and expires. */
#ifndef VERONNX_INFER_RUNS_H
#define VERONNX_INFER_RUNS_H

#include "infer/ort.h"

#include <pthread.h>

#define RUNS_EARLY_MAX 64 /* cancellations kept for jobs that no worker has taken yet: twice what can be under way */
#define RUNS_NEVER     UINT64_MAX

struct front;

struct run {
    uint64_t job;
    uint64_t deadline_ms;      /* clock_mono_ms */
    const struct front *front; /* NULL: not running */
    OrtRunOptions *options;    /* owned by the worker */
    err_t stop;                /* why it was stopped; OK: it was not */
    struct run *next;
};

struct runs {
    pthread_mutex_t lock;
    struct run *all;
    uint64_t early[RUNS_EARLY_MAX];
    unsigned n_early;
    uint64_t watched_ms; /* the watcher looks again at this time at the latest */
    int wake_fd;         /* an eventfd: the watcher must look earlier */
};

void runs_init(struct runs *r, int wake_fd);
/* Makes a worker's `run` known; before other threads use `r`. */
void runs_add(struct runs *r, struct run *run);

/* From here on the run can be stopped. ERR_RUN_CANCELLED when that was asked for already (runs_end must be called all
   the same). */
err_t runs_begin(struct runs *r, struct run *run, const struct front *front, uint64_t job, uint64_t deadline_ms);
/* Why the run was stopped, or OK. */
err_t runs_end(struct runs *r, struct run *run);

/* Stops the run of this job, or remembers that it is not to start. */
void runs_cancel(struct runs *r, uint64_t job);
/* Stops all runs of this front. */
void runs_cancel_front(struct runs *r, const struct front *front);
/* Stops what is due; returns the earliest deadline that is left, by which time the caller looks again. */
uint64_t runs_expire(struct runs *r, uint64_t now_ms);

#endif
