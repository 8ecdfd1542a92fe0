/* Prints a fresh key and receipts signed with it, for the other implementation to verify: "key HEX", then one a line.
   */
#include "receipt/receipt.h"
#include "receipt/sign.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define BATCH_MAX 65

static struct receipt_signer signer;
static uint8_t statements[BATCH_MAX][STATEMENT_MAX];
static size_t lens[BATCH_MAX];

/* Random digests; optional fields and lengths by the number. */
static err_t make_statement(uint64_t n, struct view in, struct view out)
{
    uint8_t cid[STATEMENT_CID_MAX];
    uint8_t nonce[STATEMENT_NONCE_MAX];
    struct statement s;
    if (RAND_bytes((uint8_t *)&s, sizeof(s)) != 1 || RAND_bytes(cid, sizeof(cid)) != 1 ||
        RAND_bytes(nonce, sizeof(nonce)) != 1)
        return ERR_INTERNAL;
    s.kind = n % 2 == 0 ? STATEMENT_NITRO : STATEMENT_SIMULATED;
    s.has_image = n % 4 != 1;
    s.asked_cid = view_of(cid, n % 3 == 0 ? STATEMENT_CID_MIN : STATEMENT_CID_MAX);
    s.asked_path = n % 5 == 0 ? view_of("", 0) : view_of("folder/model.onnx", 17);
    s.file_cid = view_of(cid, STATEMENT_CID_MIN);
    s.engine = view_of("engine", 6);
    s.job = n * 0x0101010101010101;
    s.nonce = view_of(nonce, n % 7 == 0 ? 0 : STATEMENT_NONCE_MIN + n % 49);
    s.start_us = n;
    s.end_us = n + (n << 32);
    s.clock = n % 2 == 0 ? STATEMENT_CLOCK_NSM : STATEMENT_CLOCK_SYSTEM;
    TRY(sha256_of(in.data, in.len, s.input.descriptors));
    TRY(sha256_of(out.data, out.len, s.output.descriptors));
    return statement_encode(&s, statements[n], &lens[n], NULL);
}

static err_t print_receipt(size_t n, struct view in, struct view out)
{
    static char text[RECEIPT_TEXT_MAX + 1];
    uint8_t cose[COSE_MAX];
    size_t len = 0;
    TRY(sign_cose(&signer, n, cose, &len));
    TRY(receipt_pack(&(struct receipt_parts){view_of(statements[n], lens[n]), view_of(cose, len), in, out}, text));
    return puts(text) >= 0 ? OK : ERR_IO;
}

static err_t print_batch(size_t size)
{
    static const uint8_t out_bytes[RECEIPT_DESCRIPTORS_MAX + 1];
    struct view in = view_of("descriptors", 11);
    struct view out = view_of(out_bytes, RECEIPT_DESCRIPTORS_MAX + size % 2); /* an odd batch leaves them out */
    sign_begin(&signer);
    for (size_t n = 0; n < size; n++) {
        uint8_t digest[SHA256_LEN];
        TRY(make_statement(n, in, out));
        TRY(sign_add(&signer, view_of(statements[n], lens[n]), digest));
    }
    TRY(sign_batch(&signer));
    for (size_t n = 0; n < size; n++)
        TRY(print_receipt(n, in, out));
    return OK;
}

static err_t print_all(EVP_PKEY *key)
{
    uint8_t point[ES256_POINT_LEN];
    char hex[HEX_LEN(ES256_POINT_LEN) + 1];
    TRY(es256_point(key, point));
    hex_encode(point, sizeof(point), hex);
    printf("key %s\n", hex);
    TRY(sign_init(&signer, key));
    for (size_t size = 1; size <= BATCH_MAX; size += size < 9 ? 1 : 8)
        TRY(print_batch(size));
    return OK;
}

int main(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    err_t e = key != NULL ? print_all(key) : ERR_INTERNAL;
    sign_done(&signer);
    EVP_PKEY_free(key);
    return e == OK ? 0 : 1;
}
