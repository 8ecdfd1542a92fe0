/* A small web server in threads, which answers as a test wants: honestly or not. */
#ifndef VERONNX_TEST_UNIT_FETCH_WEB_H
#define VERONNX_TEST_UNIT_FETCH_WEB_H

#include "base/buf.h"

#define WEB_HEAD_MAX 4096

struct web_request {
    char head[WEB_HEAD_MAX]; /* all of it, NUL-terminated */
    char path[512];          /* with the query */
    unsigned number;         /* from 1, of this server */
};

struct web_reply {
    int status;
    const char *type;  /* NULL: none */
    const char *field; /* one more line of the head, without its end; or NULL */
    struct view body;  /* borrowed until the server is freed */
    bool chunked;      /* no length is said */
    bool trailer;      /* chunked, with a trailer that never ends */
    bool close;        /* neither: the end of the connection is the end of the body */
    unsigned delay_ms; /* before the head */
    unsigned stall_ms; /* before the last byte of the body */
    bool silent;       /* stall before its first byte instead */
    size_t cut;        /* the connection ends after so many bytes of the body; 0: it does not */
};

/* Called in the threads of the connections. `reply` is zeroed. */
typedef void web_answer(void *user, const struct web_request *request, struct web_reply *reply);

struct web;
struct web *web_new(web_answer *answer, void *user);
/* On a port of this machine. */
struct web *web_at(unsigned port, web_answer *answer, void *user);
void web_free(struct web *w);
/* http://127.0.0.1:PORT */
const char *web_url(const struct web *w);
/* Requests so far, and connections. */
unsigned web_requests(struct web *w);
unsigned web_connections(struct web *w);

#endif
