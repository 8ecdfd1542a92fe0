/* Every message between the processes of a node.

   A message is one SOCK_SEQPACKET datagram: `struct wire_head`, the fixed part (a struct below, native byte order,
   explicit padding that is zero), the tail (0 to `tail` bytes), and `fds` descriptors. TICKET, JOB, RESULT and REPORT
   without descriptors may share a datagram of at most WIRE_PACK_MAX bytes with others of their channel; each begins at
   a multiple of 8 bytes, behind zeros, and means what it would mean alone. The table states who may send what on which
   channel and how large; each receiver adds the states in which it takes a type (wire_route in frame.h). Anything else
   ends the peer. Both ends are executables of the same build on the same machine, so there is no version to agree on.
 */
#ifndef VERONNX_WIRE_MSG_H
#define VERONNX_WIRE_MSG_H

#include "base/err.h"
#include "wire/metrics.h"
#include "wire/source.h"

/* A channel has two sides: `a` is the one nearer to the supervisor (the one that asks), `b` the other. */
enum wire_chan {
    CHAN_CONFIG,  /* a supervisor, b config */
    CHAN_KEEPER,  /* a supervisor, b keeper */
    CHAN_FRONT,   /* a supervisor, b front */
    CHAN_ADMIN,   /* a supervisor, b front --admin */
    CHAN_INFER,   /* a supervisor, b infer */
    CHAN_FETCH,   /* a supervisor, b fetch */
    CHAN_SIGN,    /* a front, b keeper: TLS signatures */
    CHAN_TICKET,  /* a front, b keeper: tickets and receipts */
    CHAN_PROOF,   /* a front, b keeper: attestation documents */
    CHAN_JOB,     /* a front, b infer: jobs and results */
    CHAN_CANCEL,  /* a front, b infer: cancellations */
    CHAN_REPORT,  /* a keeper, b infer: reports */
    CHAN_NSM,     /* a supervisor, b nsm or nsm-sim */
    CHAN_MODULE,  /* a keeper, b nsm or nsm-sim: requests to the security module */
    CHAN_COUNT_
};
enum wire_side { SIDE_A, SIDE_B };

#define WIRE_TAIL_MAX (80 * KIB) /* largest tail of any message */
#define WIRE_FDS_MAX  2

#define NONCE_MIN      16
#define NONCE_MAX      64
#define EPOCH_LEN      16
#define CID_MAX        44
#define MODEL_PATH_MAX 256
#define ENGINE_MAX     256
#define WHY_MAX        191
#define RECEIPT_MAX    (4 * KIB)
#define CERT_MAX       (4 * KIB)
#define DIGEST_LEN     32
#define RSA_SIGNATURE  256
#define IDENTITY_MAX   (20 * KIB) /* struct identity (identity.h) */

#define MODULE_DATA_MAX     512                /* one extension of a register */
#define MODULE_CLAIMS_MAX   (512 + 512 + 1024) /* user data, nonce, public key */
#define MODULE_DOCUMENT_MAX (12 * KIB)
#define LIVE_INFERS_MAX 256       /* infer processes at a time: the supervisor's and the keeper's tables have as many places */
#define PREPARED_MAX(file) (2 * (file) + MIB) /* largest prepared form of a model file of so many bytes */
#define SLOT_KEEP_MAX   (4 * MIB) /* an output area above this is not used again: the next result brings another one */

/* ── parts ── */

/* A model as it was asked for: canonical CID bytes and the path inside a directory ("" = the CID is the file). */
struct wire_model {
    uint8_t cid[CID_MAX];
    uint8_t cid_len;
    uint8_t zero;
    uint16_t path_len;
    char path[MODEL_PATH_MAX]; /* path_len bytes, no NUL inside */
};

/* Bytes that the client chose, repeated by front to the keeper and by infer in its report. len 0 = none. */
struct wire_nonce {
    uint8_t len;
    uint8_t bytes[NONCE_MAX];
    uint8_t zero[7];
};

/* ── supervisor ⇄ config: the configuration as records, then both canonical texts (conf.h) ── */

struct msg_config_start {
    uint64_t zero;
}; /* fd, if there is one: a stream with the text (delivery.h), instead of a file that --config names */
struct msg_config_failed {
    uint32_t line; /* 0: a command-line option or the whole file */
    uint32_t zero;
}; /* tail: one line for a person */

/* ── supervisor ⇄ keeper ── */

