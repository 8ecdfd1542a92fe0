/* Asking for memory, and malloc. */
#include "infer/memory.h"

#include <malloc.h>
#include <time.h>

err_t memory_init(struct memory *m, const struct wire_end *control)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return ERR_NOMEM;
    *m = (struct memory){.lock = PTHREAD_MUTEX_INITIALIZER, .control = control};
    bool ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(&m->answered, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    return ok ? OK : ERR_NOMEM;
}

static bool ask(struct memory *m)
{
    struct msg_infer_bytes wanted = {.bytes = m->granted * 2};
    m->asked = wire_send(m->control, MSG_INFER_MEMORY, &wanted, view_of(NULL, 0), NULL, 0) == OK;
    return m->asked;
}

bool memory_more(struct memory *m, uint64_t granted, uint64_t deadline_ms)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000), .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    (void)pthread_mutex_lock(&m->lock);
    bool waiting = m->granted <= granted && (m->asked || ask(m));
    while (waiting && m->asked)
        waiting = pthread_cond_timedwait(&m->answered, &m->lock, &until) == 0;
    bool more = m->granted > granted;
    (void)pthread_mutex_unlock(&m->lock);
    return more;
}

err_t memory_answer(struct memory *m, uint64_t bytes)
{
    (void)pthread_mutex_lock(&m->lock);
    bool asked = m->asked;
    m->asked = false;
    if (asked && bytes > m->granted)
        m->granted = bytes;
    (void)pthread_cond_broadcast(&m->answered);
    (void)pthread_mutex_unlock(&m->lock);
    return asked ? OK : ERR_PROTOCOL;
}

/* One arena: the others are trimmed by code that opens a file of /proc, for which the jail would kill us. What is below
   32 MiB comes from the heap, so that the buffers of a run are not mapped and cleared by the kernel each time; the
   heap's end is given back when more than 32 MiB of it are free. */
void memory_tune_malloc(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MXFAST, 0);
    (void)mallopt(M_MMAP_THRESHOLD, (int)(32 * MIB));
    (void)mallopt(M_TRIM_THRESHOLD, (int)(32 * MIB));
}
