/* The application half of front with everything around it played by the test: supervisor, keeper, infer processes and
   clients, all in one thread, over the real channels and the real HTTP server without TLS. */
#ifndef VERONNX_TEST_FRONT_WORLD_H
#define VERONNX_TEST_FRONT_WORLD_H

#include "front/app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENTS_MAX 600
#define WORLD_INFERS 300
#define TICKETS_MAX 2000

/* A process that runs models, seen from its own side: what it got and what it may write. */
struct infer {
    uint32_t number;
    struct wire_end job;
    struct wire_end cancel;
    struct map inputs[SLOTS_MAX];
    struct map outputs[SLOTS_MAX];
};

/* A job as infer got it. `new_area`: it brought a descriptor. */
struct job {
    struct msg_job head;
    bool new_area;
    size_t count; /* elements of x */
    float first;  /* the first of them */
};

struct client {
    int fd;
    char *got; /* what it received, NUL-terminated */
    size_t n_got;
    bool eof;
};

extern struct world {
    struct app *app;
    struct conf conf; /* may be changed before world_serve */
    struct wire_end super;
    struct wire_end keeper;
    struct wire_end prover; /* the keeper's end for documents */
    struct identity identity; /* may be changed before world_serve */
    struct wire_inbox inbox;
    struct wire_msg last; /* what hear took; its fixed part is in the inbox */
    struct infer infers[WORLD_INFERS];
    struct client clients[CLIENTS_MAX];
    struct msg_ticket tickets[TICKETS_MAX];
    unsigned n_tickets;
    unsigned n_infers;
    unsigned n_clients;
} w;

/* For each test: a front that serves. `world_end` fails when memory, descriptors or budget have leaked. */
int world_begin(void **state);
int world_end(void **state);
/* The same in two steps, for what must happen in between. */
void world_prepare(void);
void world_serve(void);

/* Lets front do what it can. */
void turn(void);
/* As often as it takes for timers to run. */
void turn_for(unsigned ms);
/* As if all deadlines of calls and lanes had passed. */
void time_passes(void);

/* ── clients ── */

/* A new connection, or a further request on one. Returns the client. */
struct client *post(const char *body);
/* GET, on a new connection. */
struct client *get(const char *target);
/* The same, but front has not looked at it. */
struct client *post_unseen(const char *body);
struct client *post_with(const char *fields, const char *body);
void post_again(struct client *c, const char *body);
/* Any bytes. */
void say(struct client *c, const char *text);
/* A request for model `n` with the input x = [value, 2]. The text is static. */
const char *request_of(unsigned n, const char *value);
/* One that has `count` values. Free it. */
char *large_request(unsigned n, size_t count);
void leave(struct client *c);
/* The status of the answer that is there, or 0; it is taken away, so that the next one can be looked at. */
int status_of(struct client *c);
/* Fails unless the answer that is there has this status and this code. */
void expect_error(struct client *c, int status, const char *code);
/* Of the answer that status_of took last. */
const char *last_answer(void);
long retry_after(void);
/* How many of the first `n` clients have an answer (not taken away). */
unsigned answered(unsigned n);

/* ── the supervisor and the keeper ── */

/* Takes the next message; fails unless it is of this type. Its fixed part is returned until the next call. */
const void *super_hears(enum wire_type type);
/* Fails when something is there, but for FRONT_ACTIVE, which both skip unless it is asked for. */
void super_hears_nothing(void);
/* Reads tickets; how many have come in all. */
unsigned tickets(void);
/* Takes FRONT_LOAD of model `n`; returns the number of the request. */
uint32_t super_asked(unsigned n);
void super_says(enum wire_type type, const void *fixed, const char *tail);
void super_evicts(const struct infer *i);
void super_fails(uint32_t request, err_t reason, uint32_t retry_ms, const char *why);
/* FRONT_MODEL with the channels of a new infer process, which has said nothing yet. */
struct infer *super_loads(uint32_t request);
/* Also META. */
struct infer *super_loads_ready(uint32_t request);
void keeper_signs(uint64_t job);
/* In one message. */
void keeper_signs_all(const uint64_t *jobs, size_t count);
/* Either infer has told the keeper so, or the keeper says it of itself. */
void keeper_refuses(uint64_t job, err_t reason);

/* The next question for a document; fails when there is none. Borrowed until the next call. */
const struct msg_document_ask *keeper_asked(void);
void keeper_asked_nothing(void);
void keeper_proves(uint32_t id, err_t result, struct view document);

/* ── infer processes ── */

/* Input x: float of any shape; output y: float of any shape. */
void infer_introduces(struct infer *i);
/* Takes a job; fails when there is none, or when the keeper has not got its ticket. */
struct job infer_takes(struct infer *i);
bool infer_has_job(struct infer *i);
/* Doubles the input. */
void infer_answers(struct infer *i, const struct job *j);
/* Says that it failed. */
void infer_fails(struct infer *i, const struct job *j, err_t e, const char *why);
/* A RESULT as given. */
void infer_says(struct infer *i, const struct msg_result *r, struct view tail, int fd);
/* Its process ends. */
void infer_dies(struct infer *i);
/* Fails unless the lane has ended: its end of the channel is closed. */
void expect_ended(struct infer *i);
/* An output area with `size` bytes, sealed with `seals`; `ret` maps it. */
int output_area(size_t size, int seals, struct map *ret);
/* The encoding of one tensor y: float[count]. Free its data with buf_done. */
struct buf encoded_output(size_t count);

/* A model that is loaded, with its infer process. */
struct infer *load(unsigned n);
/* A request that runs through; fails unless it is answered with 200. */
void run_one(struct infer *i, unsigned n);

#endif