struct msg_keeper_start {
    uint8_t kind; /* 1 nitro, 2 simulated */
    uint8_t zero[7];
    uint8_t node_digest[DIGEST_LEN];   /* canonical [node] part of the configuration */
    uint8_t policy_digest[DIGEST_LEN]; /* canonical [policy] part */
    uint64_t not_after;                /* Unix seconds; the keys end then */
}; /* tail: names and addresses for the certificate, each closed by NUL. fd: CHAN_MODULE */
struct msg_keeper_ready {
    uint8_t receipt_key[65]; /* P-256, uncompressed */
    uint8_t zero[7];
    uint8_t keyset_digest[DIGEST_LEN];
}; /* tail: the identity (identity.h) */
struct msg_keeper_front { /* KEEPER_FRONT, then KEEPER_PROOF; KEEPER_FRONT_GONE */
    uint16_t generation;
    uint16_t zero[3];
}; /* fds: CHAN_SIGN, CHAN_TICKET; KEEPER_PROOF: CHAN_PROOF */
struct msg_keeper_infer {
    uint32_t infer;
    uint32_t zero;
    uint8_t epoch[EPOCH_LEN];
    struct wire_model asked;
}; /* fd: CHAN_REPORT */
struct msg_keeper_sealed {
    uint32_t infer;
    uint8_t file_cid_len;
    uint8_t zero[3];
    uint8_t file_cid[CID_MAX];
    uint8_t zero2[4];
    uint8_t model_sha256[DIGEST_LEN];
}; /* tail: engine id */
struct msg_keeper_infer_gone {
    uint32_t infer;
    uint32_t zero;
};
struct msg_keeper_accuse { /* this peer broke a rule: the supervisor ends it */
    uint32_t infer;        /* 0: the front of `generation` */
    uint16_t generation;
    uint16_t zero;
    uint32_t reason; /* err_t */
    uint32_t zero2;
};

struct msg_keeper_ask { /* KEEPER_ASK_HEARTBEAT, KEEPER_ASK_CSR, KEEPER_INSTALL, ADMIN_INSTALL */
    uint32_t request;   /* of the admin listener, returned in the answer */
    uint32_t zero;
}; /* KEEPER_CSR, ADMIN_CSR: tail: PKCS #10, DER. *_INSTALL: certificates, DER, the leaf first */
struct msg_keeper_installed { /* the answer to KEEPER_INSTALL */
    uint32_t request;
    uint32_t result;    /* err_t */
};                      /* tail: the identity with them, when it is OK */
struct msg_heartbeat {  /* KEEPER_HEARTBEAT, ADMIN_HEARTBEAT (docs/receipts.md, "Settlement") */
    uint32_t request;
    uint32_t result;            /* err_t; unless OK all below is 0 */
    uint64_t timestamp;         /* Unix seconds */
    uint8_t tee_id[DIGEST_LEN]; /* Keccak-256 of the RSA key's SubjectPublicKeyInfo */
    uint8_t signature[RSA_SIGNATURE];
};

/* ── supervisor ⇄ front and front --admin ── */

/* FRONT_IDENTITY: before FRONT_START, and again when another certificate is to be shown, which FRONT_READY confirms.
   fds: the identity (identity.h); CHAN_PROOF, the first time. */

