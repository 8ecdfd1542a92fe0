/* Requests to a Nitro Security Module and its responses, in CBOR, both ways (aws-nitro-enclaves-nsm-api,
   src/api/mod.rs).

   A message with fields is a map of one pair, name and map of fields; one without is its name alone. What is written
   has definite lengths and the order of AWS's client. What is read may have any order, a response also maps of
   indefinite length; unknown, missing and double fields and anything outside the limits below are refused. */
#ifndef VERONNX_ATTEST_NSM_H
#define VERONNX_ATTEST_NSM_H

#include "attest/nsm_ioctl.h"
#include "attest/pcr.h"
#include "receipt/cbor.h"

#define NSM_MODULE_ID_MAX 100
#define NSM_DOCUMENT_MAX  (NSM_RESPONSE_MAX - 64)
#define NSM_RANDOM_MAX    256
/* The module itself only limits the whole request; verifiers differ, and these are what all of them take. */
#define NSM_USER_DATA_MAX  512
#define NSM_NONCE_MAX      512
#define NSM_PUBLIC_KEY_MAX 1024

enum nsm_op {
    NSM_DESCRIBE_NSM,
    NSM_DESCRIBE_PCR,
    NSM_EXTEND_PCR,
    NSM_LOCK_PCR,
    NSM_LOCK_PCRS,
    NSM_ATTESTATION,
    NSM_GET_RANDOM,
    NSM_OPS_
};

#define NSM_ERROR_TABLE(X)                                                                                             \
    X(INVALID_ARGUMENT, "InvalidArgument")                                                                             \
    X(INVALID_INDEX, "InvalidIndex")                                                                                   \
    X(INVALID_RESPONSE, "InvalidResponse")                                                                             \
    X(READ_ONLY_INDEX, "ReadOnlyIndex")                                                                                \
    X(INVALID_OPERATION, "InvalidOperation")                                                                           \
    X(BUFFER_TOO_SMALL, "BufferTooSmall")                                                                              \
    X(INPUT_TOO_LARGE, "InputTooLarge")                                                                                \
    X(INTERNAL_ERROR, "InternalError")

enum nsm_error {
    NSM_SUCCESS,
#define NSM_ERROR_ENUM(id, name) NSM_##id,
    NSM_ERROR_TABLE(NSM_ERROR_ENUM)
#undef NSM_ERROR_ENUM
        NSM_ERRORS_
};

/* Fields of other operations are not looked at. An optional view without data is absent. */
struct nsm_request {
    enum nsm_op op;
    uint16_t index;        /* the register; LOCK_PCRS: how many of them, from 0 on */
    struct view data;      /* EXTEND_PCR */
    struct view user_data; /* ATTESTATION, optional like the next two */
    struct view nonce;
    struct view public_key;
};

/* Views are borrowed from the bytes that were read. */
struct nsm_response {
    enum nsm_op op;
    enum nsm_error error; /* unless NSM_SUCCESS, nothing below counts */
    bool locked;          /* DESCRIBE_PCR */
    struct view bytes;    /* DESCRIBE_PCR and EXTEND_PCR: the value; ATTESTATION: the document; GET_RANDOM */
    uint16_t version[3];  /* DESCRIBE_NSM, with all below */
    uint16_t max_pcrs;
    uint32_t locked_pcrs; /* bit n: register n */
    struct view module_id;
};

/* ERR_TOO_LARGE when a field exceeds its limit. What does not fit in the writer is seen by cbor_written. */
err_t nsm_request_write(const struct nsm_request *q, struct cbor_writer *w);
err_t nsm_response_write(const struct nsm_response *p, struct cbor_writer *w);

/* ERR_TRUNCATED, ERR_TOO_LARGE or ERR_MALFORMED. */
err_t nsm_request_read(struct view bytes, struct nsm_request *ret);
/* The response must be one to `asked`, or an error. */
err_t nsm_response_read(struct view bytes, enum nsm_op asked, struct nsm_response *ret);

#endif
