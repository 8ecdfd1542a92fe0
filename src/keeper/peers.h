/* Who talks to the keeper: fronts (one alive, older ones until the supervisor has told of their end) and infers. */
#ifndef VERONNX_KEEPER_PEERS_H
#define VERONNX_KEEPER_PEERS_H

#include "receipt/statement.h"
#include "wire/frame.h"

#define FRONTS_MAX 4

struct keeper_front {
    uint16_t generation; /* 0: the place is free */
    uint64_t last_job;   /* of its tickets, which rise */
    struct wire_end sign;
    struct wire_end ticket;
    struct wire_end proof; /* comes after the others */
};

struct keeper_infer {
    uint32_t number; /* 0: the place is free */
    bool sealed;
    bool accused;
    struct wire_end report; /* closed once it is accused */
    uint8_t epoch[EPOCH_LEN];
    struct wire_model asked;
    uint8_t model_sha256[DIGEST_LEN];
    struct statement_base base; /* of its statements; once it is sealed */
};

struct peers {
    struct keeper_front fronts[FRONTS_MAX];
    struct keeper_infer infers[LIVE_INFERS_MAX];
    uint32_t last_infer; /* their numbers rise */
};

void peers_init(struct peers *p);
void peers_done(struct peers *p);

/* A free place, filled with the number; NULL when there is none, or the number is 0 or taken (front), or does not rise (infer).
   The ends are still closed. */
struct keeper_front *peers_add_front(struct peers *p, uint16_t generation);
struct keeper_infer *peers_add_infer(struct peers *p, uint32_t number);

/* NULL when unknown. */
struct keeper_front *peers_front(struct peers *p, uint16_t generation);
struct keeper_infer *peers_infer(struct peers *p, uint32_t number);

/* Closes the ends and frees the place. */
void peers_drop_front(struct keeper_front *f);
void peers_drop_infer(struct keeper_infer *i);

#endif
