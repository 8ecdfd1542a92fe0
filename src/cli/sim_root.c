/* The first certificate of the document, tried as its root. */
#include "cli/sim_root.h"

#include "attest/document.h"
#include "attest/verify.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "base/text.h"

static err_t first_failure(const struct veronnx_report *r, struct why *why)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->check[i].code != NULL)
            return why_set(why, ERR_NOT_PERMITTED, "%s: %s", r->check[i].code, r->check[i].why);
    return ERR_INTERNAL;
}

/* All that can be checked without knowing who the node should be. */
static err_t check_under(const struct attested *node, struct view root, struct why *why)
{
    struct veronnx_report report;
    struct veronnx_expect x = {.root = {root.data, root.len},
                               .allow_simulated = true,
                               .any_image = true,
                               .any_policy = true,
                               .now_ms = clock_wall_us() / 1000,
                               .max_age_ms = ATTEST_MAX_AGE_MS};
    const struct veronnx_node n = attested_node(node, &x);
    return veronnx_verify_node(&n, &x, &report) ? OK : first_failure(&report, why);
}

err_t sim_root_of(const struct attested *node, struct buf *ret_pem, struct why *why)
{
    struct document d;
    uint8_t digest[SHA256_LEN];
    TRY(document_read(buf_view(&node->document), &d, why));
    TRY(sha256_of(d.certs[0].data, d.certs[0].len, digest));
    if (view_equal(view_of(digest, sizeof(digest)), view_of(attest_aws_root, SHA256_LEN)))
        return why_set(why, ERR_DOC_ROOT,
                       "the node is not simulated: AWS's root vouches for it, and no other is needed");
    TRY(check_under(node, d.certs[0], why));
    return pem_put(ret_pem, "CERTIFICATE", d.certs[0]);
}
