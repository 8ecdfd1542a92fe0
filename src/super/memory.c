/* Who gets how much of the memory for models, and who goes for it. */
#include "super/state.h"

#include "base/clock.h"
#include "base/fd.h"
#include "jail/jail.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* First estimate of what ONNX Runtime needs (docs/operations.md, "Memory"): 3.5 times the file and a floor, less what lies in a prepared
   form and is not copied out of it. */
#define DATA_FLOOR (128 * MIB)

#define SLOTS_OF_FRONT 32  /* areas that an infer process has mapped at most, on each side */
#define OOM_PREFERENCE 500 /* as if it had half of the machine's memory more */
#define OOM_MOST       1000

/* ── limits of a process ── */

static uint64_t first_estimate(const struct infer *i)
{
    return i->file_bytes / 2 * 7 + DATA_FLOOR - (i->prepared.fd >= 0 ? i->prepared.bytes : 0);
}

/* Pages, from the first number of /proc/PID/statm. */
static uint64_t address_space(const struct infer *i)
{
    char path[64], text[128] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/statm", i->child->pid);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return 0;
    return strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What it shares with others is no data: the file, input areas (up to twice as large as what lies in them), output areas. */
static uint64_t shared_bytes(const struct super *s, const struct infer *i)
{
    uint64_t workers = s->conf->workers != 0 ? s->conf->workers : (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    return MAX(i->file_bytes, i->prepared.bytes) + 2 * s->conf->transfer_memory + workers * (s->conf->output_max + MIB) +
           SLOTS_OF_FRONT * SLOT_KEEP_MAX;
}

static err_t set_limit(const struct infer *i, __rlimit_resource_t which, uint64_t soft, uint64_t hard)
{
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return i->child->gone || prlimit(i->child->pid, which, &limit, NULL) == 0 ? OK : err_errno();
}

static err_t set_data_limit(const struct super *s, struct infer *i, uint64_t bytes)
{
    i->data_limit = bytes;
    if (JAIL_SANITIZED)
        return OK;
    uint64_t beside = i->bare_bytes + shared_bytes(s, i);
    TRY(set_limit(i, RLIMIT_AS, beside + bytes, beside + MAX(bytes, s->infers.budget)));
    return set_limit(i, RLIMIT_DATA, bytes, MAX(bytes, s->infers.budget));
}

err_t memory_limit_files(const struct super *s, const struct infer *i)
{
    uint64_t output = s->conf->output_max + MIB;
    uint64_t most = i->file_fd >= 0 ? output : MAX(i->file_bytes, output);
    return set_limit(i, RLIMIT_FSIZE, most, most);
}

/* ── making room ── */

/* Whether anything that holds memory now will give it back, or finish and then can. */
static bool something_moves(struct super *s)
{
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++) {
        const struct infer *i = &s->infers.rows[n];
        bool unsized = i->state == INFER_SIZING && i->file_bytes == 0;
        bool moving = (i->state & (INFER_PULLING | INFER_LOADING | INFER_LEAVING)) != 0;
        if (i->number != 0 && (unsized || moving || i->releasing))
            return true;
    }
    return false;
}

/* Prepared forms go first, then kept files, both at once; then models, longest unused first. True when `bytes` are reserved. */
static bool make_room(struct super *s, struct infer *i, uint64_t bytes, bool may_evict)
{
    struct infers *t = &s->infers;
    while (!infers_reserve(t, i, bytes)) {
        uint64_t missing = t->used - i->reserved + bytes - t->budget;
        struct infer *oldest = infers_oldest(t, clock_mono_ms());
        if (files_drop_prepared(t))
            continue;
        prepare_stop(s, NULL);
        if (files_drop_oldest(t))
            continue;
        if (infers_leaving(t) >= missing || oldest == NULL || !may_evict)
            return false;
        leave_evict(s, oldest);
    }
    return true;
}

static void grant(struct super *s, struct infer *i, uint64_t data)
{
    i->bare_bytes = address_space(i);
    if (memory_limit_files(s, i) == OK && set_data_limit(s, i, data) == OK)
        loads_granted(s, i);
    else
        leave_kill(s, i, ERR_INTERNAL);
}

/* False when it waits on. What is loaded before anybody asks for it drives nobody out. */
static bool admit(struct super *s, struct infer *i)
{
    uint64_t data = first_estimate(i), all = data + i->file_bytes + i->prepared.bytes;
    bool wanted = i->front_request != 0 || i->admin_request != 0;
    if (all <= s->infers.budget && make_room(s, i, all, wanted)) {
        grant(s, i, data);
        return true;
    }
    if (all <= s->infers.budget && something_moves(s))
        return false;
    leave_kill(s, i, ERR_MODEL_OVER_BUDGET);
    return true;
}

void memory_settle(struct super *s)
{
    for (struct infer *i = infers_waiting(&s->infers); i != NULL && admit(s, i); i = infers_waiting(&s->infers))
        continue;
}

bool memory_reserve_preparer(struct super *s, struct infer *i)
{
    return infers_reserve(&s->infers, i, first_estimate(i) + i->prepared.bytes);
}

err_t memory_limit_preparer(const struct super *s, struct infer *i)
{
    i->bare_bytes = address_space(i);
    TRY(set_limit(i, RLIMIT_FSIZE, i->prepared.bytes, i->prepared.bytes));
    return set_data_limit(s, i, first_estimate(i));
}

/* Who has a model already gets what is free, and no more than half of everything: it shall not have all by asking often. */
void memory_more(struct super *s, struct infer *i)
{
    uint64_t beside = i->reserved - i->data_limit;
    uint64_t data = i->data_limit * 2;
    bool got = false;
    if (data <= s->infers.budget / 2)
        while (!(got = infers_reserve(&s->infers, i, data + beside)) && files_drop_prepared(&s->infers))
            continue;
    struct msg_infer_bytes answer = {.bytes = got ? data : 0};
    if (got && set_data_limit(s, i, data) != OK)
        leave_kill(s, i, ERR_INTERNAL);
    else
        child_tell(i->child, MSG_INFER_GRANT, &answer, view_of(NULL, 0), NULL, 0);
}

/* ── when the whole machine has none ── */

void memory_open_oom(struct super *s)
{
    char text[16] = "";
    s->oom_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (s->oom_fd >= 0 && pread(s->oom_fd, text, sizeof(text) - 1, 0) > 0)
        s->oom_usual = (int)strtol(text, NULL, 10);
    else
        fd_close(&s->oom_fd);
}

/* A child inherits ours. It could not write its own: its jail is inherited too. */
void memory_prefer_oom(struct super *s, bool on)
{
    if (s->oom_fd >= 0)
        (void)dprintf(s->oom_fd, "%d", on ? MIN(s->oom_usual + OOM_PREFERENCE, OOM_MOST) : s->oom_usual);
}
