/* HTTP requests, many at a time, on one thread and somebody else's epoll: libcurl's multi interface. HTTP/2 where TLS
   agrees on it, HTTP/1.1 otherwise; connections are kept. No redirections, no proxies, no cookies, nothing of the
   environment. */
#ifndef VERONNX_FETCH_HTTP_H
#define VERONNX_FETCH_HTTP_H

#include "base/buf.h"

struct curl_slist;
struct http;
struct http_call;

#define HTTP_CALLS_MAX  96 /* at a time */
#define HTTP_SILENCE_S  30 /* a call that gets less than HTTP_SLOWEST bytes a second for so long ends */
#define HTTP_SLOWEST    256
#define HTTP_CONNECT_MS 5000

struct http_owner;
struct http_request {
    const char *url;
    bool post;                       /* with an empty body */
    const struct curl_slist *fields; /* borrowed until the end of the call */
    uint64_t body_max;
    const struct http_owner *owner;
    void *user;
};

struct http_head {
    long status;
    const char *content_type; /* or NULL; borrowed */
    int64_t length;           /* -1: not said */
};

struct http_end {
    err_t result; /* OK: the answer is complete; ERR_CLOSED: there is none, or it was cut; ERR_BODY_TOO_LARGE;
                     ERR_HEADERS_TOO_LARGE: over 64 KiB of heads and trailer; ERR_PROTOCOL: over
                     4,096 pieces of less than 64 bytes in the mean; or what `head` or `data` returned */
    uint64_t retry_after_ms;
    unsigned status; /* 0: no answer */
    unsigned code;   /* libcurl's number of what went wrong, for the log */
};

/* What the owner of a call hears, with its `user`: its head (unless there is none), its body, its end. `head` and
   `data` may end the call with an error; `data` may say ERR_WOULD_BLOCK: the same bytes come again after http_resume.
   Neither may call http_*. After `end` the call is gone. */
struct http_owner {
    err_t (*head)(void *user, const struct http_head *head);
    err_t (*data)(void *user, struct view bytes);
    void (*end)(void *user, const struct http_end *end);
};

/* libcurl and the certificates' place; once for the process, before its jail. ERR_NOMEM. */
err_t http_setup(void);
/* The system's file of certificates; NULL when libcurl knows none. */
const char *http_default_ca_file(void);

/* `ca_file`: NULL for the system's. Adds its descriptors to `epoll` with their number as data. ERR_NOMEM. */
err_t http_new(int epoll, const char *ca_file, struct http **ret);
/* Ends all calls without a word; accepts a pointer to NULL. */
void http_free(struct http **h);

/* "Name: value" added to a list of fields. ERR_NOMEM. */
err_t http_field(struct curl_slist **list, const char *field);
void http_fields_free(struct curl_slist **list);

/* ERR_OVERLOADED when there are HTTP_CALLS_MAX. */
err_t http_start(struct http *h, const struct http_request *r, struct http_call **ret);
/* Ends it without a word; accepts a pointer to NULL, clears. */
void http_cancel(struct http *h, struct http_call **call);
/* Goes on after ERR_WOULD_BLOCK. */
void http_resume(struct http *h, struct http_call *call);

/* epoll said this of one of its descriptors. */
void http_ready(struct http *h, int fd, uint32_t events);
/* To be called whenever the loop comes round: what is due is done, and the ends of calls are told. */
void http_run(struct http *h);
/* How long epoll may wait; -1: for ever. */
int http_timeout(const struct http *h);

#endif
