/* Writing and printing log records. */
#include "base/log.h"

#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_PER_SECOND      100
#define LOG_INFO_PER_SECOND 50

static const struct log_row {
    const char *name;
    char severity;
    unsigned by; /* set of roles */
    unsigned count;
    struct log_arg args[LOG_MAX_ARGS];
} log_rows[] = {
#define LOG_ROW(name, severity, by, ...)                                                                               \
    [LOG_##name] = {#name, severity, by, LOG_##name##_ARGS, {__VA_ARGS__}},
    LOG_TABLE(LOG_ROW)
#undef LOG_ROW
};

static const char *const role_names[] = {
#define ROLE_NAME(id, name, exe) [ROLE_##id] = name,
    ROLE_TABLE(ROLE_NAME)
#undef ROLE_NAME
};

static struct {
    pthread_mutex_t lock;
    int fd;
    uint16_t role;
    uint64_t second;
    unsigned written;
    int64_t dropped;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

void log_setup(int fd, enum role role)
{
    log_state.fd = fd;
    log_state.role = (uint16_t)role;
}

static void log_emit(enum log_event event, const int64_t *args)
{
    struct log_record r = {.event = (uint16_t)event, .role = log_state.role, .count = log_rows[event].count};
    memcpy(r.args, args, r.count * sizeof(args[0]));
    if (write(log_state.fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
        log_state.dropped++;
}

void log_write(enum log_event event, const int64_t *args)
{
    if (log_state.fd < 0)
        return;
    uint64_t second = clock_mono_ms() / 1000;
    (void)pthread_mutex_lock(&log_state.lock);
    if (second != log_state.second) {
        int64_t dropped = log_state.dropped;
        log_state.second = second;
        log_state.written = 0;
        log_state.dropped = 0;
        if (dropped > 0)
            log_emit(LOG_LOG_DROPPED, &dropped);
    }
    if (log_state.written < (log_rows[event].severity == 'i' ? LOG_INFO_PER_SECOND : LOG_PER_SECOND)) {
        log_state.written++;
        log_emit(event, args);
    } else {
        log_state.dropped++;
    }
    (void)pthread_mutex_unlock(&log_state.lock);
}

static const struct log_row *row_of(const struct log_record *r, enum role role)
{
    const struct log_row *row = r->event < COUNT_OF(log_rows) ? &log_rows[r->event] : NULL;
    if (row == NULL || r->role != role || (row->by & 1U << role) == 0 || r->count != row->count)
        return NULL;
    for (unsigned i = 0; i < row->count; i++)
        if ((uint64_t)r->args[i] > row->args[i].max)
            return NULL;
    return row;
}

/* A line has room for the largest record. */
PRINTF(3, 4) static size_t put(char *line, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + at, LOG_LINE_MAX - at, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < LOG_LINE_MAX - at);
    return at + (size_t)n;
}

static size_t put_arg(char *line, size_t at, const char *name, int64_t value)
{
    switch (name[0]) {
    case '%':
        return put(line, at, " %s=%s", name + 1, err_name((err_t)value));
    case '@':
        return put(line, at, " %s=%s", name + 1, role_names[value]);
    case '#':
        return put(line, at, " %s=%016" PRIx64, name + 1, (uint64_t)value);
    default:
        return put(line, at, " %s=%" PRId64, name, value);
    }
}

err_t log_format(const struct log_record *r, enum role role, uint64_t wall_us, char ret_line[static LOG_LINE_MAX])
{
    const struct log_row *row = row_of(r, role);
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm = {0};
    char stamp[32];
    if (row == NULL)
        return ERR_PROTOCOL;
    if (gmtime_r(&seconds, &tm) == NULL || strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return ERR_INTERNAL;
    size_t at = put(ret_line, 0, "%s.%06uZ %c %s %s", stamp, (unsigned)(wall_us % 1000000), row->severity,
                    role_names[role], row->name);
    for (unsigned i = 0; i < row->count; i++)
        at = put_arg(ret_line, at, row->args[i].name, r->args[i]);
    return OK;
}
