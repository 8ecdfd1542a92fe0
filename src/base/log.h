/* The typed log: an event of this table and up to six integers. No function here takes a string, so nothing of a request can
   get in. Every process writes records to the descriptor that the supervisor gave it; the supervisor checks and prints. */
#ifndef VERONNX_BASE_LOG_H
#define VERONNX_BASE_LOG_H

#include "base/err.h"
#include "base/role.h"

#define LOG_MAX_ARGS 6

/* An integer and what it may be: 0 to a maximum. `%`, `#` and `@` say how it is printed. */
struct log_arg {
    const char *name;
    uint64_t max;
};
#define LOG_ANY(name)   {name, INT64_MAX}
#define LOG_WORD(name)  {name, UINT32_MAX}
#define LOG_SMALL(name) {name, UINT8_MAX}
#define LOG_BITS(name)  {"#" name, UINT64_MAX} /* printed as 16 hexadecimal digits */
#define LOG_REASON      {"%reason", ERR_COUNT_ - 1} /* an err_t, printed as its code */
#define LOG_ROLE        {"@role", ROLE_COUNT_ - 1} /* printed as its name */

/* name, severity (i info, w warning, e error), who may write it, its integers */
#define LOG_TABLE(X)                                                                                                   \
    X(NODE_READY, 'i', BY_SUPER, LOG_WORD("port"), LOG_ANY("ms"))                                                      \
    X(NODE_DRAINING, 'i', BY_SUPER, LOG_WORD("in_flight"))                                                             \
    X(NODE_STOPPED, 'i', BY_SUPER, LOG_WORD("exit"))                                                                   \
    X(PROCESS_STARTED, 'i', BY_SUPER, LOG_ROLE, LOG_WORD("pid"))                                                       \
    X(PROCESS_ENDED, 'w', BY_SUPER, LOG_ROLE, LOG_WORD("pid"), LOG_WORD("status"), LOG_SMALL("signal"))                \
    X(PROCESS_BACKOFF, 'w', BY_SUPER, LOG_ROLE, LOG_WORD("ms"))                                                        \
    X(PROCESS_KILLED, 'w', BY_SUPER, LOG_ROLE, LOG_WORD("pid"), LOG_REASON)                                            \
    X(JAIL_FAILED, 'e', BY_CHILDREN, LOG_ROLE, LOG_SMALL("phase"), LOG_SMALL("step"), LOG_SMALL("errno"))              \
    X(LOG_DROPPED, 'w', BY_ALL, LOG_WORD("records"))                                                                   \
    X(RECORDS_REFUSED, 'w', BY_SUPER, LOG_ROLE, LOG_ANY("records"))                                                    \
    X(MODEL_LOADING, 'i', BY_SUPER, LOG_WORD("infer"), LOG_WORD("request"), LOG_ANY("kept_bytes"))                     \
    X(MODEL_SIZED, 'i', BY_SUPER, LOG_WORD("infer"), LOG_ANY("bytes"), LOG_ANY("ms"))                                  \
    X(MODEL_SEALED, 'i', BY_SUPER, LOG_WORD("infer"), LOG_ANY("bytes"), LOG_ANY("us"), LOG_WORD("sources"))            \
    X(MODEL_READY, 'i', BY_SUPER, LOG_WORD("infer"), LOG_ANY("bytes"), LOG_WORD("verify_us"), LOG_WORD("scan_us"),     \
      LOG_WORD("load_us"), LOG_SMALL("prepared"))                                                                      \
    X(MODEL_WARMED, 'i', BY_SUPER, LOG_WORD("infer"), LOG_WORD("warm_us"), LOG_REASON)                                 \
    X(MODEL_PREPARED, 'i', BY_SUPER, LOG_WORD("infer"), LOG_ANY("bytes"), LOG_WORD("us"))                              \
    X(MODEL_NOT_PREPARED, 'w', BY_SUPER, LOG_WORD("infer"), LOG_REASON)                                                \
    X(MODEL_FAILED, 'w', BY_SUPER, LOG_WORD("infer"), LOG_REASON)                                                      \
    X(MODEL_EVICTED, 'i', BY_SUPER, LOG_WORD("infer"), LOG_ANY("bytes"))                                               \
    X(MODELS_PRELOADED, 'i', BY_SUPER, LOG_WORD("ready"), LOG_WORD("failed"), LOG_ANY("ms"))                           \
    X(BLOCK_REFUSED, 'w', BY_INFER | BY_FETCH, LOG_WORD("infer"), LOG_SMALL("source"), LOG_REASON)                     \
    X(SOURCE_PAUSED, 'w', BY_FETCH, LOG_SMALL("source"), LOG_WORD("ms"), LOG_WORD("failures"), LOG_REASON,             \
      LOG_WORD("status"), LOG_WORD("curl"))                                                                            \
    X(SOURCE_LIES, 'w', BY_FETCH, LOG_SMALL("source"), LOG_WORD("infer"), LOG_REASON)                                  \
    X(SOURCE_GAVE, 'i', BY_FETCH, LOG_WORD("infer"), LOG_SMALL("source"), LOG_ANY("blocks"), LOG_ANY("bytes"))         \
    X(CACHE_FULL, 'w', BY_FETCH, LOG_SMALL("errno"))                                                                   \
    X(CACHE_SKIPPED, 'w', BY_FETCH, LOG_ANY("blocks"))                                                                 \
    X(PEER_REFUSED, 'e', BY_ALL, LOG_ROLE, LOG_WORD("message"), LOG_REASON)                                            \
    X(REPORT_REFUSED, 'e', BY_KEEPER, LOG_WORD("infer"), LOG_BITS("job"), LOG_REASON)                                  \
    X(REQUEST_DONE, 'i', BY_FRONT | BY_ADMIN, LOG_BITS("request"), LOG_WORD("status"), LOG_ANY("us"))                  \
    X(REQUEST_FAILED, 'i', BY_FRONT | BY_ADMIN, LOG_BITS("request"), LOG_WORD("status"), LOG_REASON, LOG_ANY("us"))    \
    X(CONNECTION_LIMIT, 'w', BY_FRONT | BY_ADMIN, LOG_WORD("connections"))                                             \
    X(TLS_FAILED, 'i', BY_FRONT, LOG_WORD("reason"))                                                                   \
    X(KEEPER_SLOW, 'w', BY_FRONT, LOG_ANY("ms"))                                                                       \
    X(NSM_FAILED, 'e', BY_NSM | BY_NSM_SIM, LOG_SMALL("phase"), LOG_REASON)                                            \
    X(NSM_REFUSED, 'w', BY_NSM | BY_NSM_SIM, LOG_SMALL("operation"), LOG_SMALL("error"))                               \
    X(CHECK_FAILED, 'e', BY_KEEPER, LOG_SMALL("check"), LOG_REASON)                                                    \
    X(CLOCK_WRONG, 'e', BY_KEEPER, LOG_ANY("ms"))

