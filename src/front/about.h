/* What a node says about itself, as JSON texts that stay the same while it runs. */
#ifndef VERONNX_FRONT_ABOUT_H
#define VERONNX_FRONT_ABOUT_H

#include "wire/conf.h"
#include "wire/identity.h"

struct about {
    struct buf node;        /* /.well-known/veronnx: all that a verifier needs beside a document, and more */
    struct buf config;      /* /enclave/config: the effective values of [node] and [policy] */
    struct buf signing_key; /* /signing-key: the key of settlements, as OpenGradient's registration asks for it */
};

/* ERR_NOMEM; ERR_MALFORMED when a text of the configuration is not UTF-8. Ends with about_done. */
err_t about_make(const struct conf *conf, const struct identity *identity, struct about *ret);
/* Accepts a zeroed struct. */
void about_done(struct about *a);

#endif
