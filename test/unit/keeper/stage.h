/* A keeper in its jail, in a child of this program, which plays the supervisor, the fronts and the infers around it. What must
   happen and does not fails the test. */
#ifndef VERONNX_TEST_KEEPER_STAGE_H
#define VERONNX_TEST_KEEPER_STAGE_H

#include "receipt/verify.h"
#include "nsm/device.h"
#include "unit.h"
#include "wire/frame.h"
#include "wire/identity.h"

#include <sys/types.h>

#define STAGE_NOT_AFTER 4000000000U /* seconds; the year 2096 */

struct stage {
    pid_t pid;
    struct wire_end control;
    struct wire_inbox inbox;
    int log_fd;
    char empty_dir[64];
    char module_dir[64];
    struct msg_keeper_start start;
    struct msg_keeper_ready ready;
    struct identity identity;
    pid_t module_pid;
    struct es256 key; /* of the receipts */
};

struct stage_front {
    uint16_t generation;
    struct wire_end sign;
    struct wire_end ticket;
    struct wire_end proof;
    struct wire_inbox inbox;
    struct buf receipts; /* of the last RECEIPTS, not taken yet */
    uint64_t last_job;
    uint32_t last_sign;
};

struct stage_infer {
    uint32_t number;
    struct wire_end report;
    struct msg_keeper_infer known;
    struct msg_keeper_sealed sealed;
};

/* A receipt that has been verified and decoded. */
struct stage_receipt {
    uint64_t job;
    char text[RECEIPT_TEXT_MAX + 1];
    struct buf bytes; /* what `receipt` borrows */
    struct receipt receipt;
};
void stage_receipt_done(struct stage_receipt *r);

/* ── the keeper ── */

/* Between a simulated module and the keeper that is opened next: may change what the module has answered. NULL: nobody. */
extern void (*stage_bend)(const struct nsm_request *q, struct nsm_response *p);
extern const uint8_t stage_pcrs[3][PCR_LEN];

/* Bytes that its control channel holds unread (SO_SNDBUF); 0: as many as usual. */
extern int stage_control_room;

/* For cmocka's setup and teardown: *state is the stage. The teardown expects an orderly end. */
int stage_setup(void **state);
int stage_teardown(void **state);
/* The process without a message. */
void stage_open(struct stage *s);
/* KEEPER_START with a module of its own; stage_start also takes the answer. */
void stage_ask_start(struct stage *s, uint8_t kind);
void stage_start(struct stage *s);
/* In between it sees nothing, and then all at once. */
void stage_pause(const struct stage *s);
void stage_resume(const struct stage *s);
/* Waits for its end: the wait status. */
int stage_wait(struct stage *s);
/* Frees; the process must have ended. */
void stage_free(struct stage *s);
/* Number of its open descriptors. */
unsigned stage_open_fds(const struct stage *s);
/* The next message of its control channel must be this accusation (infer 0: the front of the generation). */
void stage_accused(struct stage *s, uint32_t infer, uint16_t generation, err_t reason);
void stage_not_accused(const struct stage *s);

/* ── a front ── */

void stage_front_new(struct stage *s, uint16_t generation, struct stage_front *ret);
/* Its process ends: its descriptors close, and the supervisor says so. */
void stage_front_die(struct stage *s, struct stage_front *f);
void stage_front_done(struct stage_front *f);

/* A ticket for a new job of this infer with this nonce; the job. */
uint64_t stage_ticket(struct stage_front *f, uint32_t infer, const struct wire_nonce *nonce);
/* Asks for a document; `stage_document` receives the answer (borrowed until the next receive) and its result. */
err_t stage_ask(struct stage_front *f, uint32_t id, const struct wire_nonce *nonce);
struct view stage_document(struct stage_front *f, uint32_t id, err_t *ret_result);

err_t stage_ticket_raw(struct stage_front *f, uint32_t infer, uint64_t job, const struct wire_nonce *nonce);
/* The next that comes on its ticket channel must be a receipt: verified with the keeper's key, decoded. */
void stage_receive(const struct stage *s, struct stage_front *f, struct stage_receipt *ret);
/* ... must be NO_RECEIPT for this job with this reason. */
void stage_no_receipt(struct stage_front *f, uint64_t job, err_t reason);
/* When this returns, the keeper has looked at all that was sent before, and nothing has come on the ticket channel. */
void stage_silence(struct stage_front *f);
/* Has `text` signed; false when the keeper closes the channel instead. */
bool stage_sign(struct stage_front *f, struct view text, uint8_t ret_der[static 80], size_t *ret_len);
/* The text that a TLS 1.3 server signs (RFC 8446 §4.4.3), with a hash of `len` bytes. */
struct view stage_handshake(uint8_t room[static 160], size_t len);
/* Both its channels are at their end. */
void stage_front_cut(struct stage_front *f);

/* ── an infer ── */

/* Registered, sealed, or both. All its facts are derived from its number. */
void stage_infer_known(struct stage *s, uint32_t number, struct stage_infer *ret);
void stage_infer_known_at(struct stage *s, uint32_t number, uint16_t path_len, struct stage_infer *ret);
void stage_infer_sealed(struct stage *s, struct stage_infer *i, struct view engine);
void stage_infer_new(struct stage *s, uint32_t number, struct stage_infer *ret);
void stage_infer_gone(struct stage *s, struct stage_infer *i);
void stage_infer_done(struct stage_infer *i);

/* Digests made of `seed`. */
struct msg_report stage_report(uint64_t job, uint8_t seed, const struct wire_nonce *nonce);
err_t stage_report_send(const struct stage_infer *i, const struct msg_report *r);
void stage_infer_cut(struct stage_infer *i);

/* ── what most tests begin with: one front and two infers ── */

struct cast {
    struct stage *stage;
    struct stage_front front;
    struct stage_infer a;
    struct stage_infer b;
};
/* For cmocka: *state is the cast. */
int cast_setup(void **state);
int cast_teardown(void **state);
/* Infer a is accused and cut off, and what it says next is not heard; the front and infer b go on. */
void cast_end_of_a(struct cast *c, err_t reason);
/* The front is accused and cut off; a successor takes its place, and the infers go on. */
void cast_end_of_front(struct cast *c, err_t reason);
/* A report of a run that went well. */
void cast_report(const struct stage_infer *i, uint64_t job, const struct wire_nonce *nonce);

/* ── anything ── */

#define STAGE_NO_NONCE ((struct wire_nonce){.len = 0})
struct wire_nonce stage_nonce(uint8_t seed, uint8_t len);

/* One ticket, its report, its receipt; the receipt says what was reported. */
void stage_round(struct stage *s, struct stage_front *f, struct stage_infer *i);

/* A datagram with these bytes and `n_fds` descriptors. */
void stage_send_raw(const struct wire_end *end, const void *bytes, size_t len, unsigned n_fds);

/* Waits until something can be read. */
void stage_wait_readable(const struct wire_end *end);

#endif
