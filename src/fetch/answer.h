/* What an HTTP answer of a source means. Pure. */
#ifndef VERONNX_FETCH_ANSWER_H
#define VERONNX_FETCH_ANSWER_H

#include "wire/source.h"

enum answer {
    ANSWER_BLOCK,    /* the body is the block, it says */
    ANSWER_ABSENT,   /* it has no such block */
    ANSWER_BUSY,     /* not now */
    ANSWER_FAILED,   /* something went wrong there */
    ANSWER_UNUSABLE, /* it does not speak as it should, or not to us */
};

/* By status (specs.ipfs.tech/http-gateways/trustless-gateway; any redirection means that it is not here). Kubo's RPC
   says 500 when it has no such block. */
enum answer answer_of_status(enum source_kind kind, long status);

/* Is this value of Content-Type (NULL: there was none) of the media type `wanted`, with any parameters? */
bool answer_has_type(const char *content_type, const char *wanted);

#endif
