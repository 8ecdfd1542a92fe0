/* Writing and printing log records. */
#include "base/log.h"

#include "base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_PER_SECOND      100
#define LOG_INFO_PER_SECOND 50

static const struct {
    const char *name;
    char severity;
    const char *args[LOG_MAX_ARGS];
} log_rows[] = {
#define LOG_ROW(name, severity, ...) [LOG_##name] = {#name, severity, {__VA_ARGS__}},
    LOG_TABLE(LOG_ROW)
#undef LOG_ROW
};

static struct {
    pthread_mutex_t lock;
    int fd;
    uint16_t role;
    uint64_t second;
    unsigned written;
    int64_t dropped;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

void log_setup(int fd, uint16_t role)
{
    log_state.fd = fd;
    log_state.role = role;
}

static void log_emit(enum log_event event, unsigned count, const int64_t *args, uint64_t now_us)
{
    struct log_record r = {
        .event = (uint16_t)event, .role = log_state.role, .count = MIN(count, LOG_MAX_ARGS), .wall_us = now_us};
    memcpy(r.args, args, r.count * sizeof(args[0]));
    if (write(log_state.fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
        log_state.dropped++;
}

void log_write(enum log_event event, unsigned count, const int64_t *args)
{
    if (log_state.fd < 0)
        return;
    uint64_t now = clock_wall_us();
    (void)pthread_mutex_lock(&log_state.lock);
    if (now / 1000000 != log_state.second) {
        int64_t dropped = log_state.dropped;
        log_state.second = now / 1000000;
        log_state.written = 0;
        log_state.dropped = 0;
        if (dropped > 0)
            log_emit(LOG_LOG_DROPPED, 1, &dropped, now);
    }
    if (log_state.written < (log_rows[event].severity == 'i' ? LOG_INFO_PER_SECOND : LOG_PER_SECOND)) {
        log_state.written++;
        log_emit(event, count, args, now);
    } else {
        log_state.dropped++;
    }
    (void)pthread_mutex_unlock(&log_state.lock);
}

/* Appends at `*len`; what does not fit is left out whole. */
static void append(char *text, size_t size, size_t *len, const char *word)
{
    size_t n = strlen(word);
    if (*len + n >= size)
        return;
    memcpy(text + *len, word, n + 1);
    *len += n;
}

static void append_arg(char *text, size_t size, size_t *len, const char *name, int64_t value)
{
    char digits[24];
    bool code = name[0] == '%';
    bool hex = name[0] == '#';
    (void)snprintf(digits, sizeof(digits), hex ? "%016" PRIx64 : "%" PRId64, value);
    append(text, size, len, " ");
    append(text, size, len, code || hex ? name + 1 : name);
    append(text, size, len, "=");
    append(text, size, len, code && value >= 0 && value < ERR_COUNT_ ? err_name((err_t)value) : digits);
}

err_t log_format(const struct log_record *r, uint16_t role, const char *role_name, char *ret_text, size_t size)
{
    if (r->event >= COUNT_OF(log_rows) || r->count > LOG_MAX_ARGS || r->role != role)
        return ERR_PROTOCOL;
    time_t seconds = (time_t)(r->wall_us / 1000000);
    struct tm tm = {0};
    char stamp[32];
    if (gmtime_r(&seconds, &tm) == NULL || strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return ERR_PROTOCOL;
    int n = snprintf(ret_text, size, "%s.%06uZ %c %s %s", stamp, (unsigned)(r->wall_us % 1000000),
                     log_rows[r->event].severity, role_name, log_rows[r->event].name);
    if (n < 0 || (size_t)n >= size)
        return ERR_TOO_LARGE;
    size_t len = (size_t)n;
    for (unsigned i = 0; i < r->count && log_rows[r->event].args[i] != NULL; i++)
        append_arg(ret_text, size, &len, log_rows[r->event].args[i], r->args[i]);
    return OK;
}
