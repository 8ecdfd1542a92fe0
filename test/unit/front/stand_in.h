/* A stand-in for the keeper: a process that holds a P-256 key and signs what comes over CHAN_SIGN, or misbehaves. */
#ifndef VERONNX_TEST_STAND_IN_H
#define VERONNX_TEST_STAND_IN_H

#include "wire/frame.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <sys/types.h>

enum stand_in_mood {
    MOOD_HONEST,
    MOOD_SILENT,     /* answers nothing */
    MOOD_WRONG,      /* signs another text */
    MOOD_GARBAGE,    /* answers bytes that are no signature */
    MOOD_STALE,      /* first repeats the answer to an earlier question, then answers */
    MOOD_FOREIGN_ID, /* answers a question that was not asked */
    MOOD_LATE,       /* answers after the front has given up */
};

struct stand_in {
    struct wire_end front; /* for tls_new or signer_init, which take it */
    EVP_PKEY *key;
    X509 *certificate;
    uint8_t *der; /* of the certificate */
    size_t der_len;
    pid_t pid;
    struct stand_in_shared {
        atomic_int mood;
        atomic_int asked; /* how often */
    } * shared;
};

/* Starts and stops it (the front's end must be closed by then); failures abort the test program. */
void stand_in_start(struct stand_in *k);
void stand_in_stop(struct stand_in *k);

#endif
