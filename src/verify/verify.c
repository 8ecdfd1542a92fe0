/* The three functions of the library: parse, then every check, into one report. */
#include "verify/evidence.h"

#include "base/mem.h"

#include <string.h>

/* bundle, receipt-form, document, then its checks and the evidence's; a keyset that cannot be read ends the list. */
_Static_assert(3 + ATTEST_CHECKS + EVIDENCE_CHECKS <= VERONNX_CHECKS_MAX, "a place for each in the report");
_Static_assert(sizeof(((struct veronnx_check *)NULL)->why) == sizeof(struct why), "a sentence fits");

#define TAG_SIGN1 0xD2

static struct view view_from(struct veronnx_bytes b)
{
    return view_of(b.data, b.len);
}

/* ── the report ── */

static void add(struct veronnx_report *r, const char *name, err_t e, const struct why *why)
{
    struct veronnx_check *c = &r->check[r->n++];
    const char *sentence = why->text[0] != '\0' ? why->text : err_text(e);
    *c = (struct veronnx_check){.name = name, .code = e != OK ? err_name(e) : NULL};
    if (e != OK)
        memcpy(c->why, sentence, MIN(strlen(sentence), sizeof(c->why) - 1));
    r->n_failed += e != OK;
}

static bool end(const struct veronnx_report *r)
{
    return r->n > 0 && r->n_failed == 0;
}

/* ── parsing: whether it is to be looked at any further ── */

static bool parse_document(struct view bytes, bool tag_allowed, struct evidence *v, struct veronnx_report *r)
{
    struct why why = {""};
    err_t e = OK;
    if (!tag_allowed && bytes.len > 0 && bytes.data[0] == TAG_SIGN1)
        e = why_set(&why, ERR_DOC_MALFORMED, "document: has a tag");
    else
        e = document_read(bytes, &v->document, &why);
    add(r, "document", e, &why);
    return e == OK;
}

static bool parse_keyset(struct evidence *v, struct veronnx_report *r)
{
    const struct why why = {"keyset: not well-formed"};
    err_t e = keyset_decode(v->keyset_bytes, &v->keyset);
    if (e != OK)
        add(r, "keyset", ERR_EVIDENCE_KEYSET, &why);
    return e == OK;
}

static bool parse_bundle(struct view bytes, struct bundle *ret, struct veronnx_report *r)
{
    struct why why = {""};
    err_t e = bundle_read(bytes, ret, &why);
    add(r, "bundle", e, &why);
    return e == OK;
}

static bool parse_receipt(struct view bytes, struct evidence *v, struct veronnx_report *r)
{
    struct why why = {""};
    err_t e = receipt_decode(bytes, &v->receipt, &why);
    v->has_receipt = e == OK;
    add(r, "receipt-form", e, &why);
    return e == OK;
}

/* ── checking ── */

/* Another root than AWS's can vouch for a simulator only. */
static err_t trusted_root(const struct veronnx_expect *x, uint8_t ret_digest[static SHA256_LEN])
{
    if (x->root.data != NULL && x->allow_simulated)
        return sha256_of(x->root.data, x->root.len, ret_digest);
    memcpy(ret_digest, attest_aws_root, SHA256_LEN);
    return OK;
}

static struct attest_policy document_policy(const struct evidence *v, const struct attest_pcr *pcrs)
{
    const struct veronnx_expect *x = v->expect;
    return (struct attest_policy){
        .root = v->root,
        .allow_simulated = x->allow_simulated,
        .allow_debug = x->allow_debug,
        .archived = x->archived,
        .now_ms = x->now_ms,
        .max_age_ms = x->max_age_ms,
        .any_image = x->any_image,
        .pcrs = pcrs,
        .n_pcrs = x->n_pcrs,
        .nonce = view_from(x->document_nonce),
        .user_data = v->keyset_bytes.data != NULL ? view_of(NULL, 0) : view_from(x->user_data),
        .public_key = v->keyset_bytes.data != NULL ? v->keyset_bytes : view_from(x->public_key),
    };
}

static void add_document_checks(const struct attest_report *made, struct veronnx_report *r)
{
    const struct why none = {""};
    size_t next = 0;
    for (size_t i = 0; i < ATTEST_CHECKS; i++) {
        bool failed = next < made->n && made->failed[next].check == i;
        add(r, attest_checks[i], failed ? made->failed[next].code : OK, failed ? &made->failed[next].why : &none);
        next += failed;
    }
}

