/* The verifying library, with the root that the evidence itself brings: a bundle and the node that it describes, or a
   document alone. Reports stay in their bounds, what fails says why, and nothing that is simulated holds unless that is
   allowed. */
#include "attest/document.h"
#include "receipt/bundle.h"
#include "verify/veronnx_verify.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good, const struct veronnx_report *r)
{
    size_t failed = 0;
    assert(r->n > 0 && r->n <= VERONNX_CHECKS_MAX);
    for (size_t i = 0; i < r->n; i++) {
        failed += r->check[i].code != NULL;
        assert(r->check[i].name != NULL && strnlen(r->check[i].why, sizeof(r->check[i].why)) < sizeof(r->check[i].why));
        assert((r->check[i].code != NULL) == (r->check[i].why[0] != '\0'));
    }
    assert(failed == r->n_failed && good == (failed == 0));
}

static struct veronnx_bytes bytes_of(struct view v)
{
    return (struct veronnx_bytes){v.data, v.len};
}

/* False: there is none. */
static bool first_certificate(struct view document, struct veronnx_bytes *ret)
{
    struct document d;
    if (document_read(document, &d, NULL) != OK || d.n_certs == 0)
        return false;
    *ret = bytes_of(d.certs[0]);
    return true;
}

/* The signatures of a chain take their time, so each kind is verified once. */
static void verify_bundle(struct view bytes, const struct bundle *b, struct veronnx_expect *x)
{
    struct veronnx_report r = {0};
    const struct veronnx_node node = {
        .document = bytes_of(b->document),
        .keyset = bytes_of(b->keyset),
        .configuration = bytes_of(b->node),
        .policy = bytes_of(b->policy),
        .certificate = x->root,
    };
    check(veronnx_verify_bundle(bytes_of(bytes), x, &r), &r);
    r = (struct veronnx_report){0};
    x->any_policy = false;
    x->policy = node.policy;
    check(veronnx_verify_node(&node, x, &r), &r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view bytes = view_of(data, size);
    struct veronnx_report r = {0}, strict = {0};
    struct bundle b = {0};
    struct veronnx_expect x = {
        .archived = true, .allow_simulated = true, .allow_debug = true, .any_image = true, .any_policy = true};
    bool bundled = bundle_read(bytes, &b, NULL) == OK;
    if (first_certificate(bundled ? b.document : bytes, &x.root)) {
        x.policy = size % 2 != 0 ? bytes_of(bytes) : x.policy; /* not compared with a bundle's */
        if (bundled)
            verify_bundle(bytes, &b, &x);
        else
            check(veronnx_verify_attestation(bytes_of(bytes), &x, &r), &r);
    }
    x = (struct veronnx_expect){.now_ms = UINT64_C(1800000000000), .max_age_ms = 300000};
    bool good = bundled ? veronnx_verify_bundle(bytes_of(bytes), &x, &strict)
                        : veronnx_verify_attestation(bytes_of(bytes), &x, &strict);
    check(good, &strict);
    assert(!good);
    return 0;
}
