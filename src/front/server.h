/* What the connections of a server share. */
#ifndef VERONNX_FRONT_SERVER_H
#define VERONNX_FRONT_SERVER_H

#include "front/http.h"
#include "base/list.h"
#include "front/pool.h"

#define TICK_MS 250 /* how often deadlines are looked at */

/* What a connection is doing, i.e. what its deadline means. `after` is the time it has, `paced` that this is renewed by
   bytes at the least rate, `spare` that the connection may be closed when another one needs its place. */
#define PHASE_TABLE(X)                                                                                                 \
    /* name, after, paced, spare */                                                                                    \
    X(HANDSHAKE, conf->header_ms, false, false)                                                                        \
    X(IDLE, conf->idle_ms, false, true)                                                                                \
    X(HEAD, conf->header_ms, false, false)                                                                             \
    X(BODY, conf->header_ms, true, false)                                                                              \
    X(WORK, 0 /* the handler sees to it */, false, false)                                                              \
    X(SEND, conf->header_ms, true, false)                                                                              \
    X(LINGER, LINGER_MS, false, true)
#define LINGER_MS 3000 /* for the client to read the last answer although it still sends */

enum phase {
#define PHASE_ENUM(name, after, paced, spare) PHASE_##name,
    PHASE_TABLE(PHASE_ENUM)
#undef PHASE_ENUM
        PHASE_COUNT_
};

struct listener {
    uv_poll_t poll;
    struct http_server *server;
    int fd;
};

struct http_server {
    uv_loop_t *loop;
    struct budget *bodies;
    struct tls *tls; /* NULL: plain */
    const struct http_handler *handler;
    void *self;
    size_t header_max;
    size_t body_max;
    unsigned max_conns;
    uint32_t phase_ms[PHASE_COUNT_];
    uint64_t body_rate; /* bytes per second */
    uint64_t id;        /* state of the generator of request ids */
    uint64_t answers[METRIC_PATHS_][METRIC_CODES];
    uint64_t handshakes;
    struct list busy;   /* connections in a phase that is not spare */
    struct list spare;  /* the others, those that have been so for longest first */
    struct list answered; /* those of both that have an answer to send */
    unsigned n_conns;
    struct pool conns;
    struct pool http1;
    struct pool http2;     /* streams */
    struct pool http2_out; /* frames on their way */
    uint8_t *plain; /* STREAM_ROOM bytes for what was just read */
    struct listener listeners[CONF_LISTEN_MAX];
    unsigned n_listeners;
    uint64_t quiet_ms; /* until then the limit is not logged again */
    bool paused;       /* nothing is accepted until there is room */
    bool draining;     /* nothing is accepted any more, answers close */
    bool ended;        /* freed when `handles` is 0 */
    unsigned handles;
    uv_timer_t tick;
    uv_prepare_t flush;
};

/* A new request id. */
uint64_t server_id(struct http_server *s);

/* For connections: a handle of the loop was opened; it was closed. */
void server_hold(struct http_server *s);
void server_release(struct http_server *s);

/* A connection has ended: there is room for another one, or it was the last. */
void server_room(struct http_server *s);

#endif
