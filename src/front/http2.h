/* HTTP/2 (RFC 9113) by nghttp2: many requests at a time on a connection, each on the same path as one of HTTP/1.1. */
#ifndef VERONNX_FRONT_HTTP2_H
#define VERONNX_FRONT_HTTP2_H

#include "front/conn.h"
#include "front/request.h"

#include <nghttp2/nghttp2.h>

#define H2_STREAMS_MAX       128        /* requests at a time on a connection; more are told to wait */
#define H2_STREAM_WINDOW     (4 * MIB)  /* what a client may send of one body before it was taken, */
#define H2_CONN_WINDOW       (16 * MIB) /* and of all bodies of a connection */
#define H2_CONTINUATIONS_MAX 8          /* frames that one head may be cut into */
#define H2_ACKS_MAX          100        /* answers to PING and SETTINGS that the client does not read */
#define H2_RESETS_BURST      200        /* requests that the client takes back, at once */
#define H2_RESETS_RATE       20         /* and per second */
#define H2_IDLE_FRAMES       1000       /* frames that move nothing (struct http2_meter) */
#define H2_IDLE_FRAMES_RATE  10         /* per second */
#define H2_OUT_ROOM          (16 * KIB) /* frames that are written in one piece */

extern const struct protocol http2_protocol;

/* Frames that move nothing (SETTINGS, PING, WINDOW_UPDATE, RST_STREAM, PRIORITY, tiny DATA) take from an
   account; time, requests and data put something back. */
struct http2_meter {
    unsigned left;
    uint64_t at_ms; /* when time was counted last */
};

struct http2 {
    struct conn *conn;
    nghttp2_session *session;
    struct list streams; /* struct http2_stream */
    unsigned n_streams;
    bool in_head; /* a head is being received, which nothing else can interrupt */
    bool greeted; /* the client's SETTINGS came */
    bool leaving; /* GOAWAY was said */
    bool failed;  /* the session is of no more use */
    bool ended;   /* the connection is being taken down: nothing is sent any more */
    bool wakes;   /* a stream is woken */
    struct http2_meter meter;
    struct view frame; /* of the session: what is left of what it wants written */
    uint8_t *out;      /* H2_OUT_ROOM bytes from the server's pool; NULL when all was sent */
    size_t out_len;
    size_t out_sent;
};

enum http2_in { H2_HEAD, H2_BODY, H2_DONE };
enum http2_out { H2_WAIT, H2_OPEN, H2_ANSWER }; /* nothing; head and parts; the last part */

struct http2_stream {
    struct list link;
    struct http2 *h;
    int32_t id;
    enum http2_in in;
    enum http2_out out;
    bool deferred; /* the session waits for more of the answer */
    bool woken;    /* a part was sent: the handler is told when the session has returned */
    err_t failed;  /* what is wrong with the head */
    struct why why;
    uint64_t limit_us;  /* the handler has until then; 0 = as long as it likes */
    uint64_t due_us;    /* the client has until then to send more, or to take more; 0 = it is not its turn */
    size_t uncredited;  /* bytes received for which the window was not opened again */
    struct lease lease; /* of this block */
    struct buf body;    /* of the answer, while it is being sent */
    struct lease held;
    struct view rest; /* of the body */
    unsigned n_trailers;
    char trailer_names[HTTP_TRAILERS_MAX][HTTP_NAME_MAX];
    char trailer_values[HTTP_TRAILERS_MAX][HTTP_TRAILER_MAX];
    struct request req;
    uint8_t head[]; /* header_max bytes: the request's */
};

/* Makes the connection's session, which is `c->state` then. */
err_t http2_open(struct conn *c);
/* After its streams. */
void http2_free(struct http2 *h);
/* Ends the request if that is still open. The session may know its number, but not the stream, any more. */
void http2_stream_free(struct http2_stream *st);

static inline uint64_t http2_now_us(const struct http2 *h)
{
    return uv_now(h->conn->server->loop) * 1000;
}

/* Submit an answer, or its beginning or next part; they take its body. */
void http2_answer(struct request *r, struct http_answer *a);
void http2_part(struct request *r, struct http_answer *a);
/* The server's own answer to a request that broke a rule; behind parts its trailers, or CANCEL if it has none. */
void http2_refuse(struct http2_stream *st, err_t e);
/* Frees what of an answer was not sent. */
void http2_answer_done(struct http2_stream *st);
/* The stream's time begins anew, as that of a connection in `phase`; `n` bytes earned some of it. */
void http2_due_begin(struct http2_stream *st, enum phase phase);
void http2_due_earn(struct http2_stream *st, size_t n);

#endif
