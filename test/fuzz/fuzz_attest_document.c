/* Reading and verifying an attestation document as it comes, with whatever root it begins with. What was read must be
   written and read again to the same. */
#include "attest/verify.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(struct view a, struct view b)
{
    return view_equal(a, b) && (a.data == NULL) == (b.data == NULL);
}

static bool same_documents(const struct document *a, const struct document *b)
{
    bool equal = same(a->module_id, b->module_id) && a->timestamp_ms == b->timestamp_ms && a->n_certs == b->n_certs &&
                 same(a->public_key, b->public_key) && same(a->user_data, b->user_data) && same(a->nonce, b->nonce);
    for (size_t i = 0; i < PCR_COUNT; i++)
        equal = equal && same(a->pcr[i], b->pcr[i]);
    for (size_t i = 0; equal && i < a->n_certs; i++)
        equal = same(a->certs[i], b->certs[i]);
    return equal;
}

/* In the envelope of the document that was read, whose signature then fits no more. */
static void write_again(const struct document *d, enum document_map map)
{
    static uint8_t payload[DOCUMENT_MAX], bytes[DOCUMENT_MAX];
    static const uint8_t protected_header[] = {0xA1, 0x01, 0x38, 0x22};
    struct cbor_writer inner = cbor_writer_on(payload, sizeof(payload)), outer = cbor_writer_on(bytes, sizeof(bytes));
    struct view written = {0};
    struct document again;
    document_put_payload(d, map, &inner);
    if (cbor_written(&inner, &written) != OK) /* nulls and keys that were absent can make it longer */
        return;
    cbor_put_array(&outer, 4);
    cbor_put_bytes(&outer, view_of(protected_header, sizeof(protected_header)));
    cbor_put_map(&outer, 0);
    cbor_put_bytes(&outer, written);
    cbor_put_bytes(&outer, d->signature);
    if (cbor_written(&outer, &written) != OK)
        return;
    err_t e = document_read(written, &again, NULL);
    assert(e == OK && same_documents(d, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t root[SHA256_LEN];
    struct document d;
    struct attest_report report;
    if (document_read(view_of(data, size), &d, NULL) != OK)
        return 0;
    write_again(&d, DOCUMENT_MAP_SIZED);
    write_again(&d, DOCUMENT_MAP_OPEN);
    err_t e = sha256_of(d.certs[0].data, d.certs[0].len, root);
    assert(e == OK);
    struct attest_policy policy = {
        .root = root, .any_image = true, .archived = true, .allow_simulated = true, .allow_debug = true};
    e = attest_verify(&d, &policy, &report);
    assert((e == OK) == (report.n == 0));
    policy.root = attest_aws_root; /* which no seed has */
    assert(attest_verify(&d, &policy, &report) != OK);
    return 0;
}
