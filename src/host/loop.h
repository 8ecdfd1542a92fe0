/* One thread on epoll: descriptors that something waits for, and a tick a second. */
#ifndef VERONNX_HOST_LOOP_H
#define VERONNX_HOST_LOOP_H

#include "base/err.h"

#define LOOP_TICK_MS 1000

/* Part of whatever the descriptor belongs to. Not `fd < 0` and `events` not 0: epoll has it. */
struct watch {
    int fd; /* owned */
    uint32_t events;
    void (*on_ready)(struct watch *w, uint32_t events);
    struct loop *loop;
};

/* What is freed when no event that was already fetched can name it any more. */
struct grave {
    struct grave *next;
    void (*bury)(struct grave *g);
};

struct loop {
    int epoll;
    bool stop;
    uint64_t now_ms; /* of this round */
    struct grave *graves;
    void *self;
    void (*on_tick)(void *self);
};

err_t loop_init(struct loop *l, void *self, void (*on_tick)(void *self));
void loop_done(struct loop *l);
/* Until `stop`. */
err_t loop_run(struct loop *l);

/* Takes the descriptor; waits for nothing yet. */
void watch_init(struct watch *w, struct loop *l, int *fd, void (*on_ready)(struct watch *w, uint32_t events));
/* Waits for these events and no others; with 0 not even for the end of the peer. */
err_t watch_for(struct watch *w, uint32_t events);
/* Closes. Events that were fetched before are not told any more. */
void watch_close(struct watch *w);
void loop_bury(struct loop *l, struct grave *g, void (*bury)(struct grave *g));

#endif
