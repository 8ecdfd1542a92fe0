/* Attestation documents of the Nitro Security Module: COSE_Sign1 (RFC 9052 §4.2) with ES384 over a CBOR map. Read, and
   written for the simulator. Whether a document is to be believed is verify.h's business.

   AWS sends COSE_Sign1 without its tag and has written the map both with its length and with an open end; both are
   taken, and the tag. Everything else is exact: shortest heads, every key once and no unknown one, the limits below,
   nothing behind the end. */
#ifndef VERONNX_ATTEST_DOCUMENT_H
#define VERONNX_ATTEST_DOCUMENT_H

#include "attest/cert.h"
#include "attest/chain.h"
#include "attest/pcr.h"
#include "receipt/cbor.h"

#define DOCUMENT_MAX       (16 * KIB)
#define DOCUMENT_FIELD_MAX 1024 /* public_key, user_data, nonce */

/* Views are borrowed from the bytes that were read, or for writing the caller's. One without data is absent. */
struct document {
    struct view module_id;        /* not empty */
    uint64_t timestamp_ms;        /* Unix milliseconds, not 0 */
    struct view pcr[PCR_COUNT];   /* PCR_LEN bytes each; only locked registers are there, at least one */
    size_t n_certs;               /* 2 to CHAIN_MAX */
    struct view certs[CHAIN_MAX]; /* cabundle, root first, then the certificate whose key signed; 1 to ATTEST_CERT_MAX
                                     bytes each */
    struct view public_key;       /* not empty */
    struct view user_data;
    struct view nonce;
    struct view payload;   /* set by reading: the map, as it was signed */
    struct view signature; /* set by reading: ES384_SIGNATURE_LEN bytes */
};

/* ERR_DOC_MALFORMED, ERR_DOC_ALGORITHM, or ERR_DOC_FIELD with the key in `why`. Nothing is verified. */
err_t document_read(struct view bytes, struct document *ret, struct why *why);

/* SHA-384 of the Sig_structure, what the signature is over. */
err_t document_digest(struct view payload, uint8_t ret_digest[static SHA384_LEN]);

/* ── writing ── */

/* The two encodings of the map that AWS has used: until 2025, and since. */
enum document_map { DOCUMENT_MAP_SIZED, DOCUMENT_MAP_OPEN };

/* The map; `payload` and `signature` are not looked at. An absent optional field is null, as AWS writes it. */
void document_put_payload(const struct document *d, enum document_map map, struct cbor_writer *w);
/* Signs any payload and puts the whole document. `key` is private, on P-384. */
err_t document_put_signed(struct view payload, EVP_PKEY *key, struct cbor_writer *w);

#endif
