/* Documents that fronts have asked for, and the clock, which every document's timestamp is compared with. The security
   module answers in the order of the requests, and nobody waits for it. */
#ifndef VERONNX_KEEPER_DOCUMENTS_H
#define VERONNX_KEEPER_DOCUMENTS_H

#include "keeper/rate.h"
#include "keeper/trust.h"

#define DOCUMENTS_QUEUE    16 /* of all fronts */
#define DOCUMENTS_A_SECOND 50

#define CLOCK_LOOK_MS 60000  /* after so long without a document one is made for the clock's sake */
#define CLOCK_GOOD_MS 300000 /* and after so long nothing is signed any more */

/* A request that the module has. */
struct document_due {
    uint32_t id;         /* the front's */
    uint16_t generation; /* of the front; 0: our own, for the clock */
    bool renews;         /* and for another certificate (trust_adopt) */
    uint64_t asked_ms;   /* wall clock */
};

struct documents {
    struct trust *trust;
    struct document_due due[DOCUMENTS_QUEUE + 1]; /* a ring; one place is the clock's */
    unsigned first;
    unsigned count;
    bool looking;       /* one of them is our own */
    bool renew;         /* the next of our own is to bind another certificate */
    struct rate rate;
    uint64_t asked_ms; /* monotonic, like the next: when the last one was asked for */
    uint64_t told_ms;  /* when the last one told the time */
    bool clock_good;
};

/* Borrows `trust`, whose first document has just told the time. */
void documents_init(struct documents *d, struct trust *trust);

/* Asks the module for a front. ERR_OVERLOADED when the queue is full or enough were asked for within this second. */
err_t documents_ask(struct documents *d, const struct msg_document_ask *m, uint16_t generation);

/* The next document of our own is asked for at once, with trust_next_claims. */
void documents_renew(struct documents *d);

/* A document of our own, if it is time. An error is the module's end. */
err_t documents_look(struct documents *d);

/* The module has answered. What is due is handed out; ERR_PROTOCOL when nothing is, or when the answer is none.
   `ret_result`: OK, or ERR_NSM_FAILED; `ret` is then empty, else borrowed from the message. */
err_t documents_answer(struct documents *d, const struct wire_msg *m, struct document_due *ret_due, err_t *ret_result,
                       struct view *ret);

/* OK, or ERR_CLOCK_WRONG: then nothing that holds a time may be signed. */
err_t documents_clock(const struct documents *d);

#endif
