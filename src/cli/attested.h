/* What a node says of itself: a document for a nonce of ours, the keyset, both texts, and the certificate of the
   connection on which it gave the document. Nothing here is believed: verify/ judges it. */
#ifndef VERONNX_CLI_ATTESTED_H
#define VERONNX_CLI_ATTESTED_H

#include "base/buf.h"
#include "verify/veronnx_verify.h"

#define ATTESTED_NONCE_LEN 32

/* Accepts attested_done when zeroed. */
struct attested {
    uint8_t nonce[ATTESTED_NONCE_LEN];
    struct buf document;
    struct buf keyset;
    struct buf configuration;
    struct buf policy;
    struct buf certificate; /* DER */
};
void attested_done(struct attested *a);

/* Asks the node at this URL, over a connection that resumes no other; whatever certificate it shows is taken. ERR_USAGE
   for the URL; ERR_CLOSED, with a sentence, when it does not answer with all of it. */
err_t attested_ask(const char *url, struct attested *ret, struct why *why);

/* Appends the DER of the node's /signing-key; ERR_CLOSED, with a sentence, when it gives none. */
err_t attested_signing_key(const char *url, struct buf *ret_der, struct why *why);

/* What they answered, appended to their buffers: base64 and perhaps a line feed; two objects of JSON. Pure.
   ERR_MALFORMED or what the buffers say. */
err_t attested_read_document(struct view answer, struct buf *ret_document);
err_t attested_read_identity(struct view answer, struct attested *ret);
err_t attested_read_key(struct view answer, struct buf *ret_der);

/* The parts and, in `x`, the nonce as the library takes them; borrowed. */
struct veronnx_node attested_node(const struct attested *a, struct veronnx_expect *x);

#endif
