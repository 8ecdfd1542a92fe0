/* From expectations of the command line to those of the library, and the verdict's text. */
#include "cli/judge.h"

#include "cli/show.h"
#include "cli/verdict.h"

#include <stdio.h>
#include <string.h>

static struct veronnx_bytes bytes_of(struct view v)
{
    return (struct veronnx_bytes){v.data, v.len};
}

static void expect_receipt(const struct receipt_expect *e, struct veronnx_expect *x)
{
    x->nonce = bytes_of(e->nonce);
    x->asked_cid = bytes_of(e->asked_cid);
    x->asked_path = bytes_of(e->asked_path);
    x->model = bytes_of(e->model);
    x->in_descriptors = bytes_of(e->in_descriptors);
    x->in_tensors = bytes_of(e->in_tensors);
    x->out_descriptors = bytes_of(e->out_descriptors);
    x->out_tensors = bytes_of(e->out_tensors);
}

static bool read_parts(struct view bytes, struct judged *j)
{
    return bundle_read(bytes, &j->bundle, NULL) == OK && receipt_decode(j->bundle.receipt, &j->receipt, NULL) == OK &&
           document_read(j->bundle.document, &j->document, NULL) == OK;
}

/* Tensors that the descriptors rule out are a refusal like any other, and the last. */
static void refuse(struct veronnx_report *r, err_t e, const struct why *why)
{
    struct veronnx_check *c = &r->check[r->n - 1];
    *c = (struct veronnx_check){.name = "receipt", .code = err_name(e)};
    memcpy(c->why, why->text, sizeof(c->why));
    r->n_failed++;
}

err_t judge_bundle(struct view bytes, const struct check *c, const struct veronnx_expect *trusted, struct judged *ret,
                   struct why *why)
{
    struct veronnx_expect x = *trusted;
    struct receipt_expect expect = {0};
    struct check_room room;
    err_t e = OK;
    *ret = (struct judged){0};
    ret->readable = read_parts(bytes, ret);
    if (ret->readable)
        e = check_expect(c, &ret->receipt, &room, &expect, why);
    if (e != OK && e != ERR_RECEIPT_MISMATCH && e != ERR_RECEIPT_MALFORMED && e != ERR_DTYPE_MISMATCH &&
        e != ERR_VALUE_RANGE)
        return e;
    expect_receipt(&expect, &x);
    (void)veronnx_verify_bundle(bytes_of(bytes), &x, &ret->report);
    if (e != OK && ret->report.check[ret->report.n - 1].code == NULL)
        refuse(&ret->report, e, why);
    return OK;
}

void judge_show(const struct judged *j, bool json)
{
    bool verified = j->report.n > 0 && j->report.n_failed == 0;
    if (json) {
        verdict_json(&j->report);
        if (j->readable) {
            verdict_document(&j->document, true);
            show_text("configuration", j->bundle.node, true);
            show_text("policy", j->bundle.policy, true);
            (void)printf(",\"receipt\":");
            check_print(&j->receipt, verified, true);
        }
        (void)puts("}");
        return;
    }
    if (!verified)
        return;
    check_print(&j->receipt, true, false);
    verdict_caveats(&j->report);
    (void)printf("Its node had this policy:\n");
    show_lines(j->bundle.policy);
}
