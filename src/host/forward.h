/* Connections from the network to the enclave, byte for byte: nothing is looked at, nothing is added. What one side
   does not take the other side is not asked for, so a connection holds at most FORWARD_CHUNK bytes in each direction;
   an end travels on as an end of that direction alone. */
#ifndef VERONNX_HOST_FORWARD_H
#define VERONNX_HOST_FORWARD_H

#include "host/loop.h"
#include "wire/address.h"

#define FORWARD_MAX       16
#define FORWARD_CHUNK     (128 * KIB)
#define FORWARD_ROOM      (4 * FORWARD_CHUNK) /* in a Unix socket; the system may give less */
#define FORWARD_DIAL_MS   10000
#define FORWARD_FIRST_MAX 8192 /* connections, unless something else is said */

struct forward_row {
    struct address from;
    struct address to;
};

struct forwarder;
struct forward_counts {
    uint64_t accepted;
    uint64_t refused;  /* the enclave did not take them in time */
    uint64_t bytes[2]; /* to the enclave, from it */
    uint32_t open;
};

/* Listens for every row, which are copied; an error is printed. Connections beyond `most` wait in the system's queue;
   one on which no byte moves for `idle_ms` is closed. */
err_t forwarder_new(struct loop *l, const struct forward_row *rows, size_t n, uint32_t most, uint32_t idle_ms,
                    struct forwarder **ret);
void forwarder_free(struct forwarder **f);
/* From now on a row leads there; open connections stay where they are. */
void forwarder_aim(struct forwarder *f, size_t row, const struct address *to);
/* The port of a row's listener. */
uint32_t forwarder_port(const struct forwarder *f, size_t row);
/* Once a second: what is idle or dialled too long. */
void forwarder_tick(struct forwarder *f);
/* Takes no more connections. */
void forwarder_drain(struct forwarder *f);
struct forward_counts forwarder_counts(const struct forwarder *f);

#endif
