/* A bundle: a receipt and all that it takes to check it years later without a network, in one file
   (docs/receipts.md, "Bundle"). Here is its form alone; verify/ checks what it says. */
#ifndef VERONNX_RECEIPT_BUNDLE_H
#define VERONNX_RECEIPT_BUNDLE_H

#include "receipt/keyset.h"
#include "receipt/receipt.h"

#define BUNDLE_VERSION      1
#define BUNDLE_DOCUMENT_MAX (16 * KIB)
#define BUNDLE_TEXT_MAX     (64 * KIB) /* of each canonical text */
#define BUNDLE_MAX          (32 + RECEIPT_BYTES_MAX + BUNDLE_DOCUMENT_MAX + KEYSET_MAX + 2 * BUNDLE_TEXT_MAX)

/* Borrowed from whoever fills it, or from the bytes that were read. */
struct bundle {
    struct view receipt;  /* the CBOR array of a receipt, not its text */
    struct view document; /* as the NSM gave it, without a tag */
    struct view keyset;   /* encoded: what PCR17 measures */
    struct view node;     /* canonical text of the configuration's part [node]: what PCR16 measures */
    struct view policy;   /* that of [policy]: what PCR18 measures */
};

/* ERR_TOO_LARGE when a part exceeds its maximum, or all do not fit. */
err_t bundle_write(const struct bundle *b, struct cbor_writer *w);
/* ERR_BUNDLE_MALFORMED for every other form. The parts are not looked into. */
err_t bundle_read(struct view bytes, struct bundle *ret, struct why *why);

#endif