enum log_event {
#define LOG_ENUM(name, ...) LOG_##name,
    LOG_TABLE(LOG_ENUM)
#undef LOG_ENUM
        LOG_COUNT_
};

/* How many integers each of them has. */
enum {
#define LOG_ARGS(name, severity, by, ...)                                                                              \
    LOG_##name##_ARGS = sizeof((struct log_arg[]){__VA_ARGS__}) / sizeof(struct log_arg),
    LOG_TABLE(LOG_ARGS)
#undef LOG_ARGS
};

/* One record as it travels: fixed form, 56 bytes, so a write to a socket is atomic. The time is the receiver's. */
struct log_record {
    uint16_t event;
    uint16_t role;
    uint32_t count;
    int64_t args[LOG_MAX_ARGS];
};

/* `fd` receives the records of this process. Before this call records are dropped. */
void log_setup(int fd, enum role role);

/* At most 100 records a second, and 50 of severity `i`, so that requests cannot crowd out what went wrong; what is over
   is counted and told in one LOG_DROPPED record. Never blocks, never fails. */
void log_write(enum log_event event, const int64_t *args);
#define log_event(event, ...)                                                                                          \
    do {                                                                                                               \
        const int64_t log_args_[] = {__VA_ARGS__};                                                                     \
        _Static_assert(sizeof(log_args_) / sizeof(log_args_[0]) == event##_ARGS, #event);                              \
        log_write(event, log_args_);                                                                                   \
    } while (0)

#define LOG_LINE_MAX 512

/* Supervisor: a record that came from a process of `role`, as a line. ERR_PROTOCOL when it is not one that this role may write:
   its event, its own role, the number of its integers and their ranges are checked against the table. */
err_t log_format(const struct log_record *r, enum role role, uint64_t wall_us, char ret_line[static LOG_LINE_MAX]);

#endif
