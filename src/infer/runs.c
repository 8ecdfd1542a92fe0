/* Cancelling and expiring runs. One lock: each side holds it for a few instructions, twice a job. */
#include "infer/runs.h"

#include <sys/eventfd.h>
#include <unistd.h>

void runs_init(struct runs *r, int wake_fd)
{
    *r = (struct runs){.lock = PTHREAD_MUTEX_INITIALIZER, .watched_ms = RUNS_NEVER, .wake_fd = wake_fd};
}

void runs_add(struct runs *r, struct run *run)
{
    run->next = r->all;
    r->all = run;
}

/* The first reason counts. ONNX Runtime looks at the flag between two operators. */
static void stop(struct run *run, err_t reason)
{
    if (run->front == NULL || run->stop != OK)
        return;
    run->stop = reason;
    (void)ort_run_result(ort->RunOptionsSetTerminate(run->options));
}

static bool was_cancelled(const struct runs *r, uint64_t job)
{
    for (size_t i = 0; i < MIN(r->n_early, RUNS_EARLY_MAX); i++)
        if (r->early[i] == job)
            return true;
    return false;
}

err_t runs_begin(struct runs *r, struct run *run, const struct front *front, uint64_t job, uint64_t deadline_ms)
{
    (void)pthread_mutex_lock(&r->lock);
    run->job = job;
    run->deadline_ms = deadline_ms;
    run->front = front;
    run->stop = was_cancelled(r, job) ? ERR_RUN_CANCELLED : OK;
    err_t e = run->stop;
    bool early = deadline_ms < r->watched_ms;
    if (early)
        r->watched_ms = deadline_ms;
    (void)pthread_mutex_unlock(&r->lock);
    if (early)
        (void)eventfd_write(r->wake_fd, 1);
    return e;
}

err_t runs_end(struct runs *r, struct run *run)
{
    (void)pthread_mutex_lock(&r->lock);
    err_t e = run->stop;
    run->front = NULL;
    if (e != OK)
        (void)ort_run_result(ort->RunOptionsUnsetTerminate(run->options));
    (void)pthread_mutex_unlock(&r->lock);
    return e;
}

void runs_cancel(struct runs *r, uint64_t job)
{
    bool found = false;
    (void)pthread_mutex_lock(&r->lock);
    for (struct run *run = r->all; run != NULL; run = run->next)
        if (run->front != NULL && run->job == job) {
            stop(run, ERR_RUN_CANCELLED);
            found = true;
        }
    if (!found)
        r->early[r->n_early++ % RUNS_EARLY_MAX] = job;
    (void)pthread_mutex_unlock(&r->lock);
}

void runs_cancel_front(struct runs *r, const struct front *front)
{
    (void)pthread_mutex_lock(&r->lock);
    for (struct run *run = r->all; run != NULL; run = run->next)
        if (run->front == front)
            stop(run, ERR_RUN_CANCELLED);
    (void)pthread_mutex_unlock(&r->lock);
}

uint64_t runs_expire(struct runs *r, uint64_t now_ms)
{
    uint64_t next = RUNS_NEVER;
    (void)pthread_mutex_lock(&r->lock);
    for (struct run *run = r->all; run != NULL; run = run->next) {
        if (run->front == NULL || run->stop != OK)
            continue;
        if (run->deadline_ms <= now_ms)
            stop(run, ERR_RUN_TIMEOUT);
        else
            next = MIN(next, run->deadline_ms);
    }
    r->watched_ms = next;
    (void)pthread_mutex_unlock(&r->lock);
    return next;
}
