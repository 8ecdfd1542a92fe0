/* How many signatures, statements in batches, and verifications one thread does a second. */
#include "base/clock.h"
#include "receipt/receipt.h"
#include "receipt/sign.h"
#include "receipt/verify.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define RUN_NS 500000000

static struct receipt_signer signer;
static struct es256 verifier;
static struct receipt receipt;

static const uint8_t cid[STATEMENT_CID_MIN] = {0x12, 0x20};
static const uint8_t nonce[32] = {1};

/* What the keeper does for a batch: encode, hash, sign, and make every COSE_Sign1. */
static err_t sign_statements(size_t size)
{
    uint8_t bytes[STATEMENT_MAX];
    uint8_t cose[COSE_MAX];
    uint8_t digest[SHA256_LEN];
    size_t len = 0;
    struct statement s = {
        .kind = STATEMENT_SIMULATED,
        .asked_cid = view_of(cid, sizeof(cid)),
        .file_cid = view_of(cid, sizeof(cid)),
        .asked_path = view_of("", 0),
        .engine = view_of("onnxruntime 1.30.0 x86_64 avx2 threads=1", 40),
        .nonce = view_of(nonce, sizeof(nonce)),
        .clock = STATEMENT_CLOCK_SYSTEM,
    };
    sign_begin(&signer);
    for (s.job = 0; s.job < size; s.job++) {
        TRY(statement_encode(&s, bytes, &len, NULL));
        TRY(sign_add(&signer, view_of(bytes, len), digest));
    }
    TRY(sign_batch(&signer));
    for (size_t i = 0; i < size; i++)
        TRY(sign_cose(&signer, i, cose, &len));
    return OK;
}

static err_t only_sign(size_t size)
{
    uint8_t digest[SHA256_LEN] = {1};
    (void)size;
    return es256_sign(&signer.key, digest, signer.signature);
}

static err_t verify(size_t size)
{
    (void)size;
    return receipt_verify(&receipt, &verifier, &(struct receipt_expect){.allow_simulated = true}, NULL);
}

static err_t measure(const char *name, err_t (*run)(size_t), size_t size)
{
    uint64_t start = clock_mono_ns();
    uint64_t count = 0;
    uint64_t spent = 0;
    for (; spent < RUN_NS; spent = clock_mono_ns() - start, count += size)
        TRY(run(size));
    double each_us = (double)spent / 1e3 / (double)count;
    printf("%-28s %9.0f/s %8.2f us each\n", name, 1e6 / each_us, each_us);
    return OK;
}

static err_t make_receipt(struct buf *bytes)
{
    static char text[RECEIPT_TEXT_MAX + 1];
    uint8_t statement[STATEMENT_MAX];
    uint8_t cose[COSE_MAX];
    uint8_t digest[SHA256_LEN];
    size_t statement_len = 0;
    size_t cose_len = 0;
    struct statement s = {
        .kind = STATEMENT_SIMULATED,
        .asked_cid = view_of(cid, sizeof(cid)),
        .file_cid = view_of(cid, sizeof(cid)),
        .asked_path = view_of("", 0),
        .engine = view_of("engine", 6),
        .clock = STATEMENT_CLOCK_SYSTEM,
    };
    TRY(statement_encode(&s, statement, &statement_len, NULL));
    sign_begin(&signer);
    TRY(sign_add(&signer, view_of(statement, statement_len), digest));
    TRY(sign_batch(&signer));
    TRY(sign_cose(&signer, 0, cose, &cose_len));
    const struct receipt_parts parts = {
        .statement = view_of(statement, statement_len),
        .cose = view_of(cose, cose_len),
    };
    TRY(receipt_pack(&parts, text));
    return receipt_unpack(view_of(text, strlen(text)), bytes, &receipt, NULL);
}

static err_t bench(EVP_PKEY *key)
{
    AUTO_BUF struct buf bytes = {0};
    uint8_t point[ES256_POINT_LEN];
    TRY(es256_point(key, point));
    TRY(es256_verifier_init(&verifier, point));
    TRY(sign_init(&signer, key));
    TRY(measure("signatures", only_sign, 1));
    TRY(measure("statements, batch of 1", sign_statements, 1));
    TRY(measure("statements, batch of 16", sign_statements, 16));
    TRY(measure("statements, batch of 64", sign_statements, 64));
    TRY(measure("statements, batch of 1024", sign_statements, TREE_MAX));
    TRY(make_receipt(&bytes));
    return measure("verifications", verify, 1);
}

int main(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    err_t e = key != NULL ? bench(key) : ERR_INTERNAL;
    sign_done(&signer);
    es256_done(&verifier);
    EVP_PKEY_free(key);
    return e == OK ? 0 : 1;
}
