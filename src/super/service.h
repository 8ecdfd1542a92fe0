/* A child that must always run: started again with a growing pause, given up after ten deaths in a minute. A start that fails counts
   as one, but for the first. */
#ifndef VERONNX_SUPER_SERVICE_H
#define VERONNX_SUPER_SERVICE_H

#include "super/child.h"
#include "super/deaths.h"

struct service {
    enum role role;
    struct child *child; /* NULL while it is down */
    uv_timer_t timer;
    struct deaths deaths;
    void *self;
    err_t (*start)(void *self);  /* starts the child, into `child`; called at once and after each pause */
    void (*give_up)(void *self); /* ten deaths in a minute */
};

/* Calls `start` for the first time. */
err_t service_init(struct service *s, uv_loop_t *loop, enum role role, void *self, err_t (*start)(void *self),
                   void (*give_up)(void *self));

/* Its child ended: plans the next start, or gives up. */
void service_ended(struct service *s);

#endif
