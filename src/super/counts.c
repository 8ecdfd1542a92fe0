/* Numbers for the administration: the supervisor's own, those of its processes, and the front's. */
#include "super/state.h"

#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct msg_admin_state admin_state(const struct super *s, uint32_t request)
{
    return (struct msg_admin_state){
        .request = request,
        .models = infers_count(&s->infers, INFER_READY),
        .memory_total = s->model_memory,
        .memory_used = s->infers.used,
        .loads = s->loads,
        .evictions = s->evictions,
        .kills = s->kills,
        .restarts = s->restarts,
        .uptime_ms = clock_mono_ms() - s->started_ms,
    };
}

/* ── processes ── */

/* /proc/PID/stat: behind the name, which ends with the last parenthesis, field 14 and 15 are the ticks in user and
   system mode, 24 the resident pages (proc(5)). */
enum { STAT_FIRST = 3, STAT_USER = 14, STAT_SYSTEM = 15, STAT_RSS = 24 };

static bool read_stat(pid_t pid, uint64_t ret_fields[static STAT_RSS + 1])
{
    char path[64], text[1024] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return false;
    char *at = strrchr(text, ')');
    char *rest = NULL;
    if (at == NULL)
        return false;
    char *word = strtok_r(at + 1, " ", &rest);
    for (unsigned n = STAT_FIRST; n <= STAT_RSS; n++, word = strtok_r(NULL, " ", &rest)) {
        if (word == NULL)
            return false;
        ret_fields[n] = strtoull(word, NULL, 10);
    }
    return true;
}

static void add_process(struct msg_admin_metrics *m, enum metric_class class, pid_t pid)
{
    uint64_t fields[STAT_RSS + 1];
    uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
    if (!read_stat(pid, fields))
        return;
    m->processes[class]++;
    m->rss_bytes[class] += fields[STAT_RSS] * (uint64_t)sysconf(_SC_PAGESIZE);
    m->cpu_ms[class] += (fields[STAT_USER] + fields[STAT_SYSTEM]) * 1000 / ticks;
}

static void add_child(struct msg_admin_metrics *m, enum metric_class class, const struct child *c)
{
    if (c != NULL && !c->gone)
        add_process(m, class, c->pid);
}

static void add_processes(const struct super *s, struct msg_admin_metrics *m)
{
    add_process(m, METRIC_CLASS_SUPERVISOR, getpid());
    add_child(m, METRIC_CLASS_KEEPER, s->keeper);
    add_child(m, METRIC_CLASS_MODULE, s->module);
    add_child(m, METRIC_CLASS_FRONT, s->front.child);
    add_child(m, METRIC_CLASS_ADMIN, s->admin.child);
    add_child(m, METRIC_CLASS_FETCH, s->fetch.child);
    for (size_t n = 0; n < LIVE_INFERS_MAX; n++)
        if (s->infers.rows[n].number != 0)
            add_child(m, METRIC_CLASS_INFER, s->infers.rows[n].child);
}

/* ── questions ── */

static uint32_t *find(struct super *s, uint32_t request)
{
    for (size_t n = 0; n < COUNTING_MAX; n++)
        if (s->counting[n] == request)
            return &s->counting[n];
    return NULL;
}

void counts_ask(struct super *s, uint32_t request)
{
    const struct msg_front_count ask = {.request = request};
    uint32_t *place = find(s, 0);
    if (place == NULL || s->front.child == NULL || !s->front_ready) {
        admin_answer(s, request, ERR_OVERLOADED, "");
        return;
    }
    *place = request;
    child_tell(s->front.child, MSG_FRONT_COUNT, &ask, view_of(NULL, 0), NULL, 0);
}

void counts_take(struct super *s, const struct msg_front_counts *counts)
{
    uint32_t *place = counts->request != 0 ? find(s, counts->request) : NULL;
    struct msg_admin_metrics m = {
        .state = admin_state(s, counts->request),
        .load_failures = s->load_failures,
        .loaded_bytes = s->loaded_bytes,
        .warm_ups = s->warm_ups,
        .warm_up_failures = s->warm_up_failures,
        .front = counts->counts,
    };
    memcpy(m.source_bytes, s->source_bytes, sizeof(m.source_bytes));
    memcpy(m.kills, s->kills_for, sizeof(m.kills));
    if (place == NULL || s->admin.child == NULL)
        return; /* who asked is gone */
    *place = 0;
    add_processes(s, &m);
    child_tell(s->admin.child, MSG_ADMIN_METRICS, &m, view_of(NULL, 0), NULL, 0);
    admin_answer(s, counts->request, OK, "");
}

void counts_front_gone(struct super *s)
{
    for (size_t n = 0; n < COUNTING_MAX; n++)
        if (s->counting[n] != 0)
            admin_answer(s, s->counting[n], ERR_OVERLOADED, "");
    memset(s->counting, 0, sizeof(s->counting));
}
