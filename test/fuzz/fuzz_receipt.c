/* Unpacking and verifying a receipt, from the bytes under the base64url and from the input as the text itself. What is
   unpacked must be packed to the same text. */
#include "receipt/verify.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of docs/receipts-vectors.txt, so that the seeds verify. */
static const char public_key[] = "04"
                                 "041206133a705ec08f79c3c62301f758d0c692ae4aa6f9b58f0fb6d46c90310d"
                                 "34c9a98fb27aa1077b991f67487e07b2c62a4b45c211dc8593b353dcbb7b1866";

static struct es256 key;

static void open_key(void)
{
    uint8_t point[ES256_POINT_LEN];
    err_t e = hex_decode(view_of(public_key, sizeof(public_key) - 1), point, sizeof(point));
    if (e == OK)
        e = es256_verifier_init(&key, point);
    assert(e == OK);
}

static void pack_again(const struct receipt *r, struct view text)
{
    static char packed[RECEIPT_TEXT_MAX + 1];
    uint8_t cose[COSE_MAX];
    struct cbor_writer w = cbor_writer_on(cose, sizeof(cose));
    struct receipt_parts parts = {
        .statement = r->statement_bytes,
        .in_descriptors = r->in_descriptors,
        .out_descriptors = r->out_descriptors,
    };
    cose_write(&w, &r->proof);
    err_t e = cbor_written(&w, &parts.cose);
    if (e == OK)
        e = receipt_pack(&parts, packed);
    assert(e == OK);
    assert(view_equal(view_of(packed, strlen(packed)), text));
}

static void unpack(struct view text)
{
    AUTO_BUF struct buf bytes = {0};
    struct receipt receipt;
    struct why why;
    const struct receipt_expect expect = {.allow_simulated = true};
    if (receipt_unpack(text, &bytes, &receipt, &why) != OK)
        return;
    pack_again(&receipt, text);
    err_t e = receipt_verify(&receipt, &key, &expect, &why);
    assert(e == OK || e == ERR_RECEIPT_PROOF || e == ERR_RECEIPT_SIGNATURE || e == ERR_RECEIPT_MISMATCH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[BASE64URL_LEN(2 * RECEIPT_BYTES_MAX) + 1];
    if (key.ctx == NULL)
        open_key();
    unpack(view_of(data, size));
    if (size > 2 * RECEIPT_BYTES_MAX)
        return 0;
    base64url_encode(data, size, text);
    unpack(view_of(text, strlen(text)));
    return 0;
}
