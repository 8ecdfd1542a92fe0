/* What the person who verifies trusts and wants: the options that all of `veronnx verify` and `veronnx infer --verify`
   have in common. */
#ifndef VERONNX_CLI_TRUST_H
#define VERONNX_CLI_TRUST_H

#include "cli/pcrs.h"

#include <getopt.h>

/* Letters of the options are above those of any command. */
enum trust_option {
    TRUST_ROOT = 256,
    TRUST_SIMULATED,
    TRUST_DEBUG,
    TRUST_PCRS,
    TRUST_POLICY,
    TRUST_ANY_POLICY,
    TRUST_MAX_AGE,
    TRUST_AT,
    TRUST_ARCHIVE,
    TRUST_OPTIONS_END
};
/* clang-format off */
#define TRUST_OPTIONS                                                                                                  \
    {"root", required_argument, NULL, TRUST_ROOT}, {"allow-simulated", no_argument, NULL, TRUST_SIMULATED},            \
    {"allow-debug", no_argument, NULL, TRUST_DEBUG}, {"pcrs", required_argument, NULL, TRUST_PCRS},                    \
    {"policy", required_argument, NULL, TRUST_POLICY}, {"any-policy", no_argument, NULL, TRUST_ANY_POLICY},            \
    {"max-age", required_argument, NULL, TRUST_MAX_AGE}, {"at", required_argument, NULL, TRUST_AT},                    \
    {"archive", no_argument, NULL, TRUST_ARCHIVE}
/* clang-format on */

#define TRUST_HELP                                                                                                     \
    "  --root FILE         trust this root certificate (PEM or DER) in the place of AWS's; with --allow-simulated "    \
    "only\n"                                                                                                           \
    "  --allow-simulated   accept evidence of a node that runs with --simulate\n"                                      \
    "  --allow-debug       accept an enclave in debug mode\n"                                                          \
    "  --pcrs FILE         the image: output of nitro-cli build-enclave or describe-enclaves, or the image's "         \
    "manifest;\n"                                                                                                      \
    "                      without it the image is not compared\n"                                                     \
    "  --policy FILE       the node's policy must be this: [policy] as in the node's configuration, where a key that " \
    "is\n"                                                                                                             \
    "                      left out has its default\n"                                                                 \
    "  --any-policy        any policy is good\n"                                                                       \
    "  --max-age SECONDS   how old the attestation document may be; default 300\n"                                     \
    "  --at TIME           verify as of this time: Unix seconds, or 2026-01-31T12:00:00Z\n"                            \
    "  --archive           verify as of the document's own time: that it was fresh is then not shown\n"

struct trust {
    const char *at;
    const char *max_age;
    const char *root_file;
    const char *pcrs_file;
    const char *policy_file;
    struct buf root;   /* DER */
    struct buf policy; /* text */
    struct pcrs pcrs;
    struct veronnx_expect expect;
};

/* Initialises the buffers; ends with trust_done. */
void trust_init(struct trust *t);
void trust_done(struct trust *t);

/* An option of TRUST_OPTIONS; false: it is another one's. `value` is borrowed. */
bool trust_take(struct trust *t, int option, const char *value);
/* After the last option: reads the files and fills `expect`. ERR_USAGE with a sentence. */
err_t trust_load(struct trust *t, struct why *why);

/* Hex digits of a nonce and the like, into `room` of `max` bytes. ERR_USAGE with a sentence. */
err_t trust_hex(const char *text, size_t min, size_t max, uint8_t *room, struct veronnx_bytes *ret, struct why *why);

#endif
