/* The public front: its state, and which file does what with it. All of it belongs to the thread of the loop.

   A call is a request of a model. It waits in the model's queue, runs in a slot of the lane to the model's process, and
   then waits for its receipt. Answering a request may at once bring the next one of its connection, so a function that
   can answer (it says so) leaves everything consistent before it does, and its caller believes nothing that it knew. */
#ifndef VERONNX_FRONT_APP_H
#define VERONNX_FRONT_APP_H

#include "base/list.h"
#include "front/about.h"
#include "front/body.h"
#include "front/budget.h"
#include "front/grpc_infer.h"
#include "front/http.h"
#include "front/inflate.h"
#include "front/killers.h"
#include "front/pool.h"
#include "front/resolve.h"
#include "front/tls.h"
#include "tensor/infer_inputs.h"
#include "tensor/oip_request.h"
#include "wire/conf.h"
#include "wire/frame.h"
#include "wire/identity.h"

#define CALL_TEXT_SIZE 24
#define CALLS_MAX      512 /* running or waiting for receipts; the keeper has room for twice as many tickets */
#define MODELS_MAX     512
#define LOADS_MAX      128 /* open questions to the supervisor: sockets have room for as many messages */
#define SLOTS_MAX      32
#define PROOFS_MAX     64 /* open questions to the keeper for documents; it takes fewer at a time */
#define SIGNING_MAX    64 /* results of one lane that wait for receipts: one that reports nothing has no more seats */

struct app;
struct call;
struct lane;

/* ── models.c: which models there are and what waits for them ── */

enum model_state {
    MODEL_FREE,
    MODEL_LOADING,    /* asked the supervisor */
    MODEL_INTRODUCED, /* has a lane; its signature is not there yet */
    MODEL_READY,
};

/* Of the process that it has now, in the words of Triton's statistics; nanoseconds. */
struct model_stats {
    uint64_t runs;      /* results */
    uint64_t failures;  /* and calls that failed after they were handed over */
    uint64_t queue_ns;  /* from the head of a request to its turn */
    uint64_t input_ns;  /* making the tensors */
    uint64_t infer_ns;  /* as infer says */
    uint64_t output_ns; /* making the answer */
    uint64_t failure_ns;
    uint64_t last_ms; /* Unix time */
};

struct model {
    struct app *app;
    enum model_state state;
    struct wire_model id;
    uint32_t request;  /* LOADING: number of the FRONT_LOAD that is open */
    uint64_t asked_ms; /* when that was */
    uint64_t ready_ms;
    uint8_t sha256[DIGEST_LEN];
    struct signature signature;
    struct lane *lane; /* INTRODUCED, READY */
    struct list queue; /* calls: lower levels first, each in the order of arrival */
    unsigned waiting;  /* how many */
    struct model_stats stats;
};

/* The row of a model that somebody has asked for; NULL. Borrowed until the next call of this file. */
const struct model *models_find(struct app *app, const struct wire_model *id);
/* Lets its process go when all that waits for it has been answered. ERR_MODEL_NOT_FOUND: it is not there. */
err_t models_unload(struct app *app, const struct wire_model *id);

/* Takes a parsed call: starts it, or lets it wait for a slot or for the model, or answers it (QUEUE_FULL, OVERLOADED,
   whatever is wrong with its inputs). */
void models_join(struct app *app, const struct wire_model *id, struct call *c);
/* Takes the first call out of the queue; NULL when nobody waits. */
struct call *models_next(struct model *m);
/* Answers those that have waited for their turn for as long as a run may take, not counting the load, or as they want
   to wait (QUEUE_TIMEOUT). */
void models_tick(struct app *app, uint64_t now_ms);
/* Puts a call that could not be handed over in front of its level again. */
void models_requeue(struct model *m, struct call *c);
/* Takes a waiting call out of its queue. */
void models_leave(struct call *c);
/* The lane is gone: what waits is asked for again, once, else answered with `reason`. */
void models_lost(struct model *m, err_t reason);
/* Messages of the supervisor; may answer calls. ERR_PROTOCOL when nobody asked. */
err_t models_loaded(struct app *app, struct wire_msg *msg);
err_t models_failed(struct app *app, struct wire_msg *msg);

/* ── slots.c: the memory that we share with an infer process ── */

#define INPUT_KEEP (1 * MIB) /* the longest input area whose pages an idle slot may keep */

