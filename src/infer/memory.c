/* Asking for memory, and malloc. */
#include "infer/memory.h"

#include "base/mem.h"

#include <malloc.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define HEAP_BEGIN (24 * MIB)
#define HEAP_PAD   (128 * KIB) /* malloc's own */
#define HUGE_PAGE  (2 * MIB)

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

/* The heap begins with room for the tables of ONNX Runtime (10 MB) and for loading a small model or a prepared form, in huge pages if the
   kernel has some: a dozen page faults instead of 4,500, a fifth of what such a process takes until its model is there. Not more of it: a
   huge page that a virtual machine has given back to its host is dear, and large models take a hundred. */
static void begin_heap(void)
{
    (void)mallopt(M_TOP_PAD, (int)HEAP_BEGIN);
    uint8_t *first = mem_alloc(1, 2 * HEAP_PAD); /* more than there is */
    uint8_t *end = sbrk(0);
    size_t gap = -(uintptr_t)first % HUGE_PAGE;
    mem_free(first);
    if (first != NULL && first < end && (size_t)(end - first) > gap)
        (void)madvise(first + gap, (size_t)(end - first) - gap, MADV_HUGEPAGE);
    (void)mallopt(M_TOP_PAD, (int)HEAP_PAD);
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
    begin_heap();
}
