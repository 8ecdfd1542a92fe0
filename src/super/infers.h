/* The infer processes: what each of them serves and what memory it holds; the model files that are kept; the failures that are
   remembered. Pure bookkeeping. */
#ifndef VERONNX_SUPER_INFERS_H
#define VERONNX_SUPER_INFERS_H

#include "super/child.h"
#include "super/share.h"
#include "wire/conf.h"

#define FAILURES_MAX  64
#define KEPT_MAX      LIVE_INFERS_MAX
#define SIZING_MAX    16         /* models at a time whose size is not known or that wait for memory */
#define PROCESS_BYTES (16 * MIB) /* what a process has that has no model */

/* One bit each, so that routes can name several. */
enum infer_state {
    INFER_STARTING = 1, /* no INFER_HELLO yet */
    INFER_IDLE = 2,
    INFER_SIZING = 4,   /* assigned; its size is not known or not granted */
    INFER_PULLING = 8,
    INFER_LOADING = 16, /* sealed */
    INFER_READY = 32,
    INFER_LEAVING = 64, /* killed or asked to go; the model is no longer served */
    INFER_PREPARING = 128, /* from its start: it makes the prepared form of a model, and serves none */
};

struct super;

/* The prepared form of a model, a sealed memory file: its maker can have put into it whatever that model can do. */
struct prepared {
    int fd; /* -1: none */
    uint64_t bytes;
};

/* Whether one is to be made of a kept file. REFUSED: it could not be, or could not be loaded; it is not tried again. */
enum prepare_wish { PREPARE_NOT, PREPARE_WANTED, PREPARE_REFUSED };

struct infer {
    struct super *super;
    struct child *child; /* NULL: the place is free */
    uint32_t number;
    enum infer_state state;
    uint8_t epoch[EPOCH_LEN];
    struct wire_model model;
    uint64_t file_bytes;
    uint64_t received;     /* of them, as it says */
    uint32_t sources;      /* that they came from */
    uint64_t reserved;     /* counted against the budget, with its file while that is held here */
    uint64_t data_limit;   /* its soft RLIMIT_DATA */
    uint64_t bare_bytes;   /* address space of the process when it got its model */
    uint64_t used_ms;      /* last activity that a front told of */
    unsigned seconds;      /* in a row, in which it was used */
    uint64_t asked_ms;     /* when somebody first wanted the model */
    uint64_t assigned_ms;
    uint32_t front_request; /* waiting for the answer; 0: none */
    uint16_t front_generation;
    uint32_t admin_request;
    bool preload; /* the list of models to be loaded at start waits */
    bool cold;    /* it is not to be run before anybody asks for it */
    bool warming; /* and this is what it does */
    uint32_t verify_us;
    enum infer_state was; /* before LEAVING */
    bool releasing;       /* the front was asked to let go */
    bool known_to_keeper;
    err_t reason;   /* why it ends */
    char why[WHY_MAX + 1];
    int report_fd; /* what it will report on; -1: it has it */
    int block_fd;  /* our duplicate of the block channel */
    int file_fd;   /* the sealed file, until the model is loaded */
    struct prepared prepared; /* what it loads from instead, and keeps mapped; PREPARING: without fd, the most that it may make */
    enum prepare_wish wish;   /* of its file */
    uint64_t deadline_ms; /* of loading; 0: none */
    struct msg_keeper_sealed sealed;
    char engine[ENGINE_MAX]; /* as it said itself */
    size_t engine_len;
    bool scanned;
    bool random;  /* it has a random operator, as the scan found */
    uint32_t scan_us;
    uint32_t cpu_us; /* that loading took */
    struct share share; /* of the cores */
};

/* A sealed file whose model no process is loading: the next one that is to serve it needs no blocks. */
struct kept {
    struct wire_model model;
    uint64_t bytes; /* 0: the place is free */
    uint64_t used_ms;
    struct msg_keeper_sealed sealed;
    int fd;
    bool random; /* what the scan of it found */
    enum prepare_wish wish;
    struct prepared prepared; /* counted too; not here while a process is loaded from it */
};

/* A load that failed: asking again before `until_ms` gets the same answer. */
struct failure {
    struct wire_model model;
    err_t reason; /* OK: the place is free */
    char why[WHY_MAX + 1];
    uint64_t until_ms;
    uint32_t pause_ms;
};

