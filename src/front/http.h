/* HTTP requests and answers, whatever carries them: the interface between the networking half of front and what it
   serves.

   Everything here belongs to the thread of the loop. A request is announced by on_head and ends exactly once: by the
   handler's http_reply or http_reply_error, or by on_gone. After that its pointer is dead. */
#ifndef VERONNX_FRONT_HTTP_H
#define VERONNX_FRONT_HTTP_H

#include "base/buf.h"
#include "front/budget.h"
#include "wire/conf.h"
#include "wire/metrics.h"

#include <uv.h>

#define HTTP_FIELDS_MAX 64        /* header fields of a request */
#define HTTP_TARGET_MAX (8 * KIB) /* bytes of a request target */
#define HTTP_EXTRA_MAX  8         /* header fields that a handler adds to an answer */
#define HTTP_TRAILERS_MAX 3       /* fields behind its body, */
#define HTTP_TRAILER_MAX  512     /* and bytes of one's value */
#define HTTP_NAME_MAX     48      /* bytes of a field's name in an answer, with a NUL */

/* ── requests ── */

enum http_method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_DELETE, METHOD_OPTIONS, METHOD_OTHER };

struct http_answer;

/* A request as the handler sees it. Views are borrowed until the request ends. */
struct http_req {
    uint64_t id;       /* the client's Veronnx-Request-Id (16 hex digits) or random; stands in every answer */
    uint64_t start_ns; /* clock_mono_ns when the head was complete */
    enum http_method method;
    bool secure;       /* came over TLS */
    uint8_t version;   /* of HTTP: 1 or 2 */
    uint8_t kind;      /* enum metric_path, as which its answer is counted; on_head may set it */
    bool parts;        /* on_head may set it, of version 2: the body is given to on_part as it comes */
    bool sending;      /* a part of the answer has not been sent yet */
    size_t prefix;     /* on_head may set it: on_prefix is called when so many bytes of a longer, plain body are there */
    struct view path;  /* begins with '/', ends before '?'; not percent-decoded */
    struct view query; /* behind the '?'; empty without one */
    size_t body_max;   /* largest decompressed body; the configured maximum, which on_head may lower */
    struct buf body; /* decompressed, complete when on_body is called; lives until the request ends or http_body_free */
    void *user;      /* the handler's; NULL at on_head */
    uint32_t limit_ms; /* on_head may set it, of version 2: then the request is dropped, and refused with TIMEOUT */
    /* on_head may set it: writes a refusal in another form than that of http_answer_error. */
    void (*refuse)(struct http_answer *a, err_t e, const struct why *why, uint32_t retry_s);
};

/* The value of a header field (name in lower case), without blanks around it; .data NULL when it is absent. Fields
   whose repetition would be ambiguous (the framing ones, Host, Content-Type, Authorization, ...) never stand twice:
   such a request has been refused. Of others the first is given. */
struct view http_header(const struct http_req *req, const char *name);

/* on_head only: the body goes into this memory instead of a buffer that grows. body_max is lowered to `size`. The
   memory must live until the request ends; req->body is then a view of it and is never freed. */
void http_body_into(struct http_req *req, uint8_t *area, size_t size);

/* on_prefix only: the rest of the body goes into these pieces of memory instead, one after the other; together they are as
   long as it is. They and what they point to must live until the request ends. */
struct http_piece {
    uint8_t *at;
    size_t len;
};
void http_body_scatter(struct http_req *req, struct http_piece *pieces, size_t count);

/* Frees the body and returns its memory to the budget, when a handler needs it no longer but the request goes on. */
void http_body_free(struct http_req *req);

/* A body in parts: the client may go on, i.e. what it has sent so far no longer counts against its window (4 MiB). */
void http_body_more(struct http_req *req);
/* A body in parts: the handler works on what it has taken, and the client is not waited for until a part has been sent.
   All but the last `left` bytes no longer count. */
void http_body_taken(struct http_req *req, size_t left);