struct msg_front_start {
    uint16_t generation;
    uint16_t preloading; /* 1: models are still being loaded before the node is ready; FRONT_PRELOADED follows */
    uint16_t zero[2];
}; /* fds: CHAN_SIGN, CHAN_TICKET */
struct msg_listen {
    uint32_t port; /* for the log */
    uint32_t zero;
}; /* fd: a listening socket */
struct msg_front_load {
    uint32_t request; /* chosen by front, returned in the answer; FRONT_UNLOAD has none: 0 */
    uint32_t zero;
    struct wire_model model;
};
struct msg_front_model { /* the answer: this infer serves it */
    uint32_t request;
    uint32_t infer;
    uint8_t model_sha256[DIGEST_LEN];
}; /* fds: CHAN_JOB, CHAN_CANCEL */
struct msg_front_failed {
    uint32_t request;
    uint32_t reason; /* err_t */
    uint32_t retry_ms;
    uint32_t zero;
}; /* tail: why, printable ASCII after the front's check */
struct msg_front_infer { /* FRONT_EVICT, FRONT_RELEASED */
    uint32_t infer;
    uint32_t zero;
};
struct msg_front_active { /* it was used since this was said last */
    uint32_t infer;
    uint32_t slow; /* 1: one of its runs takes long */
};
struct msg_front_hung { /* this infer is to be ended */
    uint32_t infer;
    uint32_t reason; /* err_t */
};
struct msg_drain {
    uint32_t ms;
    uint32_t zero;
};
struct msg_admin_request {
    uint32_t request;
    uint32_t verb; /* enum admin_verb */
    struct wire_model model;
};
enum admin_verb {
    ADMIN_LOAD,
    ADMIN_UNLOAD,
    ADMIN_DRAIN,
    ADMIN_MODELS,
    ADMIN_STATE,
    ADMIN_HEARTBEAT,
    ADMIN_CSR,
    ADMIN_CERTIFICATE, /* has a message of its own, ADMIN_INSTALL */
    ADMIN_METRICS,
};
struct msg_front_count { /* how much has been counted? */
    uint32_t request; /* the administration's */
    uint32_t zero;
};
struct msg_front_counts {
    uint32_t request;
    uint32_t zero;
    struct front_counts counts;
};
struct msg_admin_table { /* the answer to ADMIN_MODELS, before ADMIN_ANSWER */
    uint32_t request;
    uint32_t rows;
}; /* fd: a sealed memory file of so many `struct admin_model` */
enum admin_model_state {
    ADMIN_MODEL_WAITING, /* for a process or for memory */
    ADMIN_MODEL_DOWNLOADING,
    ADMIN_MODEL_LOADING, /* sealed */
    ADMIN_MODEL_READY,
    ADMIN_MODEL_LEAVING,
    ADMIN_MODEL_KEPT, /* only its file is in memory */
    ADMIN_MODEL_FAILED,
    ADMIN_MODEL_STATES_
};
#define ADMIN_MODELS_MAX 1024
struct admin_model {
    struct wire_model model;
    uint32_t state;          /* enum admin_model_state */
    uint32_t infer;          /* 0: none */
    uint64_t file_bytes;     /* 0: not known yet */
    uint64_t received_bytes; /* of the file, verified */
    uint64_t reserved_bytes;
    uint64_t kept_bytes; /* of the file that is kept for the next process */
    uint64_t prepared_bytes; /* of its prepared form */
    uint32_t sources;    /* how many have sent blocks of it */
    uint32_t elapsed_ms; /* WAITING to LOADING: since the load began */
    uint32_t idle_s;     /* READY, LEAVING: since the last use */
    uint32_t reason;     /* FAILED: err_t */
    uint32_t retry_ms;   /* FAILED: when it may be tried again */
    uint8_t model_sha256[DIGEST_LEN]; /* all 0: not known yet */
    char why[WHY_MAX + 1];            /* FAILED; printable ASCII, NUL-terminated */
    uint32_t zero;
};
struct msg_admin_state { /* the answer to ADMIN_STATE, before ADMIN_ANSWER */
    uint32_t request;
    uint32_t models;
    uint64_t memory_total;
    uint64_t memory_used;
    uint64_t loads;
    uint64_t evictions;
    uint64_t kills;
    uint64_t restarts;
    uint64_t uptime_ms;
};
struct msg_admin_metrics { /* the answer to ADMIN_METRICS, before ADMIN_ANSWER */
    struct msg_admin_state state;
    uint64_t load_failures;
    uint64_t loaded_bytes;                 /* of models that were fetched and verified */
    uint64_t warm_ups;                     /* runs that nobody had asked for, */
    uint64_t warm_up_failures;             /* and those that were not to be had or did not end well */
    uint64_t source_bytes[SOURCE_NUMBERS]; /* of their blocks, by source */
    uint64_t kills[ERR_COUNT_];            /* by reason */
    uint64_t rss_bytes[METRIC_CLASSES_];
    uint64_t cpu_ms[METRIC_CLASSES_]; /* of processes that live */
    uint64_t processes[METRIC_CLASSES_];
    struct front_counts front;
};
struct msg_admin_answer {
    uint32_t request;
    uint32_t result; /* err_t */
};

/* ── supervisor ⇄ infer ── */

struct msg_infer_config {
    uint32_t prepares; /* 1: it will make the prepared form of one model, and serve none */
    uint32_t zero;
}; /* fd: the configuration */