static err_t copy_pcrs(const struct veronnx_expect *x, struct attest_pcr **ret)
{
    struct attest_pcr *pcrs = mem_alloc(MAX(x->n_pcrs, 1U), sizeof(*pcrs));
    if (pcrs == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < x->n_pcrs; i++) {
        pcrs[i].index = x->pcrs[i].index;
        memcpy(pcrs[i].value, x->pcrs[i].value, PCR_LEN);
    }
    *ret = pcrs;
    return OK;
}

/* Registers that debug mode leaves zero. */
static bool in_debug_mode(const struct document *d)
{
    for (size_t i = 0; i <= 2; i++)
        if (d->pcr[i].data == NULL || pcr_is_zero(d->pcr[i].data))
            return true;
    return false;
}

static bool names_image(const struct veronnx_expect *x)
{
    unsigned named = 0;
    for (size_t i = 0; i < x->n_pcrs; i++)
        if (x->pcrs[i].index <= 2)
            named |= 1U << x->pcrs[i].index;
    return named == 7;
}

static void check_document(struct evidence *v, struct veronnx_report *r)
{
    const struct why none = {""};
    AUTO_MEM struct attest_pcr *pcrs = NULL;
    AUTO_MEM struct attest_report *made = mem_alloc(1, sizeof(*made));
    err_t e = made != NULL ? copy_pcrs(v->expect, &pcrs) : ERR_NOMEM;
    if (e == OK)
        e = trusted_root(v->expect, v->root);
    if (e != OK) {
        add(r, attest_checks[0], e, &none);
        return;
    }
    const struct attest_policy policy = document_policy(v, pcrs);
    e = attest_verify(&v->document, &policy, made);
    if (e == OK || made->n > 0)
        add_document_checks(made, r);
    r->image_compared = names_image(v->expect);
    r->simulated = evidence_simulated(v);
    r->debug = in_debug_mode(&v->document);
}

static void check_evidence(const struct evidence *v, struct veronnx_report *r)
{
    for (size_t i = 0; i < COUNT_OF(evidence_checks); i++) {
        struct why why = {""};
        if (evidence_applies(v, &evidence_checks[i]))
            add(r, evidence_checks[i].name, evidence_checks[i].make(v, &why), &why);
    }
}

static void judge_node(struct evidence *v, struct view document, struct veronnx_report *r)
{
    if (!parse_document(document, false, v, r) || !parse_keyset(v, r))
        return;
    check_document(v, r);
    check_evidence(v, r);
}

/* ── the interface ── */

bool veronnx_verify_setup(void)
{
    return sha256_setup() == OK && sha384_setup() == OK;
}

bool veronnx_verify_attestation(struct veronnx_bytes document, const struct veronnx_expect *expect,
                                struct veronnx_report *report)
{
    struct evidence v = {.expect = expect};
    struct why why = {""};
    *report = (struct veronnx_report){0};
    if (!parse_document(view_from(document), true, &v, report))
        return false;
    check_document(&v, report);
    if (expect->policy.data != NULL)
        add(report, "policy-wanted", evidence_policy_register(&v.document, view_from(expect->policy), &why), &why);
    return end(report);
}

bool veronnx_verify_node(const struct veronnx_node *node, const struct veronnx_expect *expect,
                         struct veronnx_report *report)
{
    struct evidence v = {
        .expect = expect,
        .keyset_bytes = view_from(node->keyset),
        .configuration = view_from(node->configuration),
        .policy = view_from(node->policy),
        .certificate = view_from(node->certificate),
    };
    *report = (struct veronnx_report){0};
    judge_node(&v, view_from(node->document), report);
    return end(report);
}

bool veronnx_verify_bundle(struct veronnx_bytes bundle, const struct veronnx_expect *expect,
                           struct veronnx_report *report)
{
    struct bundle b = {0};
    struct evidence v = {.expect = expect};
    *report = (struct veronnx_report){0};
    if (!parse_bundle(view_from(bundle), &b, report) || !parse_receipt(b.receipt, &v, report))
        return false;
    v.keyset_bytes = b.keyset;
    v.configuration = b.node;
    v.policy = b.policy;
    judge_node(&v, b.document, report);
    return end(report);
}