/* What is served. The handler may answer inside on_head and on_body, or at any later time. */
struct http_handler {
    /* The head is complete and well-formed. An answer given here is sent without waiting for the body, which is
       dropped; it is the place for wrong paths, methods and API keys. `Expect: 100-continue` is acted on after this
       returned unanswered. */
    void (*on_head)(void *self, struct http_req *req);
    /* The body is complete (follows every unanswered on_head, also when there is no body). */
    void (*on_body)(void *self, struct http_req *req);
    /* The request ended without an answer of the handler: the client left, or its body broke a rule. Frees what `user`
       holds and cancels work; the request must not be answered. */
    void (*on_gone)(void *self, struct http_req *req);
    /* After http_server_drain (perhaps inside it): the last connection is closed. May be NULL. */
    void (*on_drained)(void *self);
    /* Only for a request with `parts`: more of the body stands in req->body, from which the handler takes what it can use
       (buf_consume), or a part of the answer has been sent. NULL when no request has parts. */
    void (*on_part)(void *self, struct http_req *req);
    /* Only for a request with `prefix`, of which the body holds just that now. It cannot be answered here. May be NULL. */
    void (*on_prefix)(void *self, struct http_req *req);
};

/* ── answers ── */

struct http_field {
    const char *name;
    struct view value; /* printable ASCII; anything else turns the answer into 500 INTERNAL */
};

/* Content-Length, Connection and Veronnx-Request-Id are added. Zero what is not used. */
struct http_answer {
    int status;
    const char *type;  /* Content-Type; NULL when there is no body */
    struct view text;  /* a body that lives as long as the process, or */
    struct buf body;   /* a body that is taken over */
    struct lease held; /* what the handler reserved for `body`; taken over, returned when it is sent */
    uint32_t retry_s;  /* Retry-After; 0 = none */
    unsigned n_fields;
    struct http_field fields[HTTP_EXTRA_MAX];
    unsigned n_trailers; /* sent behind the body; HTTP/1.1 sends none */
    struct http_field trailers[HTTP_TRAILERS_MAX];
    char note[HTTP_TRAILER_MAX]; /* for a trailer's value that has no other place */
};

/* Ends the request with this answer. `body` and `held` are taken (and zeroed) whatever happens. */
void http_reply(struct http_req *req, struct http_answer *a);

/* Sends a part of the answer: of the first one status, type and fields count. `body` and `held` are taken. The next part
   waits for on_part, i.e. until `sending` is false; the last one is http_reply's, which need not wait if it has no
   body. Version 2 only. */
void http_reply_part(struct http_req *req, struct http_answer *a);

/* Fills a zeroed answer with the error form: {"error":"<text>","code":"<STABLE_CODE>"} and the status of `e`. The text
   is that of `why`, or the table's. A 503, and nothing else, gets a Retry-After of `retry_s` or 1. For answers to which
   fields are to be added; else http_reply_error. */
void http_answer_error(struct http_answer *a, err_t e, const struct why *why, uint32_t retry_s);

/* The same in the form of the request. */
void http_refusal(const struct http_req *req, struct http_answer *a, err_t e, const struct why *why, uint32_t retry_s);

/* Ends the request with the error form. */
void http_reply_error(struct http_req *req, err_t e, const struct why *why, uint32_t retry_s);

/* ── the server ── */

struct tls;         /* tls.h */
struct http_server; /* listening sockets and connections on one loop */

/* Once per process, before anything else of libuv or OpenSSL is called and before the jail: allocators, no
   configuration files, algorithms fetched. */
err_t http_setup(void);

/* A server that takes its limits and times from `conf` and its memory for bodies from `bodies`. `tls` NULL = plain
   HTTP. `conf`, `bodies`, `tls`, `handler` and `self` must outlive it. */
err_t http_server_new(uv_loop_t *loop, const struct conf *conf, struct budget *bodies, struct tls *tls,
                      const struct http_handler *handler, void *self, struct http_server **ret);

/* Takes a listening socket and accepts on it. */
err_t http_server_listen(struct http_server *s, int *fd);

/* Sends what was answered since the loop went on, as the server does by itself before the loop sleeps. False: nothing
   was. Accepts NULL. For a handler that has something to do before the loop sleeps by which requests may be answered.
 */
bool http_server_flush(struct http_server *s);

/* Fills what the server knows: answers, handshakes, connections. */
void http_server_count(const struct http_server *s, struct front_counts *counts);

/* Stops accepting, closes idle connections, answers requests in flight with `Connection: close`, then on_drained. */
void http_server_drain(struct http_server *s);

/* Ends everything at once (on_gone for every unanswered request) and clears the pointer. Its memory is freed when the
   loop has run the close callbacks. Accepts NULL. Not from inside a function of the handler. */
void http_server_free(struct http_server **s);

#endif