struct slot {
    struct map input;  /* made by us */
    int unsent;        /* its descriptor until infer has got it; -1 */
    struct lease held; /* of the bytes of `input` that may have pages */
    struct map output; /* made by infer, read only */
    bool busy;
};

/* An input area of its own, which becomes a slot's. */
struct area {
    struct map map;
    int fd; /* -1: infer has it, or there is none */
};

void slot_init(struct slot *s);
/* `bytes` rounded up to pages, zeroed. ERR_NOMEM, ERR_IO. */
err_t area_make(size_t bytes, struct area *ret);
size_t area_pages(size_t bytes);
/* Accepts one that was never made, if its descriptor is -1. */
void area_done(struct area *a);
/* The slot's input area from now on, with what was reserved for it. */
void slot_adopt(struct slot *s, struct area *a, struct lease *held);
/* And back, of an area that infer has not got. */
void slot_return(struct slot *s, struct area *ret, struct lease *ret_held);
/* Room for `bytes` in the input area, reserved before it is made. ERR_OVERLOADED, ERR_NOMEM, ERR_IO. */
err_t slot_input(struct app *app, struct slot *s, size_t bytes);
/* The `bytes` bytes of a result (borrowed until the slot's next one), in a new area if the message brought one. Infer
   may write to it at any time. Any error is infer's fault. */
err_t slot_output(struct app *app, struct slot *s, struct wire_msg *m, uint64_t bytes, struct view *ret);
/* For a job, and after it: then memory that is not worth keeping is given back, also if infer still maps it. */
void slot_take(struct app *app, struct slot *s);
void slot_give(struct app *app, struct slot *s);
/* Of a slot that is not busy. */
void slot_done(struct app *app, struct slot *s);

/* ── lane.c: the channel to one infer process ── */

struct lane {
    uv_poll_t poll;
    struct app *app;
    struct model *model; /* NULL: it has ended, and is freed when the loop has closed `poll` */
    uint32_t infer;
    struct wire_end job;
    struct wire_end cancel;
    struct wire_pack jobs; /* of calls that leave */
    err_t departed;        /* what became of the last ones */
    struct lane *next;     /* of all that have not ended */
    uint64_t meta_ms;      /* until when its signature must be there */
    uint64_t mean_us;      /* how long a job takes a slot, on average; 0 = not known */
    uint64_t run_us;       /* how long infer says that it runs a job, on average; long until it is known */
    unsigned crowd;        /* how many jobs are under way when a result comes, on average and times eight */
    unsigned n_slots;
    unsigned max_slots;  /* while jobs are short */
    unsigned running;    /* slots that are busy */
    unsigned begun;      /* calls that workers have */
    struct list pending; /* calls whose jobs no worker has begun, in order */
    unsigned signing;    /* results that wait for their receipts */
    bool leaving;        /* FRONT_EVICT came: only those are started that */
    unsigned owed;       /* were waiting then; how many at most */
    bool active;         /* used since the supervisor was told last */
    bool slow;           /* one of its runs takes long */
    bool told_slow;      /* so the supervisor thinks */
    bool settling;       /* inside lane_settle */
    int events;          /* of `job`, as the loop was told last */
    struct slot slots[SLOTS_MAX];
};

/* Takes both descriptors. */
err_t lane_open(struct app *app, struct model *m, uint32_t infer, int *job_fd, int *cancel_fd, struct lane **ret);
/* The process ended, hangs, or broke a rule: the supervisor is told to end it for this reason, its calls get
 * MODEL_DIED. */
void lane_fail(struct lane *l, err_t reason);
/* The supervisor wants the process back: after what runs, with its receipts, it gets it. */
void lane_evict(struct lane *l);
struct lane *lane_by_infer(struct app *app, uint32_t infer);
/* Whether a job can be started now. */
bool lane_has_room(const struct lane *l);
/* The result of a job came, which still has its slot, and has run for so long. */
void lane_note_run(struct lane *l, uint32_t us);
/* Nothing is known any more of how long jobs run. */
void lane_doubt(struct lane *l);
/* Something ended or began: starts what waits as long as there is room, and lets go of the process if it is to leave.
   May answer calls. The lane stays valid until the loop goes on. */
void lane_settle(struct lane *l);
/* Takes the results that are there: not all wake the loop by themselves. May answer calls. */
void lanes_hear(struct app *app);
/* A process that did not say in time what it takes and gives has failed. True while one still may. */
bool lanes_tick(struct app *app, uint64_t now_ms);

/* ── calls.c: one request of a model from its parsed text to its answer ── */

