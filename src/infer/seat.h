/* The front that jobs come from. When it dies its successor takes the seat; workers finish what they have and move over. */
#ifndef VERONNX_INFER_SEAT_H
#define VERONNX_INFER_SEAT_H

#include "infer/slots.h"
#include "wire/frame.h"

#include <pthread.h>

struct front {
    struct wire_end job;    /* read by every worker */
    struct wire_end cancel; /* read by the watcher */
    atomic_bool dead;       /* its jobs are reported as cancelled and not run */
    unsigned holders;
    struct slot slots[SLOTS_MAX];
};

struct seat {
    pthread_mutex_t lock;
    pthread_cond_t taken;
    struct front *front; /* held */
};

/* Takes both descriptors over. The caller holds the front. */
err_t front_new(int *job_fd, int *cancel_fd, struct front **ret);

void seat_init(struct seat *s);
/* The seat holds the front too; the one before, if any, is dead and loses the seat. */
void seat_put(struct seat *s, struct front *f);
/* Waits until somebody has the seat, and holds it. */
struct front *seat_enter(struct seat *s);
/* The job channel is at its end: the front, unless it has lost it already, loses the seat. Lets go. */
void seat_leave(struct seat *s, struct front *f);
/* Lets go; who is last closes its channels and unmaps its areas. */
void seat_let_go(struct seat *s, struct front *f);

#endif
