/* A connection: a socket, its stream, its phase and deadline, and the protocol spoken over it. */
#ifndef VERONNX_FRONT_CONN_H
#define VERONNX_FRONT_CONN_H

#include "front/server.h"
#include "front/stream.h"

struct conn;

/* A protocol over connections (HTTP/1.1, HTTP/2). It keeps what it needs in `conn->state`. */
struct protocol {
    /* Takes from the front of `in` what it can use now; the rest is offered again. An error ends the connection. */
    err_t (*input)(struct conn *c, struct view *in);
    /* What is to be written next (borrowed until `sent`), and how much of it was. */
    struct view (*output)(const struct conn *c);
    void (*sent)(struct conn *c, size_t n);
    /* What the connection is doing now; PHASE_LINGER: it has nothing more to say. */
    enum phase (*phase)(const struct conn *c);
    /* The deadline of the phase has passed. True when there is an answer to send first. */
    bool (*expire)(struct conn *c);
    /* The connection ends. */
    void (*end)(struct conn *c);
    /* No more requests are taken. True when the client is to be told so first. NULL: there is no way to say it. */
    bool (*retire)(struct conn *c);
    /* Deadlines of single requests: the next one (0 = none), and what to do about those that have passed. NULL: the
       connection's own is the only one. */
    uint64_t (*due)(const struct conn *c);
    void (*tick)(struct conn *c, uint64_t now_us);
};

struct conn {
    uv_poll_t poll; /* first: the block's memory belongs to libuv until it is closed */
    struct list link;
    struct list answered; /* of the server: something came to be sent */
    struct http_server *server;
    const struct protocol *protocol; /* NULL during the handshake */
    void *state;                     /* the protocol's; NULL between requests */
    struct stream stream;
    int fd;
    int events; /* what the loop watches for */
    enum phase phase;
    uint64_t due_us;   /* deadline on the loop's clock; 0 = none */
    struct buf ahead;  /* received, but not yet wanted by the protocol */
    struct buf sealed; /* received with the end of a handshake whose own last bytes the socket does not take yet */
    bool running;      /* inside conn_run */
    bool turned;       /* a request ended: an idle phase begins anew */
    bool closed;       /* the client will send nothing more */
};

/* Takes a connected, non-blocking socket. On an error it is closed. */
err_t conn_new(struct http_server *s, int *fd);

/* There is something to send. May end the connection. */
void conn_run(struct conn *c);
/* The same, before the loop sleeps: many answers that come at a time are all written, and then all sent, each with code
   that the processor has at hand. */
void conn_wake(struct conn *c);

/* Whether a deadline has passed; acts on it. */
bool conn_is_due(const struct conn *c, uint64_t now_us);
void conn_expire(struct conn *c);

/* Says goodbye: at once to an idle connection; others that can be told take no more requests. */
void conn_retire(struct conn *c);

/* Ends it at once. */
void conn_drop(struct conn *c);

#endif
