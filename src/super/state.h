/* What the supervisor knows. Only files of this folder include it. */
#ifndef VERONNX_SUPER_STATE_H
#define VERONNX_SUPER_STATE_H

#include "super/child.h"
#include "super/infers.h"
#include "super/relay.h"
#include "super/service.h"
#include "wire/conf.h"
#include "wire/identity.h"

#define PENDING_MAX    128 /* as many as a front asks for at a time */
#define PATH_BYTES_MAX 2048

/* Who asked for a model: the front (and which one), the admin listener, the list of models to be loaded at start. 0: nobody. */
struct ask {
    uint32_t front_request;
    uint16_t front_generation;
    uint32_t admin_request;
    bool preload;
    bool cold; /* its process has not survived a run that nobody had asked for */
};

/* A load that waits for an idle infer process. */
struct pending {
    struct wire_model model;
    struct ask ask;
    uint64_t asked_ms;
};

enum super_phase { SUPER_STARTING = 1, SUPER_SERVING = 2, SUPER_DRAINING = 4, SUPER_STOPPED = 8 };

#define COUNTING_MAX 8

struct super {
    uv_loop_t loop;
    uv_signal_t signals[2]; /* SIGTERM, SIGINT */
    uv_timer_t tick;        /* load deadlines; runs while something loads */
    uv_timer_t drain;
    uv_timer_t expiry; /* the keys of this boot end */
    uv_timer_t share_tick; /* who takes how much of the cores; runs while models do */
    enum super_phase phase;
    int exit_status;
    uint64_t started_ms;
    uint64_t drain_began_ms;

    struct map conf_map;
    const struct conf *conf;
    int conf_fd;

    char state[PATH_BYTES_MAX]; /* folders, absolute */
    char store[PATH_BYTES_MAX];
    char cache[PATH_BYTES_MAX];
    char exe_dir[PATH_BYTES_MAX];
    char lib_dir[PATH_BYTES_MAX];      /* a link beside the executables */
    char real_lib_dir[PATH_BYTES_MAX]; /* where it leads */
    char ort_path[PATH_BYTES_MAX];     /* ONNX Runtime's library */
    char ready_dir[PATH_BYTES_MAX];    /* folder of the ready file; "" without one */
    char empty_dir[PATH_BYTES_MAX];
    char env_locale[PATH_BYTES_MAX + 16];
    char env_runtime[PATH_BYTES_MAX + 32];
    const char *env[4];

    int listeners[CONF_LISTEN_MAX];
    uint32_t ports[CONF_LISTEN_MAX];
    int admin_listener;
    uint32_t admin_port;

    struct child *keeper; /* its end is the node's end */
    struct child *module; /* the security module's, likewise */
    int nsm_fd;           /* /dev/nsm until it has it; -1 */
    struct service front;
    struct service admin;
    struct service fetch;
    uint16_t generation; /* of the running front */
    bool front_ready;
    bool admin_ready;
    uint32_t idle_pause_ms;  /* before the next idle process, after one that failed to start; 0: none failed */
    uint64_t idle_retry_ms;
    bool infer_seen; /* an infer process has said hello: ONNX Runtime can be loaded */

    unsigned preloaded; /* models of the list that are ready or have failed, and the latter alone */
    unsigned preload_failed;
    uint64_t model_memory; /* what the configuration gives */
    int oom_fd;    /* our own /proc/self/oom_score_adj, or -1 */
    int oom_usual; /* what stood there */
    int nice_usual;    /* our own */
    bool nice_returns; /* a process that was put back can be brought forward again */

    struct infers infers;
    struct pending pending[PENDING_MAX];
    unsigned n_pending;

    struct msg_keeper_ready keys;
    struct identity identity;
    int identity_fd;          /* a sealed copy */
    bool installing;          /* another certificate is on its way */
    bool install_adopted;     /* the keeper has it, and the front is to show it */
    uint32_t install_request; /* of the administration, for it; 0: who asked is gone */