struct msg_infer_assign { /* INFER_ASSIGN: a model that must be pulled; INFER_RELOAD: one whose sealed file is there */
    uint32_t infer;
    uint32_t workers;
    uint8_t epoch[EPOCH_LEN];
    uint64_t max_file_bytes;
    uint64_t max_output_bytes;
    uint64_t granted_bytes; /* INFER_RELOAD: what INFER_GRANT says otherwise */
    uint32_t load_ms;
    uint32_t run_ms;
    uint32_t prepared; /* INFER_RELOAD: 1: the file is the model's prepared form */
    uint32_t zero;
    struct wire_model model;
}; /* tail: allowed operator domains, each closed by NUL. fds: the block channel (wire/block.h) or the file; CHAN_REPORT */
struct msg_infer_prepare {
    uint32_t ms; /* how long it may take */
    uint32_t zero;
}; /* fd: the sealed file of a model that has been loaded before */
struct msg_infer_prepared {
    uint32_t us; /* how long it took */
    uint32_t zero;
}; /* fd: the prepared form, sealed */
struct msg_infer_warm { /* the model is to be run once before anybody asks for it: answered by INFER_WARMED */
    uint32_t ms;        /* how long it may take */
    uint32_t zero;
};
struct msg_infer_warmed {
    uint32_t us;     /* how long it took; 0: it was not run */
    uint32_t result; /* err_t */
};
struct msg_infer_front {
    uint16_t generation;
    uint16_t zero[3];
}; /* fds: CHAN_JOB, CHAN_CANCEL */
struct msg_infer_bytes { /* INFER_SIZE: the file's size; INFER_MEMORY: more memory wanted; INFER_GRANT: the answer, 0 = no */
    uint64_t bytes;
};
struct msg_infer_sealed {
    uint64_t size;
    uint32_t verify_us;
    uint8_t file_cid_len;
    uint8_t zero[3];
    uint8_t file_cid[CID_MAX];
    uint8_t zero2[4];
    uint8_t model_sha256[DIGEST_LEN];
    uint64_t from[SOURCE_NUMBERS]; /* verified bytes of blocks, by source */
}; /* fd: the sealed memory file */
struct msg_infer_scanned { /* before ONNX Runtime has seen a byte of the model */
    uint32_t random_operator; /* 0 or 1 */
    uint32_t us;
};
struct msg_infer_loaded {
    uint32_t load_us;
    uint32_t cpu_us; /* of processor time, however busy the machine is */
};
struct msg_infer_progress { /* at most four a second */
    uint64_t bytes;         /* of the file, verified */
    uint32_t sources;       /* how many have sent blocks */
    uint32_t zero;
};
struct msg_infer_failed { /* INFER_FAILED: it ends; INFER_RETURNED: it has not seen a byte of a model and is idle again */
    uint32_t reason;      /* err_t */
    uint32_t zero;
}; /* tail: why */

/* ── supervisor ⇄ fetch ── */

struct msg_fetch_serve {
    uint32_t infer;
    uint32_t zero;
}; /* fd: the block channel */

/* ── front ⇄ keeper ── */

struct msg_tls_sign {
    uint32_t id;
    uint32_t zero;
}; /* tail: the whole text that TLS 1.3 CertificateVerify signs (RFC 8446 §4.4.3); answer's tail: ECDSA signature, DER */
struct msg_ticket {
    uint64_t job;
    uint32_t infer;
    uint16_t settle; /* 1: SETTLEMENT is wanted too */
    uint16_t alone;  /* 1: a hint that front has no other job under way, so that no other ticket comes soon */
    struct wire_nonce nonce;
};
struct msg_receipt { /* in the tail of RECEIPTS (wire/receipts.h), before its statement and its COSE_Sign1 */
    uint64_t job;
    uint32_t statement_len;
    uint32_t cose_len; /* both together at most RECEIPT_MAX */
};
struct msg_no_receipt {
    uint64_t job;
    uint32_t reason; /* err_t */
    uint32_t zero;
};
struct msg_settlement { /* before the receipt of its job (docs/receipts.md, "Settlement") */
    uint64_t job;
    uint64_t timestamp; /* Unix seconds */
    uint8_t input_hash[DIGEST_LEN];
    uint8_t output_hash[DIGEST_LEN];
    uint8_t signature[RSA_SIGNATURE];
};
struct msg_document_ask {
    uint32_t id; /* returned in the answer; documents come in the order of the questions, OVERLOADED at once */
    uint32_t zero;
    struct wire_nonce nonce; /* NONCE_MIN to NONCE_MAX bytes */
};
struct msg_document {
    uint32_t id;
    uint32_t result; /* err_t: OVERLOADED (too many at a time or a second), NSM_FAILED */
}; /* tail: the document, when it is OK */

