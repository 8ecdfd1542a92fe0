/* One stream to an infer process: its wants wait in a queue and are answered one by one, in order. */
#ifndef VERONNX_FETCH_CLIENT_H
#define VERONNX_FETCH_CLIENT_H

#include "ipld/cid.h"
#include "store/store.h"
#include "wire/block.h"

/* As many of the shortest WANT frames as BLOCK_WANTS_MAX bytes hold. */
#define CLIENT_QUEUE 128

struct client {
    int fd;
    uint32_t infer; /* its number, for the log */
    struct buf in;  /* the beginning of a frame */
    struct cid queue[CLIENT_QUEUE];
    size_t n_queue;
    size_t queue_bytes; /* as WANT frames */
    struct buf head;    /* the answer that is being sent: head, block, and how much of both is gone */
    struct buf block;
    size_t sent;
};

/* Takes the descriptor. */
void client_init(struct client *c, int *fd, uint32_t infer);
void client_done(struct client *c);

/* Is there something to send? */
bool client_busy(const struct client *c);

/* Reads what has come. ERR_CLOSED at the end of the stream, ERR_PROTOCOL when the infer breaks a rule: the stream
   ends then. */
err_t client_read(struct client *c);

/* Sends as much as the socket takes, of one answer at most, so that streams take turns. ERR_CLOSED. */
err_t client_write(struct client *c, const struct store *store);

#endif