    struct relay relay; /* of the log */

    uint64_t loads, load_failures, loaded_bytes, warm_ups, warm_up_failures, evictions, kills, restarts;
    uint64_t source_bytes[SOURCE_NUMBERS];
    uint64_t kills_for[ERR_COUNT_];  /* of any process, by reason */
    uint32_t counting[COUNTING_MAX]; /* requests of the administration that wait for the front's counts; 0: none */
};

/* ── boot.c: before the first child that stays ── */

/* Closes every descriptor but 0, 1 and 2. */
err_t boot_begin(void);
/* Runs veronnx-config on the options, takes its records; on a wrong option the message is printed and ERR_USAGE returned. */
err_t boot_config(struct super *s, int argc, char **argv);
/* Folders, environment, budget, listening sockets. Errors are printed. */
err_t boot_prepare(struct super *s);
/* The supervisor's own jail. */
err_t boot_jail(struct super *s);
/* How every child of `role` is started; `args` may be NULL. */
struct child_setup boot_child(struct super *s, const char *const *args);

/* ── publish.c ── */

/* Writes cert.pem, receipt-key.pem and policy.conf into the state folder. */
err_t publish_keys(const struct super *s);
/* Prints the URL and writes the ready file. */
err_t publish_ready(const struct super *s);

/* ── module.c ── */

/* Opens /dev/nsm, which only a simulating node may lack; before the jail. Errors are printed. */
err_t module_open(struct super *s);
/* Starts the security module's process; `ret_keeper` is the keeper's end of the channel to it. */
err_t module_start(struct super *s, struct wire_end *ret_keeper);

/* ── fronts.c ── */

err_t fronts_start(struct super *s);
/* The front shows another certificate from now on (FRONT_READY says so), or the next front will. */
void front_renew(struct super *s);
/* Answers a front's FRONT_LOAD; does nothing when that front is gone. */
void front_answer_model(struct super *s, const struct ask *ask, struct infer *i);
void front_answer_failed(struct super *s, const struct ask *ask, err_t reason, const char *why, uint32_t retry_ms);

/* ── admin.c ── */

err_t admin_start(struct super *s);
void admin_answer(struct super *s, uint32_t request, err_t result, const char *why);
/* The certificate that was to be installed is shown, or will not be. Does nothing when there is none. */
void admin_installed(struct super *s, err_t result);

/* ── counts.c: numbers for the administration ── */

struct msg_admin_state admin_state(const struct super *s, uint32_t request);
/* ADMIN_METRICS: asks the front, whose answer completes it. */
void counts_ask(struct super *s, uint32_t request);
void counts_take(struct super *s, const struct msg_front_counts *counts);
/* The front has ended: nobody will answer. */
void counts_front_gone(struct super *s);

/* ── table.c ── */

/* Every model that the supervisor knows of, as rows of `struct admin_model` in a sealed memory file. */
err_t table_make(const struct super *s, int *ret_fd, uint32_t *ret_rows);

/* ── preload.c ── */

/* Has the models of the list loaded, one after the other. */
void preload_start(struct super *s);
/* The one that was asked for is ready or has failed. */
void preload_answer(struct super *s, err_t result);
/* Whether the list is not through yet. */
bool preload_waits(const struct super *s);

/* ── idle.c: infer processes before they have a model ── */

/* Starts the first idle infer process; there will always be one from then on. */
err_t idle_start(struct super *s);
/* Starts the process of a new infer: one that idles until it has a model, or one that prepares one. */
err_t idle_process(struct super *s, struct infer *i, bool prepares);
/* Starts one when there is none. */
void idle_keep(struct super *s);
/* One ended before it was ready. */
void idle_failed(struct super *s);

/* ── loads.c: infer processes and what they load ── */

