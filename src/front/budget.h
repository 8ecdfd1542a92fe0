/* A budget of memory that is shared by everything which travels through: request bodies, answers, tensor areas. */
#ifndef VERONNX_FRONT_BUDGET_H
#define VERONNX_FRONT_BUDGET_H

#include "base/err.h"

/* One thread. */
struct budget {
    size_t limit;
    size_t used;
};

/* What somebody holds of a budget. A zeroed lease holds nothing. It is moved by copying it and zeroing the source. */
struct lease {
    struct budget *budget;
    size_t bytes;
};

/* Reserves before memory is allocated; `l` must hold nothing. ERR_OVERLOADED, with nothing taken, if there is no room. */
err_t lease_take(struct lease *l, struct budget *b, size_t bytes);
/* Makes a lease larger or smaller; ERR_OVERLOADED leaves it as it was. */
err_t lease_resize(struct lease *l, size_t bytes);
/* Gives back; accepts a zeroed lease. */
void lease_done(struct lease *l);
#define AUTO_LEASE AUTO(lease_done)

#endif