struct infers {
    struct infer rows[LIVE_INFERS_MAX];
    struct kept kept[KEPT_MAX];
    struct failure failures[FAILURES_MAX];
    unsigned next_failure;
    uint32_t last_number;
    unsigned sizing_max;
    uint64_t budget; /* bytes for all models and kept files */
    uint64_t used;
};

/* Divides what the configuration gives: some is set aside for processes without a model (one that idles, some that find out how large
   their model is), so that who asks for models that nobody has does not drive out others. */
void infers_divide(struct infers *t, uint64_t bytes);

/* A free place with a new number, or NULL. */
struct infer *infers_new(struct infers *t);
/* The next number: those that a model is given to rise, whatever the order in which the processes were started. */
void infers_renumber(struct infers *t, struct infer *i);
/* As if it were new, but the process is the same and idle. What it held is closed and returned; its block
   channel is shut, since it may have kept an end that would let it talk to the host while it sees the next inputs. */
void infers_renew(struct infers *t, struct infer *i);
struct infer *infers_by_number(struct infers *t, uint32_t number);
/* The one that serves or loads this model; NULL. */
struct infer *infers_by_model(struct infers *t, const struct wire_model *m);
struct infer *infers_in_state(struct infers *t, unsigned states);
unsigned infers_count(const struct infers *t, unsigned states);
/* The front told that it was used of late. */
void infers_used(struct infer *i, uint64_t now_ms);
/* The ready one that was idle longest and is not being released already; NULL. Those that are in use all the time only when there is no
   other: what is loaded once and never asked for again shall not drive them out, however much of it there is. */
struct infer *infers_oldest(struct infers *t, uint64_t now_ms);
/* The one that has waited longest for memory; NULL. */
struct infer *infers_waiting(struct infers *t);
/* What comes back without further doing: of those that end or were asked to. */
uint64_t infers_leaving(const struct infers *t);
/* Whether one of them has a deadline. */
bool infers_timed(const struct infers *t);

/* Counts `bytes` in all for this infer; false when they do not fit. */
bool infers_reserve(struct infers *t, struct infer *i, uint64_t bytes);
/* Closes what it holds and returns the place and its memory. */
void infers_drop(struct infers *t, struct infer *i);

/* ── files.c: kept files ── */

/* The file that this infer holds is kept; its bytes go with it. */
void files_keep(struct infers *t, struct infer *i, uint64_t now_ms);
/* The file that is kept of the infer's model becomes the infer's, with its bytes; false: there is none. */
bool files_take(struct infers *t, struct infer *i);
const struct kept *files_find(const struct infers *t, const struct wire_model *m);
/* Its model was used. */
void files_used(struct infers *t, const struct wire_model *m, uint64_t now_ms);
/* What is known of it and lies in memory: its own bytes and those of its prepared form. */
uint64_t files_bytes(const struct kept *k);
/* A prepared form of this file is wanted, unless it was refused. */
void files_want(struct infers *t, const struct wire_model *m);
/* The one used last of which a prepared form is wanted; NULL. */
struct kept *files_wanted(struct infers *t);
/* No prepared form is made of it any more. */
void files_refuse(struct infers *t, const struct wire_model *m);
/* The prepared form that this infer has, or was loaded from, goes to the file, with its bytes; it stays with the infer when there is no
   such file, or it has one. */
void files_take_prepared(struct infers *t, struct infer *i);
/* Drops the prepared form of the file that was used longest ago; it may be made again. */
bool files_drop_prepared(struct infers *t);
/* Both say whether there was one. */
bool files_drop(struct infers *t, const struct wire_model *m);
bool files_drop_oldest(struct infers *t);

/* ── failures ── */

/* The failure that still stands for this model, or NULL. */
const struct failure *infers_failure(const struct infers *t, const struct wire_model *m, uint64_t now_ms);
/* Remembers one; with `stands` it is also the answer to who asks again: for 5 s, doubled with each failure in a row up to 60 s. */
void infers_failed(struct infers *t, const struct wire_model *m, err_t reason, const char *why, bool stands,
                   uint64_t now_ms);
/* Forgets it, whether it stands or not; false: there was none. */
bool infers_forgive(struct infers *t, const struct wire_model *m);

#endif