enum call_state {
    CALL_WAITING, /* not handed to a process */
    CALL_LEAVING, /* ticket and job go at the end of this turn of the loop; it has a slot */
    CALL_RUNNING,
    CALL_SIGNING, /* the result is there */
};

/* A request of the Open Inference Protocol. */
struct oip_call {
    struct oip_request request;
    uint8_t name[INFER_MODEL_ID_MAX]; /* of the model, as it was asked for */
    size_t name_len;
    size_t json_len;           /* of a request, then of an answer with binary tensors */
    struct buf early;          /* a copy of the JSON, when its tensors */
    struct http_piece *pieces; /* go straight to their places */
    enum coding accepted;      /* how the answer may be compressed */
    bool compressed;
};

/* The same over gRPC. */
struct grpc_call {
    struct grpc_infer infer;
    uint8_t name[INFER_MODEL_ID_MAX];
    size_t name_len;
    struct view message; /* in the body, or in */
    struct buf plain;    /* what was compressed */
    struct body codec;
    enum coding coding; /* how the answer may be compressed */
    bool packed;        /* it is */
};

/* What differs between the ways to ask for a model. */
struct call_form {
    /* From the request to the model that it asks for; what is wrong with it is said in `why`. */
    err_t (*begin)(struct call *c, struct wire_model *ret_model, struct why *why);
    /* The body, inside the limits; how much memory that took. */
    err_t (*parse)(struct call *c, const struct infer_limits *limits, size_t *ret_memory, struct why *why);
    /* Lays the tensors out (c->inputs.set), and writes them into an area of set.total bytes. */
    err_t (*measure)(struct call *c, const struct signature *s, size_t max_total, struct why *why);
    err_t (*fill)(struct call *c, uint8_t *area, struct why *why);
    /* Frees what refers to the body; frees the rest. */
    void (*drop)(struct call *c);
    void (*done)(struct call *c);
    /* Into c->answer, which has its maximum. */
    err_t (*write)(struct call *c, const struct value_set *outputs, struct view area, struct why *why);
    /* Type and fields of the answer; NULL: JSON. `text` may have a field's value: the call is gone when it is sent. */
    void (*dress)(struct call *c, struct http_answer *a, char text[static CALL_TEXT_SIZE]);
    /* Instead of all this: the answer to a question about a model that is there, for which nothing is run. */
    err_t (*tell)(struct call *c, const struct model *m);
};

struct call {
    struct list link; /* in a queue, of those that leave, or of those whose jobs are pending */
    const struct call_form *form;
    struct app *app;
    struct http_req *req; /* NULL: nobody waits for an answer any more */
    struct model *model;  /* in whose queue it is */
    struct lane *lane;    /* while it holds a slot or is SIGNING; NULL when that has ended */
    enum call_state state;
    bool retried;       /* it has been asked for again */
    bool refused;       /* the keeper was told that it failed */
    bool packed;        /* its job goes, or went, together with others */
    bool again;         /* and came back: its tensors lie in the slot alone */
    bool apart;         /* its process may die of it: the next one is to be told from the others */
    uint8_t level;      /* lower ones have their turn before it */
    int slot;           /* -1: none */
    uint64_t job;       /* 0: none */
    uint64_t queued_ms; /* 0: never */
    uint64_t begin_us;
    uint64_t run_ms; /* when a worker took it, as far as one can tell; far away: not yet */
    uint64_t deadline_ms;
    uint64_t turn_ns;  /* when it was its turn */
    uint64_t until_ns; /* when the client wants no answer any more; UINT64_MAX: it does not say */
    struct wire_nonce nonce;
    union {
        struct infer_request infer;
        struct oip_call oip;
        struct grpc_call grpc;
    } as;                  /* may refer to the body until the tensors have been converted for good */
    struct lease document; /* of its memory */
    struct infer_inputs inputs;
    uint8_t *tensors; /* converted while it waits; NULL */
    bool direct;      /* they are in `area`, which goes to the slot as it is */
    struct area area;
    struct lease tensors_lease;
    struct buf answer;
    struct lease answer_lease;
    struct desc_list outputs; /* for the receipt */
    struct buf receipt;       /* statement, COSE_Sign1; one that came before the result */
    size_t statement_len;
    bool settle;                       /* the client wants a settlement too */
    struct msg_settlement *settlement; /* it comes before the receipt */
};