/* Somebody wants this model served. The answer comes through front_answer_*, admin_answer or preload_answer. */
void loads_ask(struct super *s, const struct wire_model *m, const struct ask *ask);
/* Something that loads wait for may have come: an idle process, memory, the fetcher. */
void loads_settle(struct super *s);
/* The process got its memory: it pulls its file or takes the one that is there. */
void loads_granted(struct super *s, struct infer *i);
/* The most that loading a file of this size may take. */
uint64_t loads_time(const struct super *s, uint64_t file_bytes);
/* From now on it has `ms` for what it does. */
void loads_deadline(struct super *s, struct infer *i, uint64_t ms);
/* The run that nobody had asked for is over. */
void loads_warmed(struct super *s, struct infer *i, uint32_t us, err_t result);
/* The process `i` is gone, and what it failed with is left out now (the prepared form, the run that nobody asks for): the model is loaded
   again, for who waits for it. */
void loads_again(struct super *s, const struct infer *i);
/* Sees to it that the clock of deadlines runs. */
void loads_need_tick(struct super *s);

/* ── prepare.c: prepared forms, made beside everything else ── */

/* The model of this infer was loaded: is it worth while? */
void prepare_want(struct super *s, const struct infer *i);
/* Starts a process that makes one if one is wanted, nothing is being loaded, and there is memory for it. */
void prepare_settle(struct super *s);
/* That process is up; it has made one, of `bytes` bytes. */
void prepare_begin(struct super *s, struct infer *i);
void prepare_done(struct super *s, struct infer *i, int *fd, uint64_t bytes, uint32_t us);
/* It could not make one, or this process could not load one: the model does without from now on. */
void prepare_refuse(struct super *s, const struct infer *i);
/* Ends it if it is at this model (NULL: any): it may be made again. */
void prepare_stop(struct super *s, const struct wire_model *m);

/* ── leave.c: how a model goes ── */

/* Asks the front to let go of an infer, then ends it. */
void leave_evict(struct super *s, struct infer *i);
/* Ends an infer process at once; who waits for it gets `reason`. */
void leave_kill(struct super *s, struct infer *i, err_t reason);
/* The front ended: what it was asked to let go is ended without it. */
void leave_front_gone(struct super *s);
/* Everybody who waits for the model of this process hears that it will not come. */
void leave_tell(struct super *s, const struct infer *i, err_t reason);
/* child_owner's on_end for a `struct infer`. */
void leave_ended(void *self, int status, int signal);

/* ── memory.c: the budget for models ── */

/* Gives memory to those that wait for it, first come first served, letting go of what nobody has used for longest. */
void memory_settle(struct super *s);
/* A process that has its model wants more. */
void memory_more(struct super *s, struct infer *i);
/* Counts what a process may take that prepares a model, if that is free; sets its limits, once it is up. */
bool memory_reserve_preparer(struct super *s, struct infer *i);
err_t memory_limit_preparer(const struct super *s, struct infer *i);
/* A memory file is the model or an output area: none is larger than the larger of both, and once the model is there,
   than an output area. */
err_t memory_limit_files(const struct super *s, const struct infer *i);
/* Opens what oom_prefer writes to; before the jail. */
void memory_open_oom(struct super *s);
/* Between a call with true and one with false, processes that are started are the first that the kernel ends when the machine is out of
   memory. */
void memory_prefer_oom(struct super *s, bool on);

/* ── cores.c: shares of the cores ── */

/* Sees whether who was put back can be brought forward again; before the jail. */
void cores_open(struct super *s);
/* The process has just been started; it has no model yet. */
void cores_started(struct infer *i);
/* It begins to load its model, or to serve it: its time counts from here. */
void cores_begin(struct infer *i);
/* A model is being used. */
void cores_need_tick(struct super *s);

/* ── node.c ── */

/* A process without which nothing works has ended for good: the node ends with a non-zero status. */
void node_fail(struct super *s, const char *what);
/* Something became ready: announces the node when all of it is. */
void node_check_ready(struct super *s);
/* Starts the orderly end. */
void node_drain(struct super *s);
/* Ends everything. */
void node_stop(struct super *s, int exit_status);

#endif
