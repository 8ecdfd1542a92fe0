/* A stand-in for the keeper: a thread that holds a P-256 key and signs what comes over CHAN_SIGN, or misbehaves. */
#ifndef VERONNX_TEST_STAND_IN_H
#define VERONNX_TEST_STAND_IN_H

#include "wire/frame.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>

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
    struct wire_end own;
    EVP_PKEY *key;
    X509 *certificate;
    uint8_t *der; /* of the certificate */
    size_t der_len;
    atomic_int mood;
    atomic_int asked;
    pthread_t thread;
};

/* Starts and stops; failures abort the test program. */
void stand_in_start(struct stand_in *k);
void stand_in_stop(struct stand_in *k);

#endif
