/* Fair shares of the cores: who takes more than others, runs for long, or only loads stands behind the others while they have work. */
#include "super/state.h"

#include "base/clock.h"

#include <limits.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS    100U
#define NICE_RANGE 20 /* RLIMIT_NICE counts down from here: nice n may be gone back to at 20 - n */
#define MILD       4  /* where there is no way back everybody goes only a part of the way */

/* ── what the kernel does ── */

static bool cpu_time(const struct infer *i, uint64_t *ret_ns)
{
    clockid_t clock;
    struct timespec t;
    if (i->child->gone || clock_getcpuclockid(i->child->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return false;
    *ret_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
    return true;
}

/* Nice is of threads. An infer process makes itself a group of its own before it has others, so that all are reached. */
static void stand(struct infer *i, __priority_which_t which, int nice)
{
    const struct super *s = i->super;
    int real = s->nice_returns ? nice : MAX(nice / MILD, i->share.set);
    i->share.nice = nice;
    if (real != i->share.set && !i->child->gone && setpriority(which, (id_t)i->child->pid, s->nice_usual + real) == 0)
        i->share.set = real;
}

/* ── the clock ── */

/* What works with a model, or gets one. */
static bool takes_cores(const struct infer *i)
{
    return i->number != 0 && (i->state & (INFER_PULLING | INFER_LOADING | INFER_READY)) != 0;
}

/* Parts are of what models take, and not of the machine, where other programs may have theirs. As long as cores are idle it does no harm
   to stand behind others. */
static struct share_others note_all(struct super *s)
{
    unsigned busy = 0, count = 0, used = 0;
    uint64_t cpu_ns = 0;
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++) {
        struct infer *i = &s->infers.rows[n];
        if (!takes_cores(i) || !cpu_time(i, &cpu_ns))
            continue;
        share_note(&i->share, cpu_ns, clock_mono_ns());
        busy += i->share.used > 0;
        if (i->state != INFER_READY || !share_counts(&i->share))
            continue;
        count++;
        used += i->share.used;
    }
    return (struct share_others){.any = busy > 1, .part = count > 1 ? used / count : UINT_MAX};
}

static void on_tick(uv_timer_t *timer)
{
    struct super *s = timer->data;
    const struct share_others others = note_all(s);
    bool more = false;
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++) {
        struct infer *i = &s->infers.rows[n];
        if (!takes_cores(i))
            continue;
        int first = i->state == INFER_READY || !s->nice_returns ? 0 : SHARE_BEGIN;
        stand(i, PRIO_PGRP, share_next(&i->share, &others, first));
        more |= i->share.used > 0 || i->share.nice > first;
    }
    if (!more)
        (void)uv_timer_stop(timer);
}

void cores_need_tick(struct super *s)
{
    if (!uv_is_active((uv_handle_t *)&s->share_tick)) {
        s->share_tick.data = s;
        (void)uv_timer_start(&s->share_tick, on_tick, TICK_MS, TICK_MS);
    }
}

/* ── a process's way ── */

/* Going forward again is a privilege; the jail leaves it to us if we have it. */
static bool may_return_to(int nice)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {{0}, {0}};
    struct rlimit limit = {0};
    (void)getrlimit(RLIMIT_NICE, &limit);
    bool granted = syscall(SYS_capget, &head, d) == 0 && (d[0].permitted & UINT32_C(1) << CAP_SYS_NICE) != 0;
    return granted || limit.rlim_cur >= (rlim_t)(NICE_RANGE - nice);
}

void cores_open(struct super *s)
{
    s->nice_usual = getpriority(PRIO_PROCESS, 0);
    s->nice_returns = may_return_to(s->nice_usual);
}

/* It has one thread yet; those that it makes take after it. For the first one the node's own start waits: behind whatever else runs
   on the machine that took so long that the node gave up. */
void cores_started(struct infer *i)
{
    if (i->super->nice_returns && i->super->infer_seen)
        stand(i, PRIO_PROCESS, SHARE_BEGIN);
}

void cores_begin(struct infer *i)
{
    uint64_t cpu_ns = 0;
    if (cpu_time(i, &cpu_ns))
        share_begin(&i->share, cpu_ns, clock_mono_ns());
    cores_need_tick(i->super);
}
