/* What a node counts. Front keeps its counts and tells them when the supervisor asks; all of them begin at zero with
 * it. */
#ifndef VERONNX_WIRE_METRICS_H
#define VERONNX_WIRE_METRICS_H

#include "base/defs.h"

/* Upper bounds in microseconds; behind them one bucket for everything else. */
#define METRIC_BOUNDS 15
#define METRIC_BOUND_LIST                                                                                              \
    {                                                                                                                  \
        100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000       \
    }

struct metric_times {
    uint64_t counts[METRIC_BOUNDS + 1];
    uint64_t sum_us;
};

/* Labels are of these lists alone: what a client sends makes no new one. */
#define METRIC_PATHS(X)                                                                                                \
    X(OTHER, "other")                                                                                                  \
    X(INFER, "infer")                                                                                                  \
    X(OIP_INFER, "oip_infer")                                                                                          \
    X(OIP, "oip")                                                                                                      \
    X(GRPC_INFER, "grpc_infer")                                                                                        \
    X(GRPC, "grpc")                                                                                                    \
    X(ENCLAVE, "enclave")                                                                                              \
    X(HEALTH, "health")
enum metric_path {
#define METRIC_PATH_ENUM(name, label) METRIC_PATH_##name,
    METRIC_PATHS(METRIC_PATH_ENUM)
#undef METRIC_PATH_ENUM
        METRIC_PATHS_
};

#define METRIC_CODES 17 /* statuses of HTTP; the last one stands for all others */
#define METRIC_CODE_LIST                                                                                               \
    {                                                                                                                  \
        200, 400, 403, 404, 405, 408, 411, 413, 414, 415, 429, 431, 500, 501, 503, 504, 0                              \
    }

/* Why an inference failed, in Triton's words. */
#define METRIC_REASONS(X)                                                                                              \
    X(REJECTED, "REJECTED") /* before it ran */                                                                        \
    X(CANCELED, "CANCELED") /* the client left */                                                                      \
    X(BACKEND, "BACKEND")   /* while it ran */                                                                         \
    X(OTHER, "OTHER")
enum metric_reason {
#define METRIC_REASON_ENUM(name, label) METRIC_REASON_##name,
    METRIC_REASONS(METRIC_REASON_ENUM)
#undef METRIC_REASON_ENUM
        METRIC_REASONS_
};

#define METRIC_CLASSES(X)                                                                                              \
    X(SUPERVISOR, "supervisor")                                                                                        \
    X(KEEPER, "keeper")                                                                                                \
    X(MODULE, "module")                                                                                                \
    X(FRONT, "front")                                                                                                  \
    X(ADMIN, "admin")                                                                                                  \
    X(INFER, "infer")                                                                                                  \
    X(FETCH, "fetch")
enum metric_class {
#define METRIC_CLASS_ENUM(name, label) METRIC_CLASS_##name,
    METRIC_CLASSES(METRIC_CLASS_ENUM)
#undef METRIC_CLASS_ENUM
        METRIC_CLASSES_
};

struct front_counts {
    uint64_t answers[METRIC_PATHS_][METRIC_CODES];
    uint64_t inferences; /* with an answer */
    uint64_t failures[METRIC_REASONS_];
    struct metric_times request; /* of inferences: from head to answer, */
    struct metric_times queue;   /* until their turn, */
    struct metric_times input;   /* making tensors, */
    struct metric_times compute; /* running, */
    struct metric_times output;  /* making the answer */
    uint64_t receipts;
    uint64_t questions; /* for attestation documents, */
    uint64_t documents; /* and those that were given */
    uint64_t handshakes;
    uint64_t connections; /* now */
    uint64_t pending;     /* inferences that wait for their turn now */
    uint64_t transfer_bytes;
    uint64_t transfer_limit;
};

/* A status's place in METRIC_CODE_LIST. */
unsigned metric_code(int status);
void metric_time(struct metric_times *t, uint64_t us);

#endif
