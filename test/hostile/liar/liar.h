/* A front's side of the wire protocol for a front that need not keep to it. The supervisor starts it in place of veronnx-front; it
   takes commands, one per connection, on the listener that it is given for requests. */
#ifndef VERONNX_TEST_LIAR_H
#define VERONNX_TEST_LIAR_H

#include "base/fd.h"
#include "receipt/verify.h"
#include "tensor/values.h"
#include "wire/frame.h"

#include <stdarg.h>

#define LIAR_SLOTS 4
#define LIAR_MS    20000 /* patience */

#define NO_NONCE  ((struct wire_nonce){.len = 0})
#define AUTO_LANE AUTO(lane_done) struct lane

struct liar {
    struct wire_end control;
    struct wire_end sign;
    struct wire_end ticket;
    struct wire_inbox inbox;
    struct buf waiting; /* receipts that came with another one */
    uint16_t generation;
    uint64_t last_job;
    uint32_t last_request;
    int listener;
    int client;       /* who gave the command */
    struct es256 key; /* of the node's receipts */
    unsigned receipts;
};

/* An area on our side and what is known of infer's. */
struct slot {
    int in_fd;
    struct map in;
    bool in_is_new; /* goes along with the next job */
    int out_fd;
    struct map out;
};

struct lane {
    uint32_t infer;
    struct wire_end job;
    struct wire_end cancel;
    uint8_t sha256[DIGEST_LEN];
    struct signature signature;
    struct slot slots[LIAR_SLOTS];
};

/* A job's result: the outputs lie in the slot's area. */
struct outcome {
    struct msg_result head;
    struct value_set set;
};
void outcome_done(struct outcome *o);

struct got {
    uint64_t job;
    char text[RECEIPT_TEXT_MAX + 1];
    struct buf bytes;
    struct receipt receipt;
};
void got_done(struct got *g);

/* Says a line to who gave the command. */
void liar_say(struct liar *l, const char *format, ...) PRINTF(2, 3);
/* Says what went wrong and ends the process. */
NORETURN void liar_fail(struct liar *l, const char *format, ...) PRINTF(2, 3);
#define EXPECT(l, condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            liar_fail(l, "%s:%d: %s", __FILE__, __LINE__, #condition);                                                 \
    } while (0)

/* ── the supervisor ── */

/* Has the model of this CID served; waits for its signature. A process that is about to end may be offered first. */
void liar_load(struct liar *l, const char *cid, struct lane *ret);
void lane_done(struct lane *a);

/* ── tickets and jobs ── */

struct wire_nonce liar_nonce(uint8_t seed, uint8_t len);
uint64_t liar_next_job(struct liar *l);
/* Sends a ticket whatever it says; waits while the socket is full. */
void liar_ticket(struct liar *l, uint32_t infer, uint64_t job, struct wire_nonce nonce);
/* The slot's input area, of at least `bytes` bytes. */
float *liar_input(struct liar *l, struct lane *a, unsigned slot, size_t bytes);
void liar_fill(float *values, size_t count, float value);
/* A job of `count` floats in the slot's area, whatever they are. */
void liar_job(struct liar *l, struct lane *a, unsigned slot, uint64_t job, struct wire_nonce nonce, size_t count);
/* The same from another descriptor that stands for the input area. */
void liar_job_from(struct liar *l, struct lane *a, unsigned slot, uint64_t job, int fd, size_t count);

/* ── answers ── */

/* The next result of this infer; false when its channel has ended instead. */
bool liar_result(struct liar *l, struct lane *a, struct outcome *ret);
/* The next receipt, verified with the node's key; false when NO_RECEIPT came (`ret->head.job` says for which). */
bool liar_receipt(struct liar *l, struct got *ret);
/* No message is waiting on the ticket channel. Says something when nothing can be under way any more. */
void liar_no_receipt(struct liar *l);
/* The infer ends: its channel closes, with any number of results before. */
void liar_infer_ends(struct liar *l, struct lane *a);
/* We are killed, and get no receipt first. */
NORETURN void liar_killed(struct liar *l);

/* Whether the receipt is of a run of this infer, a model y = 2x, that gave these numbers, and of this nonce. */
bool liar_matches(struct liar *l, const struct lane *a, const float *y, size_t count, const struct got *g,
                  struct wire_nonce nonce);
/* It must match what lies in the output area. */
void liar_check(struct liar *l, const struct lane *a, const struct outcome *o, const struct got *g, struct wire_nonce nonce);

/* From ticket to checked receipt, with `count` floats that are `x`. */
void liar_honest_job(struct liar *l, struct lane *a, size_t count, float x);

/* ── what it does ── */

/* The models that a command names are y = 2x of float: the first takes any length, the second rows of 1,024 and some time. */
struct lie {
    const char *name;
    void (*tell)(struct liar *l, char **cids); /* NULL behind the last */
};
extern const struct lie memory_lies[];
extern const struct lie order_lies[];

#endif
