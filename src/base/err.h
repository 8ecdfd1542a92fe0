/* The one result type of the tree, and the texts that go with it. */
#ifndef VERONNX_BASE_ERR_H
#define VERONNX_BASE_ERR_H

#include "base/defs.h"

/* name, HTTP status, text for a person (no content of a request ever). The name is the stable code of the
   public error form {"error", "code"} and of the command line; numbers may change, names may not. */
#define ERR_TABLE(X)                                                                                                   \
    X(NOMEM, 503, "out of memory")                                                                                     \
    X(IO, 500, "input/output error")                                                                                   \
    X(CLOSED, 503, "the peer closed the connection")                                                                   \
    X(WOULD_BLOCK, 503, "the operation would block")                                                                   \
    X(TIMEOUT, 504, "the operation took too long")                                                                     \
    X(TRUNCATED, 400, "the data ends too early")                                                                       \
    X(MALFORMED, 400, "the data is not well-formed")                                                                   \
    X(TOO_LARGE, 413, "the data exceeds its limit")                                                                    \
    X(PROTOCOL, 500, "a process broke the message protocol")                                                           \
    X(INTERNAL, 500, "internal error")                                                                                 \
    X(USAGE, 400, "wrong option or configuration")                                                                     \
    X(NOT_PERMITTED, 500, "the operating system refused")                                                              \
    X(SEALS_MISSING, 500, "a shared memory area lacks its seals")                                                      \
    X(SELF_TEST, 500, "a check of this node at start failed")                                                          \
    /* HTTP */                                                                                                         \
    X(BAD_REQUEST, 400, "the request is not well-formed HTTP")                                                         \
    X(NOT_FOUND, 404, "no such path")                                                                                  \
    X(METHOD_NOT_ALLOWED, 405, "the method is not allowed on this path")                                               \
    X(HEADER_TIMEOUT, 408, "the request head did not arrive in time")                                                  \
    X(BODY_TIMEOUT, 408, "the request body arrives too slowly")                                                        \
    X(BODY_TOO_LARGE, 413, "the request body exceeds its limit")                                                       \
    X(TARGET_TOO_LONG, 414, "the request target exceeds its limit")                                                    \
    X(MEDIA_TYPE, 415, "unsupported content encoding or type")                                                         \
    X(HEADERS_TOO_LARGE, 431, "the request head exceeds its limit")                                                    \
    X(BAD_ENCODING, 400, "the compressed request body is damaged")                                                     \
    X(ADMIN_ONLY, 403, "only the administration listener does this")                                                   \
    X(OVERLOADED, 503, "the node is at its limit")                                                                     \
    X(DRAINING, 503, "the node is shutting down")                                                                      \
    X(PRELOADING, 503, "the models that are loaded at start are not all there yet")                                    \
    /* request content */                                                                                              \
    X(BAD_JSON, 400, "the body is not valid JSON")                                                                     \
    X(JSON_TOO_DEEP, 400, "the JSON is nested too deeply")                                                             \
    X(FIELD_MISSING, 400, "a required field is missing")                                                               \
    X(FIELD_TYPE, 400, "a field has the wrong type")                                                                   \
    X(FIELD_VALUE, 400, "a field has a value outside its range")                                                       \
    X(FIELD_DUPLICATE, 400, "a field stands twice")                                                                    \
    X(NONCE_INVALID, 400, "the nonce must be 16 to 64 bytes")                                                          \
    X(INPUT_MISSING, 400, "an input that the model declares is missing")                                               \
    X(INPUT_UNKNOWN, 400, "an input is not declared by the model")                                                     \
    X(INPUT_DUPLICATE, 400, "an input stands twice")                                                                   \
    X(OUTPUT_UNKNOWN, 400, "an output is not declared by the model")                                                   \
    X(DTYPE_MISMATCH, 400, "the data type does not fit the model's")                                                   \
    X(SHAPE_MISMATCH, 400, "the shape does not fit the model or the number of values")                                 \
    X(VALUE_RANGE, 400, "a value does not fit the declared type")                                                      \
    X(DTYPE_UNSUPPORTED, 400, "the data type cannot travel in this request form")                                      \
    /* models */                                                                                                       \
    X(CID_MALFORMED, 400, "the text or the bytes are not a CID")                                                       \
    X(CID_UNSUPPORTED, 400, "the CID's codec or hash is not raw or dag-pb with sha2-256")                              \
    X(CID_IDENTITY, 400, "the CID holds its content in itself and names no block")                                     \
    X(MODEL_ID_INVALID, 400, "the text is no CID and cannot be a name")                                                \
    X(MODEL_NOT_PINNED, 404, "the name is no CID, and the configuration pins it to none")                              \
    X(MODEL_NOT_FOUND, 404, "no source has this model")                                                                \
    X(MODEL_NOT_ALLOWED, 403, "this node does not serve this model")                                                   \
    X(MODEL_IS_DIRECTORY, 400, "the CID names a directory, not a file")                                                \
    X(MODEL_IS_HAMT, 400, "the CID names a sharded directory, which is not supported")                                 \
    X(MODEL_PATH_NOT_FOUND, 404, "the directory has no such entry")                                                    \
    X(MODEL_NOT_A_FILE, 400, "the CID names something that is not a file")                                             \
    X(MODEL_TOO_LARGE, 413, "the model file exceeds its limit")                                                        \
    X(MODEL_OVER_BUDGET, 503, "the model does not fit into the memory for models")                                     \
    X(MODEL_NOT_ONNX, 400, "the file is not an ONNX model")                                                            \
    X(MODEL_MALFORMED, 400, "the ONNX model breaks a rule of the format")                                              \
    X(MODEL_EXTERNAL_DATA, 400, "the model refers to external data")                                                   \
    X(MODEL_DOMAIN_REFUSED, 400, "the model uses an operator domain that this node refuses")                           \
    X(MODEL_REFUSED, 400, "the model contains something that this node never runs")                                    \
    X(MODEL_OPSET_UNSUPPORTED, 400, "the model needs an operator set that this node does not have")                    \
    X(MODEL_LIMIT, 400, "the model exceeds a limit on nodes, tensors, dimensions or strings")                          \
    X(MODEL_UNSUPPORTED, 400, "ONNX Runtime does not accept the model")                                                \
    X(MODEL_LOAD_TIMEOUT, 504, "loading the model took too long")                                                      \
    X(MODEL_DIED, 503, "the process that runs this model died")                                                        \
    X(MODEL_KILLED_TWICE, 403, "this request killed the model's process twice")                                        \
    X(BLOCK_MISMATCH, 503, "a block does not match its CID")                                                           \
    X(BLOCK_TOO_LARGE, 503, "a block exceeds 2 MiB")                                                                   \
    X(BLOCK_UNWANTED, 503, "a source sent a block that was not asked for")                                             \
    X(DAG_MALFORMED, 400, "the CID's blocks do not form a valid UnixFS file")                                          \
    X(DAG_TOO_COMPLEX, 400, "the CID's file is cut into too many blocks or levels")                                    \
    X(MODEL_INCOMPLETE, 404, "no source has all blocks of this model")                                                 \
    X(SOURCE_DEAD, 503, "no source of blocks answers")                                                                 \
    X(CAR_MALFORMED, 400, "the CAR file is not well-formed")                                                           \
    X(CAR_TRUNCATED, 400, "the CAR file ends too early")                                                               \
    X(CAR_VERSION, 400, "the CAR file is not of version 1")                                                            \
    /* runs */                                                                                                         \
    X(QUEUE_FULL, 503, "the queue of this model or of the node is full")                                               \
    X(QUEUE_TIMEOUT, 503, "the request waited for its turn as long as it may")                                         \
    X(KEEPER_BUSY, 503, "the signing process is busy")                                                                 \
    X(CLOCK_WRONG, 503, "the node's clock is wrong, so it signs nothing")                                              \
    X(RUN_FAILED, 400, "the model cannot be run on this input")                                                        \
    X(RUN_OUT_OF_MEMORY, 503, "the run exceeded the model's memory")                                                   \
    X(RUN_TIMEOUT, 504, "the run took too long")                                                                       \
    X(RUN_CANCELLED, 503, "the run was cancelled")                                                                     \
    X(OUTPUT_TOO_LARGE, 400, "the outputs exceed their limit")                                                         \
    X(OUTPUT_UNSUPPORTED, 400, "the model has an output type that cannot be answered")                                 \
    /* receipts */                                                                                                     \
    X(RECEIPT_MALFORMED, 400, "the receipt is not well-formed")                                                        \
    X(RECEIPT_SIGNATURE, 400, "the receipt's signature is wrong")                                                      \
    X(RECEIPT_PROOF, 400, "the receipt's inclusion proof is wrong")                                                    \
    X(RECEIPT_MISMATCH, 400, "the receipt does not match what it should")                                              \
    /* enclave images */                                                                                               \
    X(EIF_MALFORMED, 400, "the file is not an enclave image")                                                          \
    X(EIF_SIGNATURE, 400, "the enclave image's signature is wrong")                                                    \
    X(CPIO_MALFORMED, 400, "the ramdisk is not a cpio archive of the newc form")                                       \
    X(KERNEL_FORMAT, 400, "the file is not a kernel that an enclave boots")                                            \
    X(BUNDLE_MALFORMED, 400, "the bundle is not well-formed")                                                          \
    X(EVIDENCE_KEYSET, 400, "the keyset is not the one that was measured and that the receipt names")                  \
    X(EVIDENCE_KEYS, 400, "the attestation document binds other keys than the keyset")                                 \
    X(EVIDENCE_CHANNEL, 400, "the TLS certificate is not the one that the attestation document binds")                 \
    X(EVIDENCE_CONFIGURATION, 400, "the configuration is not the one that was measured and that the receipt names")    \
    X(EVIDENCE_POLICY, 400, "the policy is not the one that was measured and that the receipt names")                  \
    X(EVIDENCE_IMAGE, 400, "the receipt names another image than the attestation document")                            \
    X(EVIDENCE_KIND, 400, "the receipt has another kind than the attestation document")                                \
    X(EVIDENCE_TIME, 400, "the keys had ended by then")                                                                \
    X(POLICY_UNSTATED, 400, "nothing says which policy of the node is wanted")                                         \
    X(POLICY_MISMATCH, 400, "the node has another policy than the wanted one")                                         \
    /* certificates that are installed */                                                                              \
    X(CERTIFICATE_MALFORMED, 400, "the text holds something else than certificates that TLS can show")                 \
    X(CERTIFICATE_KEY, 400, "the first certificate is for another key than this node's")                               \
    X(CERTIFICATE_CHAIN, 400, "a certificate was not issued by the one that follows it")                               \
    /* attestation documents */                                                                                        \
    X(NSM_FAILED, 500, "the security module refused or did not answer")                                                \
    X(DOC_MALFORMED, 400, "the attestation document is not well-formed")                                               \
    X(DOC_ALGORITHM, 400, "the attestation document is not signed with ES384")                                         \
    X(DOC_FIELD, 400, "a field of the attestation document is missing, unknown, double or outside its limits")         \
    X(DOC_ROOT, 400, "the certificates do not begin with the expected root")                                           \
    X(DOC_CERTIFICATE, 400, "a certificate of the attestation document has a form that is not accepted")               \
    X(DOC_CHAIN, 400, "the certificates of the attestation document do not form a chain")                              \
    X(DOC_CERT_TIME, 400, "a certificate of the attestation document is not valid at the time in question")            \
    X(DOC_SIGNATURE, 400, "the attestation document's signature is wrong")                                             \
    X(DOC_TIME, 400, "the attestation document is too old, from the future, or outside its certificate's life")        \
    X(DOC_SIMULATED, 400, "the attestation document is simulated")                                                     \
    X(DOC_DEBUG, 400, "the attestation document is from an enclave in debug mode")                                     \
    X(DOC_POLICY, 400, "nothing says which image is wanted")                                                           \
    X(DOC_PCR, 400, "a PCR is missing or has another value than it should")                                            \
    X(DOC_NONCE, 400, "the attestation document's nonce is not the one that was sent")                                 \
    X(DOC_USER_DATA, 400, "the attestation document's user data is not what it should be")                             \
    X(DOC_PUBLIC_KEY, 400, "the attestation document's public key is not what it should be")

typedef enum MUST_CHECK_TYPE err {
    OK = 0,
#define ERR_ENUM(name, http, text) ERR_##name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
        ERR_COUNT_
} err_t;

/* Stable code ("MODEL_NOT_FOUND"), HTTP status and text of an error; valid for every value (unknown = INTERNAL). */
const char *err_name(err_t e);
int err_http(err_t e);
const char *err_text(err_t e);

/* An error number that came from another process: anything unknown becomes ERR_INTERNAL. */
err_t err_from_wire(uint32_t n);

/* The error that errno stands for (EAGAIN: WOULD_BLOCK, ENOMEM: NOMEM, EPIPE and ECONNRESET: CLOSED, else IO). */
err_t err_errno(void);

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        err_t try_ = (call);                                                                                           \
        if (try_ != OK)                                                                                                \
            return try_;                                                                                               \
    } while (0)

/* The sentence that goes with an error: names the field and the limit, never content. */
struct why {
    char text[192];
};

/* Writes the sentence (cut at its maximum) and returns `e`, so that a check is one statement. `w` may be NULL.
   Arguments: integers, string literals, and names that the model itself declares. */
err_t why_set(struct why *w, err_t e, const char *format, ...) PRINTF(3, 4);

#endif
