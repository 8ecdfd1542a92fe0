/* HTTP requests of the command line, through libcurl. */
#ifndef VERONNX_CLI_HTTP_H
#define VERONNX_CLI_HTTP_H

#include "base/buf.h"

struct http_call {
    const char *url;
    const char *cacert;        /* PEM file with the only certificate that is trusted; NULL: the system's */
    bool insecure;             /* no check of the certificate */
    const char *pinned;        /* "sha256//" and base64 of the key's SubjectPublicKeyInfo; NULL: any key */
    bool certificate;          /* the server's is wanted in the result */
    const char *const *fields; /* "Name: value", ends with NULL; or NULL */
    struct view body;          /* data NULL: GET, else POST */
    long timeout_ms;           /* 0: none */
    void (*meanwhile)(void *user); /* called about once a second while nothing comes; NULL: not */
    void *user;
    size_t max; /* bytes of an answer; 0: one less than 2 GiB */
};
struct http_result {
    long status;
    struct buf body;
    err_t kept;              /* what came of the body so far */
    struct buf certificate;  /* DER, when it was wanted */
    size_t fields_len;       /* of its head and trailer */
    char receipt[16 * 1024]; /* value of Veronnx-Receipt; "" without one */
};

/* ERR_CLOSED with libcurl's sentence when there was no answer; ERR_TOO_LARGE when it has more than `max` bytes;
   ERR_USAGE when `cacert` cannot be read. The caller ends the result with http_result_done, always. */
err_t http_perform(const struct http_call *call, struct http_result *ret, struct why *why);
void http_result_done(struct http_result *r);

#endif
