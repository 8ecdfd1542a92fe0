/* What the enclave finds at its parent: its configuration, blocks, a place for its log, an answer to its first
   heartbeat. Each is a listener; who connects is served without waiting, for a limited time, and never asked who it is.
 */
#ifndef VERONNX_HOST_SERVICES_H
#define VERONNX_HOST_SERVICES_H

#include "base/list.h"
#include "host/fetcher.h"
#include "wire/address.h"

enum service { SERVICE_CONFIG, SERVICE_BLOCKS, SERVICE_LOG, SERVICE_BOOT, SERVICES_ };

struct desk {
    struct watch watch;
    struct services *services;
};

struct services {
    struct loop *loop;
    struct fetcher *fetcher;
    struct view delivery;         /* what is written to whoever asks for the configuration; borrowed */
    struct desk desks[SERVICES_]; /* the listeners */
    struct list guests;
    unsigned n_guests;
};

/* Listens where a family is not 0; an error is printed and gives ERR_USAGE. */
err_t services_open(struct services *s, struct loop *l, const struct address at[static SERVICES_],
                    struct fetcher *fetcher, struct view delivery);
void services_close(struct services *s);
/* Once a second. */
void services_tick(struct services *s);

#endif
