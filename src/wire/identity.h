/* Who this node is, as the keeper found and made it at its start: what anybody may know and check, no secret. The
   keeper writes it, the supervisor puts it into a sealed memory file, front shows it. The preimages of PCR16 and PCR18,
   both canonical texts, are in the configuration (conf.h); that of PCR17 is the keyset. */
#ifndef VERONNX_WIRE_IDENTITY_H
#define VERONNX_WIRE_IDENTITY_H

#include "base/buf.h"
#include "base/fd.h"
#include "wire/msg.h"

#define IDENTITY_PCRS      32
#define IDENTITY_PCR_LEN   48
#define IDENTITY_KEYSET    512
#define IDENTITY_RSA       512
#define IDENTITY_MODULE_ID 104 /* the module's id with its NUL */
#define IDENTITY_USER      68  /* user data of every document: 1220, SHA-256 of certificate, 1220, SHA-256 of RSA key */

/* What was checked at start, in this order: name and what holds. A check that fails ends the node, so what a running
   node has is one of the results below. */
#define CHECK_TABLE(X)                                                                                                 \
    X(HARDWARE_RANDOM, "hardware-random", "the kernel's random source is the module's (nsm-hwrng)")                    \
    X(HARDWARE_CLOCK, "hardware-clock", "the kernel's clock source is kvm-clock")                                      \
    X(MODULE, "module", "the security module answers, has 32 registers and is of the kind that was asked for")         \
    X(IMAGE, "image", "PCR0 to PCR2 are locked and not zero")                                                          \
    X(RANDOM, "random", "random bytes of the module went into the generator before the first key was made")            \
    X(REGISTERS_FREE, "registers-free", "PCR16 to PCR18 were zero and unlocked")                                       \
    X(REGISTERS_EXTENDED, "registers-extended", "PCR16 to PCR18 were extended once: configuration, keyset, policy")    \
    X(REGISTERS_LOCKED, "registers-locked", "all registers are locked")                                                \
    X(REGISTERS_READ, "registers-read", "PCR16 to PCR18 read back as what they should be")                             \
    X(DOCUMENT, "document", "the first document verifies and says all this")                                           \
    X(CLOCK, "clock", "the system's clock is within 30 s of the module's")

enum check {
#define CHECK_ENUM(id, name, text) CHECK_##id,
    CHECK_TABLE(CHECK_ENUM)
#undef CHECK_ENUM
        CHECKS_
};
enum check_result {
    CHECK_NOT_MADE, /* does not apply to a simulated module */
    CHECK_HOLDS,
    CHECK_DEBUG, /* IMAGE alone: the registers are zero, as in debug mode; verifiers refuse that */
    CHECK_RESULTS_
};

struct identity {
    uint32_t kind;      /* 1 nitro, 2 simulated */
    uint32_t locked;    /* bit n: register n */
    uint64_t not_after; /* Unix seconds; the keys end then */
    uint64_t made_ms;   /* Unix milliseconds, by the module's clock */
    uint16_t module_version[3];
    uint8_t checks[CHECKS_]; /* enum check_result */
    uint8_t zero[7];
    char module_id[IDENTITY_MODULE_ID]; /* printable ASCII, NUL-terminated */
    uint8_t pcr[IDENTITY_PCRS][IDENTITY_PCR_LEN];
    uint8_t user_data[IDENTITY_USER];
    uint32_t certificate_len; /* of the arrays below */
    uint32_t keyset_len;
    uint32_t rsa_len;
    uint32_t document_len;
    uint32_t chain_len;                    /* of `certificate`, with those that follow the leaf; else certificate_len */
    uint8_t certificate[CERT_MAX];         /* the TLS leaf, DER, and its issuers one behind the other */
    uint8_t keyset[IDENTITY_KEYSET];       /* CBOR (docs/receipts.md, "Keyset") */
    uint8_t rsa[IDENTITY_RSA];             /* SubjectPublicKeyInfo of the settlement key, DER */
    uint8_t document[MODULE_DOCUMENT_MAX]; /* the first attestation document of these keys and this certificate, without
                                              a nonce */
};
_Static_assert(sizeof(struct identity) % 8 == 0, "no hidden padding at its end");
_Static_assert(sizeof(struct identity) <= IDENTITY_MAX, "it fits into KEEPER_READY");

struct identity_check_row {
    const char *name;
    const char *text;
};
extern const struct identity_check_row identity_checks[CHECKS_];

/* ERR_PROTOCOL when a length, a result or the module's id is outside its range. */
err_t identity_check(const struct identity *i);
/* A sealed memory file with a copy. */
err_t identity_seal(const struct identity *i, int *ret_fd);
/* Maps a received file: seals, size and every field above are checked. `ret_map` owns what `ret` points into. */
err_t identity_map(int fd, struct map *ret_map, const struct identity **ret);

/* Borrowed. */
struct view identity_certificate(const struct identity *i); /* the leaf alone */
struct view identity_chain(const struct identity *i);
struct view identity_keyset(const struct identity *i);
struct view identity_rsa(const struct identity *i);
struct view identity_document(const struct identity *i);

#endif
