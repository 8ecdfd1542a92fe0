/* The public front: its state, and which file does what with it. All of it belongs to the thread of the loop. */
#ifndef VERONNX_FRONT_APP_H
#define VERONNX_FRONT_APP_H

#include "front/http.h"
#include "front/limits.h"
#include "front/tls.h"
#include "tensor/infer_inputs.h"
#include "wire/conf.h"
#include "wire/frame.h"

#define CALLS_MAX  512 /* requests of models that are under way; the keeper has room for twice as many tickets */
#define MODELS_MAX 512
#define SLOTS_MAX  32

struct app;
struct lane;

/* ── models.c: which models there are and what waits for them ── */

enum model_state {
    MODEL_FREE,
    MODEL_LOADING, /* asked the supervisor */
    MODEL_INTRODUCED, /* has a lane; its signature is not there yet */
    MODEL_READY,
};

struct model {
    struct app *app;
    enum model_state state;
    struct wire_model id;
    uint32_t request; /* number of the FRONT_LOAD that is open */
    uint8_t sha256[DIGEST_LEN];
    struct signature signature;
    struct lane *lane;       /* INTRODUCED, READY */
    struct call *first, *last; /* waiting */
    unsigned waiting;
};

/* Puts a call behind those that wait for this model, loading it if nobody has asked yet. ERR_QUEUE_FULL, ERR_OVERLOADED. */
err_t models_join(struct app *app, const struct wire_model *id, struct call *call);
/* Takes a waiting call out of its queue. */
void models_leave(struct call *call);
/* Starts waiting calls as long as there are slots. */
void models_advance(struct model *m);
/* The lane is gone: what waits is asked for again, once. */
void models_lost(struct model *m);
/* Messages of the supervisor. */
err_t models_loaded(struct app *app, struct wire_msg *m);
err_t models_failed(struct app *app, struct wire_msg *m);

/* ── lane.c: the channel to one infer process and its slots ── */

struct slot {
    struct map input; /* made by us */
    struct map output; /* made by infer, read only */
    bool busy;
};

struct lane {
    uv_poll_t poll;
    struct app *app;
    struct model *model; /* NULL: released or lost */
    uint32_t infer;
    struct wire_end job;
    struct wire_end cancel;
    struct lane *next; /* all lanes that are open */
    unsigned running;
    bool leaving; /* FRONT_EVICT came: nothing new is started */
    bool active;  /* used since the last tick */
    struct slot slots[SLOTS_MAX];
};

/* Takes both descriptors. */
err_t lane_open(struct app *app, struct model *m, uint32_t infer, int *job_fd, int *cancel_fd, struct lane **ret);
/* Ends it; calls that ran on it fail with `reason`. Frees itself on the loop. */
void lane_close(struct lane *l, err_t reason);
struct lane *lane_by_infer(struct app *app, uint32_t infer);
/* A free slot, or -1. */
int lane_slot(const struct app *app, const struct lane *l);
/* Room for `bytes` in the slot's input area; `ret_fd` (owned by the caller) is -1 unless the area is new. */
err_t lane_input(struct slot *s, size_t bytes, int *ret_fd);
/* Evicted and nothing runs any more: tells the supervisor and ends. */
void lane_release_if_idle(struct lane *l);

/* ── calls.c: one request of a model from its body to its answer ── */

enum call_state { CALL_WAITING, CALL_RUNNING, CALL_SIGNING };

struct call {
    struct app *app;
    struct http_req *req; /* NULL: the client left */
    struct model *model;  /* while waiting */
    struct lane *lane;    /* while running */
    struct call *next;
    enum call_state state;
    bool retried;
    struct infer_request request;
    struct infer_inputs inputs;
    struct lease lease; /* of the input area's bytes */
    struct wire_nonce nonce;
    uint64_t job;
    unsigned slot;
    uint64_t deadline_ms;
    struct buf answer;
    struct lease answer_lease;
    struct desc_list outputs; /* for the receipt */
    struct buf receipt;       /* statement, COSE_Sign1; empty until it is there */
    size_t statement_len;
    bool answered; /* the answer is complete and waits for its receipt */
};

/* A model's turn: converts, sends ticket and job. A failure is answered here. */
void call_start(struct call *c, struct lane *l);
/* Ends the call with an error. */
void call_fail(struct call *c, err_t e, const struct why *why, uint32_t retry_s);
/* The client left. */
void call_orphan(struct call *c);
void call_free(struct call *c);
/* Messages of an infer process and of the keeper. */
err_t call_result(struct lane *l, struct wire_msg *m);
err_t call_receipt(struct app *app, struct wire_msg *m);
err_t call_no_receipt(struct app *app, struct wire_msg *m);
/* Deadlines; calls of a lane that ended. */
void calls_tick(struct app *app, uint64_t now_ms);
void calls_fail_lane(struct app *app, const struct lane *l, err_t reason);

/* ── infer_api.c, routes.c ── */

/* POST /infer with its body. */
void infer_api(struct app *app, struct http_req *req);
extern const struct http_handler app_handler;

/* ── app.c ── */

struct app {
    unsigned phase; /* of the control channel, app.c */
    uv_loop_t loop;
    uv_poll_t control_poll;
    uv_poll_t ticket_poll;
    uv_timer_t tick;
    const struct conf *conf;
    struct map conf_map;
    struct wire_end control;
    struct wire_end ticket;
    struct wire_inbox inbox;
    struct budget transfer;
    struct tls *tls;
    struct http_server *server;
    uint16_t generation;
    uint64_t counter;
    uint32_t last_request;
    unsigned waiting; /* calls in all queues */
    unsigned running;
    unsigned slots; /* per lane */
    bool draining;
    uint64_t told_ms; /* when the supervisor last heard which lanes are used */
    int listeners[CONF_LISTEN_MAX];
    unsigned n_listeners;
    struct model models[MODELS_MAX];
    struct lane *lanes;
    struct call *calls[CALLS_MAX]; /* running and signing, by job % CALLS_MAX */
};

/* Sends on the control channel; without the supervisor there is no node, so a failure ends the process. */
void app_tell(struct app *app, enum wire_type type, const void *fixed);
/* Starts the tick if it does not run. */
void app_need_tick(struct app *app);

#endif
