/* A client of HTTP/2 in the thread of the server that is tested, on nghttp2 and the C library's memory, so that what
   fails there is never its own. */
#ifndef VERONNX_TEST_FRONT_H2_PEER_H
#define VERONNX_TEST_FRONT_H2_PEER_H

#include "base/buf.h"

#include <nghttp2/nghttp2.h>

#define H2_PEER_STREAMS 16

struct h2_answer {
    int32_t id; /* 0: free */
    int status; /* 0: none came */
    char *body;
    size_t n_body;
    char coding[16];     /* grpc-encoding */
    char grpc_status[8]; /* in the head or behind the body; "" = none */
    bool ended;          /* the stream is closed, */
    uint32_t error;      /* with this code */
};

struct h2_peer {
    int fd;
    nghttp2_session *session;
    struct view sending; /* of the one request whose body is on its way, */
    bool open;           /* and will not be all of it */
    struct view unsent;  /* of the session: what of a frame did not go into the socket */
    bool goaway;
    bool eof;
    struct h2_answer answers[H2_PEER_STREAMS];
};

/* Takes the descriptor, which does not block. */
void h2_peer_open(struct h2_peer *p, int *fd);
void h2_peer_close(struct h2_peer *p);
/* Queues a request; `fields` are pairs of name and value, ended by NULL; `body` (borrowed until it is sent) .data NULL:
 * none. */
struct h2_answer *h2_peer_ask(struct h2_peer *p, const char *method, const char *path, const char *const *fields,
                              struct view body);
/* More of a body that was `open`; the last of it when that is not true any more. */
void h2_peer_more(struct h2_peer *p, const struct h2_answer *a, struct view body);
/* Writes what there is to write and reads what there is to read. */
void h2_peer_turn(struct h2_peer *p);

#endif