/* ── front ⇄ infer: tensors lie in slots, one memory area per side and slot (docs/processes.md, "Slots") ── */

struct msg_job {
    uint64_t job;
    uint64_t bytes; /* of the input area that this job uses */
    uint32_t run_ms;
    uint16_t slot;
    uint16_t others; /* of front's jobs that have no result yet: a hint whether it is worth letting front go on */
    struct wire_nonce nonce;
}; /* tail: value_set_encode (tensor/values.h). fd: the slot's input area when it is new */
struct msg_result {
    uint64_t job;
    uint64_t bytes;
    uint32_t result; /* err_t */
    uint32_t run_us;
    uint16_t slot;
    uint16_t zero[3];
}; /* tail: ok: value_set_encode; failed: why. fd: the slot's output area when it is new */
struct msg_cancel {
    uint64_t job;
};

/* ── infer → keeper ── */

struct msg_report {
    uint64_t job;
    uint32_t result; /* err_t: only OK is signed */
    uint32_t zero;
    struct wire_nonce nonce;
    uint8_t in_descriptors[DIGEST_LEN];
    uint8_t in_tensors[DIGEST_LEN];
    uint8_t out_descriptors[DIGEST_LEN];
    uint8_t out_tensors[DIGEST_LEN];
};

/* ── keeper ⇄ nsm: one message a request and one for its answer, in the order of enum nsm_op (attest/module.h) ── */

struct msg_module_request {
    uint32_t id;            /* chosen by the keeper, returned in the answer */
    uint16_t index;         /* the register; LOCK_PCRS: how many */
    uint16_t user_data_len; /* ATTESTATION: the parts of the tail, 0 = absent */
    uint16_t nonce_len;
    uint16_t public_key_len;
    uint32_t zero;
}; /* tail: EXTEND_PCR: the data; ATTESTATION: user data, nonce, public key */
struct msg_module_answer {
    uint32_t id;
    uint16_t error; /* enum nsm_error; unless 0, all below is 0 and there is no tail */
    uint8_t locked; /* DESCRIBED_PCR: 0 or 1 */
    uint8_t zero;
    uint32_t locked_pcrs; /* DESCRIBED_NSM: bit n for register n */
    uint16_t max_pcrs;    /* DESCRIBED_NSM */
    uint16_t version[3];  /* DESCRIBED_NSM */
    uint16_t zero2[2];
}; /* tail: DESCRIBED_NSM: the module's id; DESCRIBED_PCR, EXTENDED_PCR: the value; ATTESTED: the document; RANDOM */

struct msg_empty {
    uint64_t zero;
};

