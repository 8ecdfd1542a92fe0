/* libveronnx-verify: is this attestation document, this node, this receipt to be believed? Needs OpenSSL's libcrypto
   and nothing else: no network, no files, no clock. What is checked, and how, is in docs/receipts.md.

   All input is untrusted bytes. Nothing is allocated that is not freed on return; results hold no pointer into input
   but the names and codes, which are constants. Functions may be called from several threads at once after
   veronnx_verify_setup has been called once. */
#ifndef VERONNX_VERIFY_H
#define VERONNX_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VERONNX_PUBLIC __attribute__((visibility("default")))

/* Borrowed; data NULL: absent. */
struct veronnx_bytes {
    const void *data;
    size_t len;
};

#define VERONNX_PCR_LEN 48
struct veronnx_pcr {
    uint8_t index; /* 0 to 31 */
    uint8_t value[VERONNX_PCR_LEN];
};

/* What is trusted and wanted. Zeroed it trusts AWS's root alone and refuses every document, because nothing is said
   about image and time. What is absent is not compared, but for image and policy: there it must be said. */
struct veronnx_expect {
    /* documents */
    struct veronnx_bytes root; /* DER of another root, for which simulation must be allowed; absent: AWS's */
    bool allow_simulated;
    bool allow_debug;
    bool archived;       /* all as of the document's own time: that it is fresh is not shown */
    uint64_t now_ms;     /* else: Unix milliseconds */
    uint64_t max_age_ms; /* of a document that is not archived */
    bool any_image;      /* `pcrs` need not have PCR0, 1 and 2; else all three, and never one or two */
    const struct veronnx_pcr *pcrs;
    size_t n_pcrs;
    struct veronnx_bytes document_nonce;
    struct veronnx_bytes user_data;  /* of a document alone, like the next */
    struct veronnx_bytes public_key;
    /* nodes and bundles; with a document alone `policy` is compared with PCR18, and nothing when it is absent */
    struct veronnx_bytes policy; /* the policy that the node must have, as text */
    bool any_policy;
    /* receipts */
    struct veronnx_bytes nonce;      /* an empty one: none */
    struct veronnx_bytes asked_cid;  /* binary */
    struct veronnx_bytes asked_path; /* below it, "" for none */
    struct veronnx_bytes file_cid;
    struct veronnx_bytes model;     /* SHA-256, like all that follow */
    struct veronnx_bytes in_descriptors;
    struct veronnx_bytes in_tensors;
    struct veronnx_bytes out_descriptors;
    struct veronnx_bytes out_tensors;
};

/* What a node gave, and the certificate of the connection over which it did. */
struct veronnx_node {
    struct veronnx_bytes document;
    struct veronnx_bytes keyset;        /* CBOR */
    struct veronnx_bytes configuration; /* canonical texts */
    struct veronnx_bytes policy;
    struct veronnx_bytes certificate; /* the leaf, DER; absent: not compared */
};

struct veronnx_check {
    const char *name;
    const char *code; /* of the refusal; NULL: it holds */
    char why[192];    /* a sentence that names the field, when it does not */
};

#define VERONNX_CHECKS_MAX 24
struct veronnx_report {
    size_t n;        /* of the checks that were made, in order; what cannot be parsed ends the list */
    size_t n_failed;
    bool image_compared; /* `pcrs` has PCR0, 1 and 2; false: any image would have been good */
    bool simulated;      /* of a simulator, which was allowed: it proves nothing about hardware */
    bool debug;          /* in debug mode, which was allowed: the host could look into it and change it */
    struct veronnx_check check[VERONNX_CHECKS_MAX];
};

/* Once, before the others. False: libcrypto lacks an algorithm. */
VERONNX_PUBLIC bool veronnx_verify_setup(void);

/* Each makes every check that it can, and returns whether all hold. A check that could not be made for want of memory
   has failed. `document` may be any enclave's. */
VERONNX_PUBLIC bool veronnx_verify_attestation(struct veronnx_bytes document, const struct veronnx_expect *expect,
                                               struct veronnx_report *report);
VERONNX_PUBLIC bool veronnx_verify_node(const struct veronnx_node *node, const struct veronnx_expect *expect,
                                        struct veronnx_report *report);
VERONNX_PUBLIC bool veronnx_verify_bundle(struct veronnx_bytes bundle, const struct veronnx_expect *expect,
                                          struct veronnx_report *report);

#ifdef __cplusplus
}
#endif

#endif
