/* HTTP/1.0 and HTTP/1.1 (RFC 9112): one request at a time on a connection. */
#ifndef VERONNX_FRONT_HTTP1_H
#define VERONNX_FRONT_HTTP1_H

#include "front/conn.h"
#include "front/request.h"

#include <llhttp.h>

#define OUT_ROOM    (16 * KIB) /* one TLS record */
#define FRAMING_MAX MIB        /* chunk sizes, extensions and trailers of one body together */
#define DISCARD_MAX (64 * KIB) /* to keep a connection, a body that nobody wants is read if it is no longer */

extern const struct protocol http1_protocol;

enum http1_in { IN_HEAD, IN_BODY, IN_DONE };
enum http1_out { OUT_WAIT, OUT_ANSWER }; /* no answer yet; an answer is being sent, or was */

/* A request being read, worked on and answered. It comes from the server's pool and returns there when all is sent. */
struct http1 {
    struct conn *conn;
    llhttp_t parser;
    struct head_field *field; /* being received; NULL between two */
    enum http1_in in;
    enum http1_out out;
    bool chunked;
    bool expects; /* waits for 100 Continue */
    bool keep;    /* the client lets the connection live */
    bool closing; /* nothing more is read, and after the answer the connection ends */
    err_t failed; /* what a callback of the parser found wrong, and the text for it */
    struct why why;
    size_t taken;    /* bytes of this request, */
    size_t content;  /* and how many of them are the body's */
    struct buf body; /* of the answer, while it is being sent */
    struct lease held;
    struct view rest; /* of the body, behind what is in `bytes` */
    size_t out_len;   /* filled and sent bytes of `bytes` */
    size_t out_sent;
    struct request req;
    uint8_t bytes[OUT_ROOM]; /* head of the answer, and its body as far as there is room */
    uint8_t head[];          /* header_max bytes: the request's */
};

/* Appends status line, fields and the beginning of the body to `bytes`; takes the answer's body and its lease. */
void http1_write(struct http1 *h, struct http_answer *a, bool keep);
/* Frees what http1_write took. */
void http1_answer_done(struct http1 *h);

#endif
