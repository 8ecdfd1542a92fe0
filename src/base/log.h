/* The typed log: an event of this table and up to six integers. No function here takes a string, so nothing of a request can
   get in. Every process writes records to the descriptor that the supervisor gave it; the supervisor checks and prints. */
#ifndef VERONNX_BASE_LOG_H
#define VERONNX_BASE_LOG_H

#include "base/err.h"

#define LOG_MAX_ARGS 6

/* name, severity (i info, w warning, e error), names of the integers. `%` before a name: it is an err_t and prints as
   its code; `#`: it prints as 16 hexadecimal digits. */
#define LOG_TABLE(X)                                                                                                   \
    X(NODE_READY, 'i', "port", "ms")                                                                                   \
    X(NODE_DRAINING, 'i', "in_flight")                                                                                 \
    X(NODE_STOPPED, 'i', "exit")                                                                                       \
    X(PROCESS_STARTED, 'i', "role", "pid")                                                                             \
    X(PROCESS_ENDED, 'w', "role", "pid", "status", "signal")                                                           \
    X(PROCESS_BACKOFF, 'w', "role", "ms")                                                                              \
    X(PROCESS_KILLED, 'w', "role", "pid", "%reason")                                                                   \
    X(JAIL_FAILED, 'e', "role", "phase", "step", "errno")                                                              \
    X(LOG_DROPPED, 'w', "records")                                                                                     \
    X(MODEL_LOADING, 'i', "infer", "request")                                                                          \
    X(MODEL_READY, 'i', "infer", "bytes", "verify_us", "scan_us", "load_us")                                           \
    X(MODEL_FAILED, 'w', "infer", "%reason")                                                                           \
    X(MODEL_EVICTED, 'i', "infer", "bytes")                                                                            \
    X(BLOCK_REFUSED, 'w', "infer", "source", "%reason")                                                                \
    X(PEER_REFUSED, 'e', "role", "message", "%reason")                                                                 \
    X(REPORT_REFUSED, 'e', "infer", "job", "%reason")                                                                  \
    X(REQUEST_DONE, 'i', "#request", "status", "us")                                                                   \
    X(REQUEST_FAILED, 'i', "#request", "status", "%reason", "us")                                                      \
    X(CONNECTION_LIMIT, 'w', "connections")                                                                            \
    X(TLS_FAILED, 'i', "reason")                                                                                       \
    X(KEEPER_SLOW, 'w', "ms")                                                                                          \
    X(CONFIG_LOADED, 'i', "bytes")

enum log_event {
#define LOG_ENUM(name, ...) LOG_##name,
    LOG_TABLE(LOG_ENUM)
#undef LOG_ENUM
        LOG_COUNT_
};

/* One record as it travels: fixed form, 64 bytes, so a write to a pipe or socket is atomic. */
struct log_record {
    uint16_t event;
    uint16_t role;
    uint32_t count;
    uint64_t wall_us;
    int64_t args[LOG_MAX_ARGS];
};

/* `fd` receives the records of this process (role: enum role of wire/roles.h). Before this call records are dropped. */
void log_setup(int fd, uint16_t role);

/* At most 100 records a second, and 50 of severity `i`, so that requests cannot crowd out what went wrong; what is over
   is counted and told in one LOG_DROPPED record. Never blocks, never fails. */
void log_write(enum log_event event, unsigned count, const int64_t *args);
#define log_event(event, ...)                                                                                          \
    log_write(event, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]){__VA_ARGS__})

/* Supervisor: checks a record that came from a process of `role` (event, count, role) and prints one line into `text`. */
err_t log_format(const struct log_record *r, uint16_t role, const char *role_name, char *ret_text, size_t size);

#endif
