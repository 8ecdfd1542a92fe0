/* The infer processes: what each of them serves and what memory it holds. Pure bookkeeping. */
#ifndef VERONNX_SUPER_INFERS_H
#define VERONNX_SUPER_INFERS_H

#include "super/child.h"
#include "wire/conf.h"

#define INFERS_MAX   250 /* the keeper has room for 256 */
#define FAILURES_MAX 64

/* One bit each, so that routes can name several. */
enum infer_state {
    INFER_STARTING = 1, /* no INFER_HELLO yet */
    INFER_IDLE = 2,
    INFER_SIZING = 4,   /* assigned; its size is not known or not granted */
    INFER_PULLING = 8,
    INFER_LOADING = 16, /* sealed */
    INFER_READY = 32,
    INFER_LEAVING = 64, /* killed or asked to go; the model is no longer served */
};

struct super;

struct infer {
    struct super *super;
    struct child *child; /* NULL: the place is free */
    uint32_t number;
    enum infer_state state;
    uint8_t epoch[EPOCH_LEN];
    struct wire_model model;
    uint64_t file_bytes;
    uint64_t reserved;     /* counted against the budget, the sealed file included while it is kept */
    uint64_t data_limit;   /* its soft RLIMIT_DATA */
    uint64_t used_ms;      /* last activity that a front told of */
    uint64_t assigned_ms;
    uint32_t front_request; /* waiting for the answer; 0: none */
    uint16_t front_generation;
    uint32_t admin_request;
    uint32_t verify_us;
    enum infer_state was; /* before LEAVING */
    bool releasing;       /* the front was asked to let go */
    bool known_to_keeper;
    err_t reason;   /* why it ends */
    char why[WHY_MAX + 1];
    int block_fd; /* our duplicate of the block channel */
    uint64_t deadline_ms; /* of loading; 0: none */
    struct msg_keeper_sealed sealed;
    char engine[ENGINE_MAX];
    size_t engine_len;
};

/* A load that failed a moment ago: asking again before `until_ms` gets the same answer. */
struct failure {
    struct wire_model model;
    err_t reason;
    char why[WHY_MAX + 1];
    uint64_t until_ms;
    uint32_t pause_ms;
};

struct infers {
    struct infer rows[INFERS_MAX];
    struct failure failures[FAILURES_MAX];
    unsigned next_failure;
    uint32_t last_number;
    uint64_t budget; /* bytes for all models */
    uint64_t used;
};

bool models_equal(const struct wire_model *a, const struct wire_model *b);

/* A free place with a new number, or NULL. */
struct infer *infers_new(struct infers *t);
struct infer *infers_by_number(struct infers *t, uint32_t number);
/* The one that serves or loads this model; NULL. */
struct infer *infers_by_model(struct infers *t, const struct wire_model *m);
struct infer *infers_in_state(struct infers *t, unsigned states);
unsigned infers_count(const struct infers *t, unsigned states);
/* The ready one that was idle longest and is not being released already; NULL. */
struct infer *infers_oldest(struct infers *t);
/* Whether some front has been asked to let one go. */
bool infers_releasing(const struct infers *t);
/* Whether one of them has a deadline. */
bool infers_timed(const struct infers *t);

/* Counts `bytes` more (or fewer) for this infer; false when they do not fit. */
bool infers_reserve(struct infers *t, struct infer *i, uint64_t bytes);
/* Returns the place and its memory. */
void infers_drop(struct infers *t, struct infer *i);

/* The failure that still stands for this model, or NULL. */
const struct failure *infers_failure(const struct infers *t, const struct wire_model *m, uint64_t now_ms);
/* Remembers one: 5 s, doubled with each failure in a row up to 60 s. */
void infers_failed(struct infers *t, const struct wire_model *m, err_t reason, const char *why, uint64_t now_ms);
void infers_worked(struct infers *t, const struct wire_model *m);

#endif
