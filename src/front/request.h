/* What stands behind a struct http_req: the part that every version of HTTP shares. */
#ifndef VERONNX_FRONT_REQUEST_H
#define VERONNX_FRONT_REQUEST_H

#include "front/head.h"
#include "front/trace.h"

struct request;

/* How a version of HTTP carries an answer. */
struct carrier {
    /* Sends `a`, or as much of it as can be sent now; takes `a->body` and `a->held`. The request is gone afterwards. */
    void (*answer)(struct request *r, struct http_answer *a);
    /* Sends a part of it, and takes the same; the request goes on. NULL: this version has no parts. */
    void (*part)(struct request *r, struct http_answer *a);
    /* The client may send as much as it has sent so far of a body that is read in parts. */
    void (*more)(struct request *r);
    /* It need not send anything now; it may send as much as it has sent but for `left` bytes. */
    void (*taken)(struct request *r, size_t left);
    bool within; /* its answers are parts of another request's, which has the trace */
};

struct request {
    struct http_req pub; /* first, so that the handler's pointer leads back here */
    const struct carrier *carrier;
    struct http_server *server;
    bool owed; /* the handler has it and has not answered yet */
    char trace[TRACE_LEN];
    struct body body;
    struct head head;
};

/* A request of which nothing is known yet but its random id. The head is collected in `size` bytes at `bytes`. */
void request_init(struct request *r, struct http_server *s, const struct carrier *carrier, uint8_t *bytes, size_t size);

/* The head is complete and passed head_check: calls on_head. Whether the handler answered shows in `owed`. */
void request_begin(struct request *r, enum http_method method);

/* While `owed`: the length of the body (any when not `sized`), the body as it comes, its end (calls on_body). After an
   error the request can only be dropped. */
err_t request_frame(struct request *r, bool sized, uint64_t length, struct why *why);
err_t request_body(struct request *r, struct view part, struct why *why);
err_t request_end(struct request *r);

/* The server's own answer is about to be sent: counts it. */
void request_count(const struct request *r, int status);

/* A part of the answer has been sent: calls on_part. */
void request_part_sent(struct request *r);

/* Ends it: on_gone if the handler still owes an answer, and the body is freed. */
void request_drop(struct request *r);

#endif
