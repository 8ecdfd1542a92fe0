/* What the keeper knows. Only files of this folder include it. */
#ifndef VERONNX_KEEPER_STATE_H
#define VERONNX_KEEPER_STATE_H

#include "keeper/batch.h"
#include "keeper/documents.h"
#include "keeper/keys.h"
#include "keeper/peers.h"
#include "keeper/tickets.h"
#include "keeper/trust.h"

/* States of the control channel, one bit each. */
enum keeper_phase { KEEPER_FRESH = 1, KEEPER_SERVING = 2 };

struct keeper {
    enum keeper_phase phase;
    int epoll;
    struct wire_end control;
    struct wire_inbox inbox; /* for all channels but two, which are read between each other's messages */
    struct wire_inbox ticket_inbox;
    struct wire_inbox report_inbox;
    struct msg_keeper_start node;
    struct trust trust;
    struct keys keys;
    struct documents documents;
    uint32_t installing; /* the administration's request whose certificate waits for its document; 0: none */
    struct peers peers;
    struct tickets tickets;
    struct batch batch;
    bool shared;          /* the last signature was for several */
    bool company;         /* or there is more than one ticket: another report may come soon */
    struct buf receipts;  /* signed and not sent: the tail of a message */
    uint16_t receipts_to; /* generation of the front that gets it */
};

/* An error of a function below is the supervisor's or the keeper's own, and ends the node. Nothing that a front or an infer
   does is one: it ends that process. */

/* control.c: messages of the supervisor. Takes all that are waiting; ERR_CLOSED when it is gone. */
err_t keeper_control(struct keeper *k);

/* The document that binds the certificate of `installing`, or why there is none. */
err_t keeper_installed(struct keeper *k, err_t result, struct view document);

/* This peer broke a rule (control.c): its channels are closed, an infer's tickets end, and the supervisor is told so that it
   ends the process. `job` is for the log: the one that was reported, or 0. */
void keeper_accuse_infer(struct keeper *k, struct keeper_infer *i, uint64_t job, err_t reason);
void keeper_accuse_front(struct keeper *k, struct keeper_front *f, err_t reason);

/* tickets and reports (judge.c). keeper_tickets reads everything that every front has sent; without `all` it believes a front
   which says that a ticket is alone, and what is behind that one is read the next time. keeper_reports reads what
   one infer has sent, as far as the batch has room, judges it and puts good reports into the batch. What came with the
   last of them is judged, too, and the batch signed when it is full. */
void keeper_tickets(struct keeper *k, bool all);
err_t keeper_reports(struct keeper *k, uint32_t infer);

/* Signs the batch and sends the receipts (judge.c). */
err_t keeper_flush(struct keeper *k);

/* handshakes (sign.c): answers what one front has asked, a few at a time. */
void keeper_handshakes(struct keeper *k, struct keeper_front *f);

/* documents (proof.c): what one front has asked for, a few at a time; what the security module has answered. */
err_t keeper_questions(struct keeper *k, struct keeper_front *f);
err_t keeper_module(struct keeper *k);

/* Closes all descriptors but control, log, epoll and the security module's, so it comes before the first that a message brings. */
err_t keeper_enter_jail(struct keeper *k);

/* Starts waiting for a descriptor; `tag` comes back with its events. */
err_t keeper_watch(struct keeper *k, int fd, uint64_t tag);

#endif
