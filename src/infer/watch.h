/* The thread that listens while others compute: to the supervisor, to front's cancellations, and to the clock. */
#ifndef VERONNX_INFER_WATCH_H
#define VERONNX_INFER_WATCH_H

#include "infer/worker.h"

#include <semaphore.h>

/* The states of this process once it has its model. */
enum watch_state {
    WATCH_LOADING = 1,
    WATCH_SERVING = 2,
};

struct watch {
    struct crew *crew;
    struct wire_end *control; /* others may send on it; only the watcher receives, once it has begun */
    struct wire_inbox inbox;
    struct wire_inbox cancels;
    int wake_fd; /* the eventfd of crew->runs */
    sem_t begin;
    _Atomic enum watch_state state;
    uint64_t load_deadline_ms; /* set before it begins */
    struct front *front;       /* held; its cancel channel is listened to */
    uint64_t relieved_ms;      /* when it last looked after what workers hold */
    unsigned idle_ticks;       /* how often it has come by and no worker held anything */
};

err_t watch_init(struct watch *w, struct crew *crew, struct wire_end *control, int wake_fd);
/* The thread: waits for `begin`. Never returns; ends the process when the supervisor closes the control channel (0), at
   the load deadline (0, after INFER_FAILED), and when a message is out of rule (1). */
NORETURN void watch_loop(struct watch *w);

#endif