/* A new call for a request; NULL when there is no memory. */
struct call *call_make(struct app *app, struct http_req *req, const struct call_form *form);
/* From there to the queue of its model, or to an answer that says what is wrong. Can answer. */
void call_begin(struct call *c);
/* Both. */
void call_ask(struct app *app, struct http_req *req, const struct call_form *form);
/* The tensors are there for good: what they were parsed from can go, and the body. */
void call_drop_text(struct call *c);
/* Ends a call that nobody shall hear of; the request lives on. */
void call_forget(struct call *c);
/* Answers a call whose form tells something. */
void call_tell(struct call *c, const struct model *m);
/* A call that waits although its model is ready is converted at once: tensors are smaller than their text. */
err_t call_convert(struct call *c, const struct signature *signature, struct why *why);
/* Answers with an error; the call is gone, or, if it runs, will be when infer has answered. A 503 gets a Retry-After of
   `retry_s` or 1. */
void call_fail(struct call *c, err_t e, const struct why *why, uint32_t retry_s);
/* The client left. */
void call_orphan(struct call *c);
/* Messages of an infer process and of the keeper. */
err_t call_result(struct lane *l, struct wire_msg *m);
err_t call_receipts(struct app *app, struct wire_msg *m);
err_t call_settlement(struct app *app, struct wire_msg *m);
err_t call_no_receipt(struct app *app, struct wire_msg *m);
/* Deadlines, ours and those of clients (TIMEOUT); a lane that ended. Both answer. */
void calls_tick(struct app *app, uint64_t now_ms);
void calls_lose_lane(struct lane *l, err_t reason);

/* ── call_start.c: from its turn to the process ── */

/* A waiting call's turn, on a lane that has room: converts, and lets it leave with the others of this turn of the loop.
   Answers it when that fails, and may answer any when enough of them leave. */
void call_start(struct call *c, struct lane *l);
/* Sends the tickets of those that leave and then, if that succeeded, their jobs. Answers them when that fails. */
void calls_depart(struct app *app);
/* Infer gives back the job of a call that went with others, because one of them takes long: it leaves again, in the
   same slot. Answers it when that fails. */
void call_again(struct call *c);
/* The lane ends: those that were to leave on it wait in the model's queue again, but for some that cannot. */
void calls_take_back(struct lane *l, struct model *m);

/* ── proofs.c: attestation documents that clients have asked for ── */

struct proof_ask {
    struct http_req *req;
    uint32_t id; /* 0: a free place */
    uint64_t deadline_ms;
};

/* Asks the keeper for a document with this nonce. Answers with it, or with what came in its place, at once or later. */
void proofs_ask(struct app *app, struct http_req *req, const struct wire_nonce *nonce);
/* The client left. */
void proofs_gone(struct http_req *req);
/* The keeper's message; answers. ERR_PROTOCOL when a document is there that should not be, or the other way round. */
err_t proofs_answer(struct app *app, struct wire_msg *msg);
/* Those that took too long are answered so. True while there are others. */
bool proofs_tick(struct app *app, uint64_t now_ms);

/* ── grpc_watch.c: who waits for changes of the node's health ── */

#define WATCHES_MAX 64 /* each keeps its connection from being idle */

struct health_watch {
    struct http_req *req; /* NULL: a free place */
    bool unknown;         /* it asked for a service that is not here */
    int told;             /* the status that it knows; -1: none */
};

/* Whether the node takes requests has changed. Once it drains they are all answered for good. */
void watches_tell(struct app *app);

/* ── enclave_api.c: nitriding's public API ── */

/* A refusal as nitriding's: the sentence alone. */
void enclave_refuse(struct http_req *req, int status, const char *sentence);
void enclave_index(struct app *app, struct http_req *req);
void enclave_attestation(struct app *app, struct http_req *req);
void enclave_config(struct app *app, struct http_req *req);
/* And what is ours and OpenGradient's about the same. */
void enclave_node(struct app *app, struct http_req *req);
void enclave_signing_key(struct app *app, struct http_req *req);

/* ── call_head.c: what stands around the tensors of a request ── */

/* Has the form parse the body, of which `text_len` bytes are JSON, inside what the budget has left. */
err_t call_parse(struct call *c, size_t text_len, struct why *why);
/* The header fields Veronnx-Nonce and Veronnx-Settle; `nonce`, which may be empty, stands in the body. */
err_t call_read_head(struct call *c, struct view nonce, struct why *why);
/* The parameters `timeout` and `priority`. */
void call_take_turn(struct call *c, const struct oip_request *r);
/* QUEUE_TIMEOUT, because `timeout` has passed. */
err_t call_too_late(struct why *why);

