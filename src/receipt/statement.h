/* The statement: what a receipt says, a deterministic CBOR map with small integer keys (docs/receipts.md,
   "Statement"). */
#ifndef VERONNX_RECEIPT_STATEMENT_H
#define VERONNX_RECEIPT_STATEMENT_H

#include "base/sha256.h"
#include "receipt/cbor.h"

#define STATEMENT_VERSION    1
#define STATEMENT_SALT_LEN   16
#define STATEMENT_EPOCH_LEN  16
#define STATEMENT_NONCE_MIN  16
#define STATEMENT_NONCE_MAX  64
#define STATEMENT_CID_MIN    34 /* CIDv0: the multihash alone */
#define STATEMENT_CID_MAX    44 /* a CIDv1 of a 32-byte hash with room for long codec numbers */
#define STATEMENT_PATH_MAX   256
#define STATEMENT_ENGINE_MAX 256

/* The keys of the map. A number is never given to another field; a new field means a new version. */
enum statement_key {
    STATEMENT_KEY_VERSION = 1,
    STATEMENT_KEY_KIND = 2,
    STATEMENT_KEY_SALT = 3,
    STATEMENT_KEY_IMAGE = 4, /* may be absent in a simulated statement */
    STATEMENT_KEY_KEYSET = 5,
    STATEMENT_KEY_NODE = 6,
    STATEMENT_KEY_POLICY = 7,
    STATEMENT_KEY_ASKED_CID = 8,
    STATEMENT_KEY_ASKED_PATH = 9,
    STATEMENT_KEY_FILE_CID = 10,
    STATEMENT_KEY_MODEL = 11,
    STATEMENT_KEY_ENGINE = 12,
    STATEMENT_KEY_EPOCH = 13,
    STATEMENT_KEY_JOB = 14,
    STATEMENT_KEY_INPUT = 15,
    STATEMENT_KEY_OUTPUT = 16,
    STATEMENT_KEY_NONCE = 17, /* absent when the client gave none */
    STATEMENT_KEY_START = 18,
    STATEMENT_KEY_END = 19,
    STATEMENT_KEY_CLOCK = 20,
};
#define STATEMENT_KEYS 20

enum statement_kind { STATEMENT_NITRO = 1, STATEMENT_SIMULATED = 2 };

enum statement_clock {
    STATEMENT_CLOCK_SYSTEM = 1, /* the operating system's, not compared with anything */
    STATEMENT_CLOCK_NSM = 2,    /* disciplined by the timestamps of attestation documents */
};

/* One side of a run: SHA-256 of the tensors' descriptors, and the tensor digest. */
struct statement_side {
    uint8_t descriptors[SHA256_LEN];
    uint8_t tensors[SHA256_LEN];
};

/* Views are borrowed: from whoever fills it, or from the bytes that were decoded. */
struct statement {
    enum statement_kind kind;
    uint8_t salt[STATEMENT_SALT_LEN];
    bool has_image; /* must be set for STATEMENT_NITRO */
    uint8_t image[SHA256_LEN];
    uint8_t keyset[SHA256_LEN];
    uint8_t node[SHA256_LEN];
    uint8_t policy[SHA256_LEN];
    struct view asked_cid;  /* binary, STATEMENT_CID_MIN to STATEMENT_CID_MAX bytes */
    struct view asked_path; /* UTF-8, may be empty */
    struct view file_cid;
    uint8_t model[SHA256_LEN];
    struct view engine; /* printable ASCII, not empty */
    uint8_t epoch[STATEMENT_EPOCH_LEN];
    uint64_t job;
    struct statement_side input;
    struct statement_side output;
    struct view nonce; /* empty: the client gave none */
    uint64_t start_us; /* Unix microseconds of the keeper's clock */
    uint64_t end_us;   /* not before start_us */
    enum statement_clock clock;
};

/* The encoding of the longest statement: map head, one byte a key, then the values in the order of the keys. */
#define STATEMENT_BYTES_MAX(n) (CBOR_HEAD_LEN(n) + (n))
#define STATEMENT_MAX                                                                                                  \
    ((size_t)(1 + STATEMENT_KEYS + 1 + 1 + STATEMENT_BYTES_MAX(STATEMENT_SALT_LEN) +                                   \
              5 * STATEMENT_BYTES_MAX(SHA256_LEN) + 2 * STATEMENT_BYTES_MAX(STATEMENT_CID_MAX) +                       \
              STATEMENT_BYTES_MAX(STATEMENT_PATH_MAX) + STATEMENT_BYTES_MAX(STATEMENT_ENGINE_MAX) +                    \
              STATEMENT_BYTES_MAX(STATEMENT_EPOCH_LEN) + 2 * (1 + 2 * STATEMENT_BYTES_MAX(SHA256_LEN)) +               \
              STATEMENT_BYTES_MAX(STATEMENT_NONCE_MAX) + 3 * CBOR_HEAD_LEN(UINT64_MAX) + 1))

/* What is the same in all statements about one process, encoded once: image digest to epoch id. */
#define STATEMENT_BASE_MAX                                                                                             \
    ((size_t)(10 + 5 * STATEMENT_BYTES_MAX(SHA256_LEN) + 2 * STATEMENT_BYTES_MAX(STATEMENT_CID_MAX) +                  \
              STATEMENT_BYTES_MAX(STATEMENT_PATH_MAX) + STATEMENT_BYTES_MAX(STATEMENT_ENGINE_MAX) +                    \
              STATEMENT_BYTES_MAX(STATEMENT_EPOCH_LEN)))
struct statement_base {
    enum statement_kind kind;
    bool has_image;
    size_t len;
    uint8_t bytes[STATEMENT_BASE_MAX];
};
/* Of the fields of `s` from kind to epoch, but for the salt. ERR_RECEIPT_MALFORMED when one is out of its range. */
err_t statement_base(const struct statement *s, struct statement_base *ret, struct why *why);
/* The statement that it begins; of `s` the salt and the fields from the job number on are taken. ERR_RECEIPT_MALFORMED. */
err_t statement_finish(const struct statement_base *base, const struct statement *s,
                       uint8_t ret_bytes[static STATEMENT_MAX], size_t *ret_len, struct why *why);

/* Both at once. */
err_t statement_encode(const struct statement *s, uint8_t ret_bytes[static STATEMENT_MAX], size_t *ret_len,
                       struct why *why);
/* Takes exactly what statement_encode makes: ERR_RECEIPT_MALFORMED for everything else. */
err_t statement_decode(struct view bytes, struct statement *ret, struct why *why);

#endif
