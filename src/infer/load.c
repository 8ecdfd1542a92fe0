/* The scan, then ONNX Runtime. */
#include "infer/load.h"

#include "base/clock.h"
#include "infer/scan/scan.h"

#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define DOMAINS_MAX 16

/* The texts of `list` as views; what is behind the last NUL does not count. */
static size_t split(struct view list, struct view ret[static DOMAINS_MAX])
{
    size_t n = 0;
    const uint8_t *end = NULL;
    while (n < DOMAINS_MAX && list.len > 0 && (end = memchr(list.data, '\0', list.len)) != NULL) {
        size_t len = (size_t)(end - list.data);
        ret[n++] = view_of(list.data, len);
        list = view_of(end + 1, list.len - len - 1);
    }
    return n;
}

/* What the scan found is told at once: what is said after ONNX Runtime has read the model may be the model's own words. */
static err_t scan(struct view file, const struct load_params *p, struct why *why)
{
    struct view domains[DOMAINS_MAX];
    struct scan_policy policy = {.limits = SCAN_LIMITS_DEFAULT, .domains = domains};
    struct scan_info info = {0};
    uint64_t start = clock_mono_ns();
    policy.domain_count = split(p->domains, domains);
    TRY(scan_model(file, &policy, &info, why));
    struct msg_infer_scanned found = {info.random, (uint32_t)((clock_mono_ns() - start) / 1000)};
    return wire_send_wait(p->control, MSG_INFER_SCANNED, &found, view_of(NULL, 0), NULL, 0);
}

static err_t make_session(struct map *file, const struct load_params *p, struct session *ret, struct why *why)
{
    if (p->prepared)
        return session_prepared(p->env, file, ret, why);
    return session_new(p->env, view_of(file->addr, file->size), ret, why);
}

/* Of all threads of this process. */
static uint64_t cpu_ns(void)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static err_t load(struct map *file, const struct load_params *p, struct crew *crew, struct why *why)
{
    uint64_t granted = crew->memory.granted;
    err_t e = make_session(file, p, &crew->session, why);
    if (e == ERR_NOMEM && memory_more(&crew->memory, granted, p->deadline_ms))
        e = make_session(file, p, &crew->session, why);
    return e == ERR_NOMEM ? ERR_MODEL_OVER_BUDGET : e;
}

err_t load_model(const struct pulled *sealed, const struct load_params *p, struct crew *crew, struct map *file,
                 struct msg_infer_loaded *ret, struct why *why)
{
    struct msg_infer_loaded loaded = {0};
    TRY(map_shared(sealed->fd, sealed->size, PROT_READ, file));
    if (!p->prepared)
        TRY(scan(view_of(file->addr, file->size), p, why));
    uint64_t start = clock_mono_ns(), cpu_start = cpu_ns();
    TRY(load(file, p, crew, why));
    loaded.load_us = (uint32_t)((clock_mono_ns() - start) / 1000);
    loaded.cpu_us = (uint32_t)((cpu_ns() - cpu_start) / 1000);
    *ret = loaded;
    return OK;
}

void load_tidy(struct map *file)
{
    map_done(file);
    (void)malloc_trim(0);
}