/* ── call_blame.c ── */

/* The process died: what it was running may be why. */
void calls_blame(const struct lane *l);
/* The call's tensors are in its slot. MODEL_KILLED_TWICE: the model's process died of the same ones twice within a
 * minute. */
err_t call_may_run(struct call *c);

/* ── call_stats.c ── */

/* A result came at `came_ns`, and its answer is written now; somebody waits for it. */
void call_note_run(const struct call *c, uint64_t came_ns, uint64_t now_ns, const struct msg_result *r);
/* It is answered after so long, with a receipt or without. What only tells of a model is no inference. */
void call_note_answer(const struct call *c, uint64_t us, bool receipt);
/* Of each lane, whether one of its runs takes long. */
void calls_note_long(struct app *app, uint64_t now_ms);

/* ── oip_api.c ── */

/* POST /v2/models/{m}/infer with its body. Of a large binary one the head lets oip_prefix be called when its JSON is
   there: the tensors are then received where infer reads them. */
void oip_infer_head(struct http_req *req);
void oip_prefix(struct app *app, struct http_req *req);
void oip_infer(struct app *app, struct http_req *req);

/* ── infer_api.c, routes.c ── */

/* POST /infer with its body. */
void infer_api(struct app *app, struct http_req *req);
extern const struct http_handler app_handler;

/* ── app.c ── */

enum app_phase { APP_NO_CONFIG = 1, APP_NO_TLS = 2, APP_SERVING = 4 };

struct app {
    enum app_phase phase; /* of the control channel */
    uv_loop_t loop;
    uv_poll_t control_poll;
    uv_poll_t ticket_poll;
    uv_poll_t proof_poll;
    uv_timer_t tick;
    uv_check_t due; /* deadlines are judged after all that has arrived was heard */
    uv_prepare_t depart;
    const struct conf *conf;
    struct map conf_map;
    const struct identity *identity; /* what this node is and has proved */
    struct map identity_map;
    struct about about; /* both as texts */
    struct wire_end control;
    struct wire_end ticket;
    struct wire_end proof;
    struct wire_inbox inbox;
    struct buf tail; /* of the next JOB */
    struct budget transfer;
    struct front_counts counts; /* what the server does not count */
    struct tls *tls;            /* NULL in tests: plain HTTP */
    struct http_server *server;
    uint16_t generation;
    uint64_t counter; /* of jobs */
    uint32_t last_request;
    unsigned workers;   /* of an infer process */
    unsigned loads;     /* models that are LOADING */
    unsigned waiting;   /* calls in all queues */
    unsigned seated;    /* calls in `calls` */
    unsigned n_leaving; /* calls that were put into `leaving`, which is in the order of their jobs */
    struct list leaving;
    struct wire_pack tickets; /* of them */
    size_t kept;              /* bytes of input areas that nobody uses now */
    bool draining;
    bool preloading;  /* not ready yet: models are being loaded */
    uint64_t told_ms; /* when the supervisor last heard which lanes are used */
    int listeners[CONF_LISTEN_MAX];
    unsigned n_listeners;
    unsigned n_models; /* rows behind are free */
    struct model models[MODELS_MAX];
    struct resolved resolved;
    struct lane *lanes;
    uint32_t last_proof;
    struct proof_ask proofs[PROOFS_MAX];
    struct health_watch watches[WATCHES_MAX];
    struct pool free_calls;
    struct call *calls[CALLS_MAX]; /* by job % CALLS_MAX: LEAVING, RUNNING and SIGNING */
    struct killers killers;
};

/* A zeroed `app`: its inbox and the control channel, whose descriptor it takes. After http_setup. */
err_t app_init(struct app *app, int control_fd);
/* Who the node is, borrowed until the next call, and what is said of it. */
err_t app_introduce(struct app *app, const struct identity *identity);
/* With what is there (phase APP_SERVING, conf, identity, ticket channel, listeners): makes the loop, which then serves.
 */
err_t app_serve(struct app *app);
/* Says it to the supervisor; without it there is no node, so a failure ends the process. */
void app_tell(struct app *app, enum wire_type type, const void *fixed);
/* Starts the tick if it does not run. */
void app_need_tick(struct app *app);
/* A sentence that another process gave for the client: printable ASCII of it. */
void why_take(struct why *ret, struct view text);
/* What the budget has left, and what one request may have of it for its text, its tensors or its answer. */
size_t app_room(const struct app *app);
size_t app_share(const struct app *app);

#endif
