/* Sending, receiving and dispatching the messages of msg.h over an inherited SOCK_SEQPACKET descriptor. */
#ifndef VERONNX_WIRE_FRAME_H
#define VERONNX_WIRE_FRAME_H

#include "base/buf.h"
#include "wire/msg.h"

#include <sys/uio.h>

struct wire_head {
    uint16_t type;
    uint16_t fds;
    uint32_t len; /* of all that follows */
};

/* A row of the message table. */
struct wire_row {
    const char *name;
    uint8_t chan;
    uint8_t from;
    uint8_t fds_min;
    uint8_t fds_max;
    uint32_t fixed;
    uint32_t tail;
};
#define WIRE_PACK_MAX (16 * KIB) /* a datagram of several messages */
/* NULL for a type that does not exist. */
const struct wire_row *wire_row(uint16_t type);

/* One end of a channel. The descriptor is owned by whoever owns the struct. */
struct wire_end {
    int fd;
    enum wire_chan chan;
    enum wire_side side;
};

/* Closes; accepts -1. */
void wire_end_close(struct wire_end *end);

/* Both ends of a new channel, close-on-exec, blocking (sends and receives say themselves whether they wait). */
err_t wire_pair(enum wire_chan chan, struct wire_end *ret_a, struct wire_end *ret_b);

/* A stream for the frames of wire/block.h, close-on-exec, blocking. What its second end sends may lie unread up to
   WIRE_STREAM_ROOM bytes, or less if the system allows less: while one block is being checked the next one comes. */
#define WIRE_STREAM_ROOM (2 * MIB)
err_t wire_stream(int *ret_reader, int *ret_sender);

/* Where a received datagram lies; one per reading thread. Born with room for the largest one of its channel. While
   wire_more says so, it belongs to the end that was received from last: that end's next message lies there already. */
struct wire_inbox {
    uint8_t *data;
    size_t size;
    struct view rest; /* what has not been taken */
    uint64_t stamp_ns;
};
err_t wire_inbox_init(struct wire_inbox *in, enum wire_chan chan);
void wire_inbox_done(struct wire_inbox *in);
static inline bool wire_more(const struct wire_inbox *in)
{
    return in->rest.len > 0;
}
/* The end is not read any more. */
void wire_inbox_drop(struct wire_inbox *in);

/* A message that passed the table. `fixed` (8-byte aligned) and `tail` are borrowed from the inbox until the next receive.
   Descriptors are owned by the message: a handler takes one with TAKE_FD(m->fds[i]); wire_msg_done closes the rest. */
struct wire_msg {
    uint16_t type;
    unsigned n_fds;
    const void *fixed;
    struct view tail;
    int fds[WIRE_FDS_MAX];
    uint64_t stamp_ns; /* kernel's time of sending (CLOCK_REALTIME), 0 unless wire_stamp was called */
};
void wire_msg_done(struct wire_msg *m);
#define WIRE_MSG_NONE ((struct wire_msg){.fds = {-1, -1}})

/* ERR_WOULD_BLOCK when the socket is full (nothing was sent), ERR_CLOSED when the peer is gone. Never raises SIGPIPE, never waits.
   The fixed part's size comes from the table. Descriptors stay the caller's. */
err_t wire_send(const struct wire_end *end, enum wire_type type, const void *fixed, struct view tail, const int *fds,
                unsigned n_fds);
/* The tail in parts. */
err_t wire_sendv(const struct wire_end *end, enum wire_type type, const void *fixed, const struct iovec *tail,
                 unsigned n_tail, const int *fds, unsigned n_fds);
/* Waits while the socket is full: start-up and shutdown only. */
err_t wire_send_wait(const struct wire_end *end, enum wire_type type, const void *fixed, struct view tail,
                     const int *fds, unsigned n_fds);

/* Messages that go together, in one datagram: sending and receiving one costs more than most of them have to say. Only
   types that bring no descriptor may (msg.h); the receiver takes and judges each as if it had come alone. */
struct wire_pack {
    struct buf bytes;
    unsigned count;
};
#define WIRE_PACK_NONE ((struct wire_pack){.bytes = {.max = WIRE_PACK_MAX}})
void wire_pack_done(struct wire_pack *p);
void wire_pack_clear(struct wire_pack *p);
/* Puts one behind the others. ERR_TOO_LARGE: it does not fit, or may not be sent so; ERR_NOMEM. */
err_t wire_pack_put(struct wire_pack *p, const struct wire_end *end, enum wire_type type, const void *fixed,
                    struct view tail);
/* Sends all of them or, on an error, none, as wire_send or wire_send_wait would. Empty afterwards in any case; sends
   nothing when it was empty. */
err_t wire_pack_send(struct wire_pack *p, const struct wire_end *end, bool wait);

/* Takes the next message. ERR_WOULD_BLOCK (only with wait = false), ERR_CLOSED at the end, ERR_PROTOCOL for anything
   outside the table: the caller ends the peer. On an error no descriptor is left open. */
err_t wire_recv(const struct wire_end *end, struct wire_inbox *in, bool wait, struct wire_msg *ret);

/* What may lie unread of what this end sends: `bytes`, twice as many by the kernel's own count, or less if the system
   allows less. */
err_t wire_room(const struct wire_end *end, int bytes);

/* From now on received messages carry the time at which they were sent. */
err_t wire_stamp(const struct wire_end *end);

/* Waits until readable; ERR_TIMEOUT. For the few places that ask and wait. */
err_t wire_wait(const struct wire_end *end, int timeout_ms);

/* What a process does with a type, and in which of its states (bit mask, its own enum). */
struct wire_route {
    enum wire_type type;
    uint32_t states;
    err_t (*handle)(void *self, struct wire_msg *m);
};
/* Calls the route's handler; ERR_PROTOCOL when there is none or `state` (one bit) is not among its states. Always ends `m`. */
err_t wire_dispatch(const struct wire_route *routes, size_t n, uint32_t state, void *self, struct wire_msg *m);

#endif
