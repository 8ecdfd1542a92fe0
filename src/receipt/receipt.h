/* The receipt as it travels: the value of the header `Veronnx-Receipt`, base64url without padding of the CBOR array
   [statement, COSE_Sign1, input descriptors or null, output descriptors or null] (docs/receipts.md, "Wire form"). */
#ifndef VERONNX_RECEIPT_RECEIPT_H
#define VERONNX_RECEIPT_RECEIPT_H

#include "base/text.h"
#include "receipt/cose.h"
#include "receipt/statement.h"

#define RECEIPT_DESCRIPTORS_MAX 1024 /* of one side; longer ones are left out */
#define RECEIPT_BYTES_MAX       (1 + 3 + STATEMENT_MAX + COSE_MAX + 2 * (3 + (size_t)RECEIPT_DESCRIPTORS_MAX))
#define RECEIPT_TEXT_MAX        BASE64URL_LEN(RECEIPT_BYTES_MAX)

/* What a receipt is put together from, each part encoded. Descriptors above RECEIPT_DESCRIPTORS_MAX, and those whose
   data is NULL, are left out. */
struct receipt_parts {
    struct view statement;
    struct view cose;
    struct view in_descriptors;
    struct view out_descriptors;
};

/* NUL-terminated. ERR_TOO_LARGE when statement or COSE_Sign1 exceed their maxima. */
err_t receipt_pack(const struct receipt_parts *parts, char ret_text[static RECEIPT_TEXT_MAX + 1]);

/* A well-formed receipt. Nothing in it has been verified. Views are borrowed from the bytes it was unpacked into. */
struct receipt {
    struct view statement_bytes;
    struct statement statement;
    struct cose_proof proof;
    struct view in_descriptors; /* data NULL: left out */
    struct view out_descriptors;
};

/* From the array itself. ERR_RECEIPT_MALFORMED, ERR_RECEIPT_PROOF (see cose_read). */
err_t receipt_decode(struct view bytes, struct receipt *ret, struct why *why);
/* `bytes` is initialised here, also on an error; it holds what the receipt borrows, and the caller ends it with
   buf_done. As receipt_decode, and ERR_NOMEM. */
err_t receipt_unpack(struct view text, struct buf *bytes, struct receipt *ret, struct why *why);

#endif
