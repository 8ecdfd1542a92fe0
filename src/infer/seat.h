/* The fronts that jobs come from. When one dies its successor stands behind it: workers first take what is still queued
   in the old one's channel, because each of these jobs wants its report, and then move over. */
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
    struct front *next;
    struct slot slots[SLOTS_MAX];
};

struct seat {
    pthread_mutex_t lock;
    pthread_cond_t taken;
    struct front *first; /* each in this list is held by it */
    bool warm;           /* a worker shall run the model for itself */
};

/* Takes both descriptors over. The caller holds the front. */
err_t front_new(int *job_fd, int *cancel_fd, struct front **ret);

void seat_init(struct seat *s);
/* The newest front; those before it are dead. */
void seat_put(struct seat *s, struct front *f);
/* Waits until there is one, and holds the oldest that has not ended. After seat_warm NULL, to one worker. */
struct front *seat_enter(struct seat *s);
void seat_warm(struct seat *s);
bool seat_empty(struct seat *s);
/* The job channel of this front is at its end: nobody enters it any more. Lets go. */
void seat_leave(struct seat *s, struct front *f);
/* Lets go; who is last closes its channels and unmaps its areas. */
void seat_let_go(struct seat *s, struct front *f);

#endif
