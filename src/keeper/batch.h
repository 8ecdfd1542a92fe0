/* Statements that wait for one signature: a tree over all of them, signed once. */
#ifndef VERONNX_KEEPER_BATCH_H
#define VERONNX_KEEPER_BATCH_H

#include "keeper/keys.h"
#include "keeper/peers.h"
#include "keeper/tickets.h"
#include "receipt/sign.h"
#include "receipt/statement.h"
#include "wire/receipts.h"

#define BATCH_MAX 64

struct batch_entry {
    uint64_t job;
    size_t statement_len;
    uint8_t statement[STATEMENT_MAX];
    bool settle;
    struct msg_settlement settlement;
};

struct batch {
    struct keys *keys;
    const struct msg_keeper_start *node;
    const uint8_t *image;
    struct receipt_signer signer;
    size_t n_salts; /* that have not been used; they are drawn together, which costs little more than one alone */
    uint8_t salts[BATCH_MAX][STATEMENT_SALT_LEN];
    size_t count;
    struct batch_entry entries[BATCH_MAX];
};

/* Borrows keys, node facts and image digest for its whole life. */
err_t batch_init(struct batch *b, struct keys *keys, const struct msg_keeper_start *node,
                 const uint8_t image[static DIGEST_LEN]);
/* Accepts a zeroed struct. */
void batch_done(struct batch *b);

/* How many more statements fit. */
size_t batch_room(const struct batch *b);

/* What is the same in all statements about this infer, which has just been sealed, goes into `i->base`. ERR_RECEIPT_MALFORMED when
   what the supervisor told of it cannot stand in one. */
err_t batch_base(const struct batch *b, const struct msg_keeper_sealed *sealed, struct view engine,
                 struct keeper_infer *i);

/* Makes the statement of one matched pair: every field comes from the keeper, the supervisor or this infer's report.
   The infer has its base and there is room, so an error is the keeper's own. */
err_t batch_add(struct batch *b, const struct keeper_infer *i, const struct ticket *t, const struct msg_report *r);

/* Gets a receipt, borrowed for the call, with its settlement if that was asked for and not too many were, else NULL. */
typedef void batch_deliver(void *self, const struct wire_receipt *r, const struct msg_settlement *settlement);

/* Signs the tree of all statements once, delivers each receipt, and empties the batch. Does nothing when there are none. */
err_t batch_sign(struct batch *b, batch_deliver *deliver, void *self);

#endif