/* type, channel, sending side, fixed part, maximum tail, fewest and most descriptors */
#define WIRE_TABLE(X)                                                                                                  \
    X(CONFIG_START, CHAN_CONFIG, SIDE_A, struct msg_config_start, 0, 0, 1)                                             \
    X(CONFIG_DONE, CHAN_CONFIG, SIDE_B, struct msg_empty, 0, 1, 1)                                                     \
    X(CONFIG_FAILED, CHAN_CONFIG, SIDE_B, struct msg_config_failed, 512, 0, 0)                                         \
    X(KEEPER_START, CHAN_KEEPER, SIDE_A, struct msg_keeper_start, 1024, 1, 1)                                          \
    X(KEEPER_READY, CHAN_KEEPER, SIDE_B, struct msg_keeper_ready, IDENTITY_MAX, 0, 0)                                  \
    X(KEEPER_FRONT, CHAN_KEEPER, SIDE_A, struct msg_keeper_front, 0, 2, 2)                                             \
    X(KEEPER_PROOF, CHAN_KEEPER, SIDE_A, struct msg_keeper_front, 0, 1, 1)                                             \
    X(KEEPER_FRONT_GONE, CHAN_KEEPER, SIDE_A, struct msg_keeper_front, 0, 0, 0)                                        \
    X(KEEPER_INFER, CHAN_KEEPER, SIDE_A, struct msg_keeper_infer, 0, 1, 1)                                             \
    X(KEEPER_SEALED, CHAN_KEEPER, SIDE_A, struct msg_keeper_sealed, ENGINE_MAX, 0, 0)                                  \
    X(KEEPER_INFER_GONE, CHAN_KEEPER, SIDE_A, struct msg_keeper_infer_gone, 0, 0, 0)                                   \
    X(KEEPER_ASK_HEARTBEAT, CHAN_KEEPER, SIDE_A, struct msg_keeper_ask, 0, 0, 0)                                       \
    X(KEEPER_HEARTBEAT, CHAN_KEEPER, SIDE_B, struct msg_heartbeat, 0, 0, 0)                                            \
    X(KEEPER_ASK_CSR, CHAN_KEEPER, SIDE_A, struct msg_keeper_ask, 0, 0, 0)                                             \
    X(KEEPER_CSR, CHAN_KEEPER, SIDE_B, struct msg_keeper_ask, CERT_MAX, 0, 0)                                          \
    X(KEEPER_INSTALL, CHAN_KEEPER, SIDE_A, struct msg_keeper_ask, CERT_MAX, 0, 0)                                      \
    X(KEEPER_INSTALLED, CHAN_KEEPER, SIDE_B, struct msg_keeper_installed, IDENTITY_MAX, 0, 0)                          \
    X(KEEPER_ACCUSE, CHAN_KEEPER, SIDE_B, struct msg_keeper_accuse, 0, 0, 0)                                           \
    X(FRONT_START, CHAN_FRONT, SIDE_A, struct msg_front_start, 0, 2, 2)                                                \
    X(FRONT_CONFIG, CHAN_FRONT, SIDE_A, struct msg_empty, 0, 1, 1)                                                     \
    X(FRONT_IDENTITY, CHAN_FRONT, SIDE_A, struct msg_empty, 0, 1, 2)                                                   \
    X(FRONT_LISTEN, CHAN_FRONT, SIDE_A, struct msg_listen, 0, 1, 1)                                                    \
    X(FRONT_READY, CHAN_FRONT, SIDE_B, struct msg_empty, 0, 0, 0)                                                      \
    X(FRONT_LOAD, CHAN_FRONT, SIDE_B, struct msg_front_load, 0, 0, 0)                                                  \
    X(FRONT_UNLOAD, CHAN_FRONT, SIDE_B, struct msg_front_load, 0, 0, 0)                                                \
    X(FRONT_MODEL, CHAN_FRONT, SIDE_A, struct msg_front_model, 0, 2, 2)                                                \
    X(FRONT_FAILED, CHAN_FRONT, SIDE_A, struct msg_front_failed, WHY_MAX, 0, 0)                                        \
    X(FRONT_EVICT, CHAN_FRONT, SIDE_A, struct msg_front_infer, 0, 0, 0)                                                \
    X(FRONT_RELEASED, CHAN_FRONT, SIDE_B, struct msg_front_infer, 0, 0, 0)                                             \
    X(FRONT_ACTIVE, CHAN_FRONT, SIDE_B, struct msg_front_active, 0, 0, 0)                                              \
    X(FRONT_HUNG, CHAN_FRONT, SIDE_B, struct msg_front_hung, 0, 0, 0)                                                  \
    X(FRONT_COUNT, CHAN_FRONT, SIDE_A, struct msg_front_count, 0, 0, 0)                                                \
    X(FRONT_COUNTS, CHAN_FRONT, SIDE_B, struct msg_front_counts, 0, 0, 0)                                              \
    X(FRONT_PRELOADED, CHAN_FRONT, SIDE_A, struct msg_empty, 0, 0, 0)                                                  \
    X(FRONT_DRAIN, CHAN_FRONT, SIDE_A, struct msg_drain, 0, 0, 0)                                                      \
    X(FRONT_DRAINED, CHAN_FRONT, SIDE_B, struct msg_empty, 0, 0, 0)                                                    \
    X(ADMIN_CONFIG, CHAN_ADMIN, SIDE_A, struct msg_empty, 0, 1, 1)                                                     \
    X(ADMIN_LISTEN, CHAN_ADMIN, SIDE_A, struct msg_listen, 0, 1, 1)                                                    \
    X(ADMIN_READY, CHAN_ADMIN, SIDE_B, struct msg_empty, 0, 0, 0)                                                      \
    X(ADMIN_REQUEST, CHAN_ADMIN, SIDE_B, struct msg_admin_request, 0, 0, 0)                                            \
    X(ADMIN_INSTALL, CHAN_ADMIN, SIDE_B, struct msg_keeper_ask, CERT_MAX, 0, 0)                                        \
    X(ADMIN_TABLE, CHAN_ADMIN, SIDE_A, struct msg_admin_table, 0, 1, 1)                                                \
    X(ADMIN_COUNTERS, CHAN_ADMIN, SIDE_A, struct msg_admin_state, 0, 0, 0)                                             \
    X(ADMIN_METRICS, CHAN_ADMIN, SIDE_A, struct msg_admin_metrics, 0, 0, 0)                                            \
    X(ADMIN_HEARTBEAT, CHAN_ADMIN, SIDE_A, struct msg_heartbeat, 0, 0, 0)                                              \
    X(ADMIN_CSR, CHAN_ADMIN, SIDE_A, struct msg_keeper_ask, CERT_MAX, 0, 0)                                            \
    X(ADMIN_ANSWER, CHAN_ADMIN, SIDE_A, struct msg_admin_answer, WHY_MAX, 0, 0)                                        \
    X(INFER_CONFIG, CHAN_INFER, SIDE_A, struct msg_infer_config, 0, 1, 1)                                              \
    X(INFER_HELLO, CHAN_INFER, SIDE_B, struct msg_empty, ENGINE_MAX, 0, 0)                                             \
    X(INFER_ASSIGN, CHAN_INFER, SIDE_A, struct msg_infer_assign, 4 * KIB, 2, 2)                                        \
    X(INFER_RELOAD, CHAN_INFER, SIDE_A, struct msg_infer_assign, 4 * KIB, 2, 2)                                        \
    X(INFER_RETURNED, CHAN_INFER, SIDE_B, struct msg_infer_failed, WHY_MAX, 0, 0)                                      \
    X(INFER_SIZE, CHAN_INFER, SIDE_B, struct msg_infer_bytes, 0, 0, 0)                                                 \
    X(INFER_GRANT, CHAN_INFER, SIDE_A, struct msg_infer_bytes, 0, 0, 0)                                                \
    X(INFER_PROGRESS, CHAN_INFER, SIDE_B, struct msg_infer_progress, 0, 0, 0)                                          \
    X(INFER_SEALED, CHAN_INFER, SIDE_B, struct msg_infer_sealed, 0, 1, 1)                                              \
    X(INFER_PROCEED, CHAN_INFER, SIDE_A, struct msg_empty, 0, 0, 0)                                                    \
    X(INFER_MEMORY, CHAN_INFER, SIDE_B, struct msg_infer_bytes, 0, 0, 0)                                               \
    X(INFER_SCANNED, CHAN_INFER, SIDE_B, struct msg_infer_scanned, 0, 0, 0)                                            \
    X(INFER_LOADED, CHAN_INFER, SIDE_B, struct msg_infer_loaded, 0, 0, 0)                                              \
    X(INFER_FAILED, CHAN_INFER, SIDE_B, struct msg_infer_failed, WHY_MAX, 0, 0)                                        \
    X(INFER_PREPARE, CHAN_INFER, SIDE_A, struct msg_infer_prepare, 0, 1, 1)                                            \
    X(INFER_PREPARED, CHAN_INFER, SIDE_B, struct msg_infer_prepared, 0, 1, 1)                                          \
    X(INFER_FRONT, CHAN_INFER, SIDE_A, struct msg_infer_front, 0, 2, 2)                                                \
    X(INFER_WARM, CHAN_INFER, SIDE_A, struct msg_infer_warm, 0, 0, 0)                                                  \
    X(INFER_WARMED, CHAN_INFER, SIDE_B, struct msg_infer_warmed, 0, 0, 0)                                              \
    X(FETCH_READY, CHAN_FETCH, SIDE_B, struct msg_empty, 0, 0, 0)                                                      \
    X(FETCH_SERVE, CHAN_FETCH, SIDE_A, struct msg_fetch_serve, 0, 1, 1)                                                \
    X(TLS_SIGN, CHAN_SIGN, SIDE_A, struct msg_tls_sign, 160, 0, 0)                                                     \
    X(TLS_SIGNATURE, CHAN_SIGN, SIDE_B, struct msg_tls_sign, 80, 0, 0)                                                 \
    X(TICKET, CHAN_TICKET, SIDE_A, struct msg_ticket, 0, 0, 0)                                                         \
    X(RECEIPTS, CHAN_TICKET, SIDE_B, struct msg_empty, WIRE_TAIL_MAX, 0, 0)                                            \
    X(NO_RECEIPT, CHAN_TICKET, SIDE_B, struct msg_no_receipt, 0, 0, 0)                                                 \
    X(SETTLEMENT, CHAN_TICKET, SIDE_B, struct msg_settlement, 0, 0, 0)                                                 \
    X(DOCUMENT_ASK, CHAN_PROOF, SIDE_A, struct msg_document_ask, 0, 0, 0)                                              \
    X(DOCUMENT, CHAN_PROOF, SIDE_B, struct msg_document, MODULE_DOCUMENT_MAX, 0, 0)                                    \
    X(JOB, CHAN_JOB, SIDE_A, struct msg_job, WIRE_TAIL_MAX, 0, 1)                                                      \
    X(META, CHAN_JOB, SIDE_B, struct msg_empty, WIRE_TAIL_MAX, 0, 0)                                                   \
    X(RESULT, CHAN_JOB, SIDE_B, struct msg_result, WIRE_TAIL_MAX, 0, 1)                                                \
    X(CANCEL, CHAN_CANCEL, SIDE_A, struct msg_cancel, 0, 0, 0)                                                         \
    X(REPORT, CHAN_REPORT, SIDE_B, struct msg_report, 0, 0, 0)                                                         \
    X(NSM_DEVICE, CHAN_NSM, SIDE_A, struct msg_empty, 0, 1, 1)                                                         \
    X(NSM_STATE, CHAN_NSM, SIDE_A, struct msg_empty, 0, 1, 1)                                                          \
    X(NSM_START, CHAN_NSM, SIDE_A, struct msg_empty, 0, 1, 1)                                                          \
    X(NSM_READY, CHAN_NSM, SIDE_B, struct msg_empty, 0, 0, 0)                                                          \
    X(MODULE_DESCRIBE_NSM, CHAN_MODULE, SIDE_A, struct msg_module_request, 0, 0, 0)                                    \
    X(MODULE_DESCRIBE_PCR, CHAN_MODULE, SIDE_A, struct msg_module_request, 0, 0, 0)                                    \
    X(MODULE_EXTEND_PCR, CHAN_MODULE, SIDE_A, struct msg_module_request, MODULE_DATA_MAX, 0, 0)                        \
    X(MODULE_LOCK_PCR, CHAN_MODULE, SIDE_A, struct msg_module_request, 0, 0, 0)                                        \
    X(MODULE_LOCK_PCRS, CHAN_MODULE, SIDE_A, struct msg_module_request, 0, 0, 0)                                       \
    X(MODULE_ATTEST, CHAN_MODULE, SIDE_A, struct msg_module_request, MODULE_CLAIMS_MAX, 0, 0)                          \
    X(MODULE_GET_RANDOM, CHAN_MODULE, SIDE_A, struct msg_module_request, 0, 0, 0)                                      \
    X(MODULE_DESCRIBED_NSM, CHAN_MODULE, SIDE_B, struct msg_module_answer, 100, 0, 0)                                  \
    X(MODULE_DESCRIBED_PCR, CHAN_MODULE, SIDE_B, struct msg_module_answer, 48, 0, 0)                                   \
    X(MODULE_EXTENDED_PCR, CHAN_MODULE, SIDE_B, struct msg_module_answer, 48, 0, 0)                                    \
    X(MODULE_LOCKED_PCR, CHAN_MODULE, SIDE_B, struct msg_module_answer, 0, 0, 0)                                       \
    X(MODULE_LOCKED_PCRS, CHAN_MODULE, SIDE_B, struct msg_module_answer, 0, 0, 0)                                      \
    X(MODULE_ATTESTED, CHAN_MODULE, SIDE_B, struct msg_module_answer, MODULE_DOCUMENT_MAX, 0, 0)                       \
    X(MODULE_RANDOM, CHAN_MODULE, SIDE_B, struct msg_module_answer, 256, 0, 0)

enum wire_type {
    MSG_NONE_, /* so that a zeroed message is none */
#define WIRE_ENUM(name, ...) MSG_##name,
    WIRE_TABLE(WIRE_ENUM)
#undef WIRE_ENUM
        MSG_COUNT_
};

#endif
