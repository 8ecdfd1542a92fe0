/* The checks that hold document, keyset, texts, connection and receipt together. */
#include "verify/evidence.h"

#include "verify/policy.h"

#include <openssl/x509.h>
#include <string.h>

#define FIELD(array) view_of((array), sizeof(array))

#define PCR_CONFIGURATION 16
#define PCR_KEYSET        17
#define PCR_POLICY        18

static struct view view_from(struct veronnx_bytes b)
{
    return view_of(b.data, b.len);
}

bool evidence_simulated(const struct evidence *v)
{
    size_t n = strlen(ATTEST_SIMULATED);
    struct view id = v->document.module_id;
    return !view_equal(FIELD(v->root), view_of(attest_aws_root, SHA256_LEN)) ||
           (id.len >= n && view_is(view_of(id.data, n), ATTEST_SIMULATED));
}

/* ── measured parts ── */

/* That the register holds this part, extended once from zero, and that the statement, if any, names it. */
static err_t check_measured(const struct document *d, unsigned index, struct view part, const uint8_t *stated,
                            err_t code, struct why *why)
{
    uint8_t digest[SHA256_LEN];
    uint8_t pcr[PCR_LEN] = {0};
    TRY(sha256_of(part.data, part.len, digest));
    TRY(pcr_extend(pcr, FIELD(digest)));
    if (d->pcr[index].data == NULL)
        return why_set(why, code, "PCR%u: absent", index);
    if (!view_equal(d->pcr[index], FIELD(pcr)))
        return why_set(why, code, "PCR%u: does not measure it", index);
    if (stated != NULL && !view_equal(view_of(stated, SHA256_LEN), FIELD(digest)))
        return why_set(why, code, "the statement names another one");
    return OK;
}

static err_t check_keyset(const struct evidence *v, struct why *why)
{
    return check_measured(&v->document, PCR_KEYSET, v->keyset_bytes,
                          v->has_receipt ? v->receipt.statement.keyset : NULL, ERR_EVIDENCE_KEYSET, why);
}

static err_t check_configuration(const struct evidence *v, struct why *why)
{
    return check_measured(&v->document, PCR_CONFIGURATION, v->configuration,
                          v->has_receipt ? v->receipt.statement.node : NULL, ERR_EVIDENCE_CONFIGURATION, why);
}

static err_t check_policy(const struct evidence *v, struct why *why)
{
    return check_measured(&v->document, PCR_POLICY, v->policy, v->has_receipt ? v->receipt.statement.policy : NULL,
                          ERR_EVIDENCE_POLICY, why);
}

static err_t canonical(struct view text, struct buf *out, struct why *why)
{
    if (text.len == 0)
        return why_set(why, ERR_POLICY_UNSTATED, "the wanted policy is empty");
    err_t e = policy_canonical(text, out);
    if (e == ERR_MALFORMED || e == ERR_TOO_LARGE)
        return why_set(why, ERR_POLICY_MISMATCH, "the wanted policy is not a text of lines key = value");
    return e;
}

static err_t check_policy_wanted(const struct evidence *v, struct why *why)
{
    AUTO_BUF struct buf wanted = BUF_WITH(BUNDLE_TEXT_MAX);
    if (v->expect->policy.data == NULL)
        return v->expect->any_policy ? OK
                                     : why_set(why, ERR_POLICY_UNSTATED, "no policy given, and not any policy is good");
    TRY(canonical(view_from(v->expect->policy), &wanted, why));
    if (!view_equal(buf_view(&wanted), v->policy))
        return why_set(why, ERR_POLICY_MISMATCH, "policy: another one");
    return OK;
}

err_t evidence_policy_register(const struct document *d, struct view policy, struct why *why)
{
    AUTO_BUF struct buf wanted = BUF_WITH(BUNDLE_TEXT_MAX);
    TRY(canonical(policy, &wanted, why));
    return check_measured(d, PCR_POLICY, buf_view(&wanted), NULL, ERR_POLICY_MISMATCH, why);
}

/* ── keys ── */

/* 1220 ‖ SHA-256(certificate) ‖ 1220 ‖ SHA-256(RSA key) */
struct bound_keys {
    uint8_t certificate[SHA256_LEN];
    uint8_t rsa[SHA256_LEN];
};

static err_t read_bound_keys(struct view user_data, struct bound_keys *ret)
{
    uint16_t multihash[2] = {0, 0};
    TRY(view_u16be(&user_data, &multihash[0]));
    TRY(view_copy(&user_data, ret->certificate, SHA256_LEN));
    TRY(view_u16be(&user_data, &multihash[1]));
    TRY(view_copy(&user_data, ret->rsa, SHA256_LEN));
    TRY(view_end(&user_data));
    return multihash[0] == 0x1220 && multihash[1] == 0x1220 ? OK : ERR_MALFORMED;
}

/* Without an RSA key the keyset's field is zero, and so is its place in the user data. */
static err_t check_keys(const struct evidence *v, struct why *why)
{
    struct bound_keys bound;
    if (read_bound_keys(v->document.user_data, &bound) != OK)
        return why_set(why, ERR_EVIDENCE_KEYS, "user_data: not two SHA-256 multihashes");
    if (!view_equal(FIELD(bound.rsa), FIELD(v->keyset.rsa_spki)))
        return why_set(why, ERR_EVIDENCE_KEYS, "user_data: another RSA key than the keyset's");
    return OK;
}

static err_t spki_digest(struct view certificate, uint8_t ret_digest[static SHA256_LEN])
{
    const unsigned char *at = certificate.data;
    unsigned char *spki = NULL;
    X509 *x = certificate.len <= LONG_MAX ? d2i_X509(NULL, &at, (long)certificate.len) : NULL;
    int len = x != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki) : -1;
    err_t e = len > 0 ? sha256_of(spki, (size_t)len, ret_digest) : ERR_MALFORMED;
    OPENSSL_free(spki);
    X509_free(x);
    return e;
}

static err_t check_channel(const struct evidence *v, struct why *why)
{
    struct bound_keys bound;
    uint8_t digest[SHA256_LEN];
    if (read_bound_keys(v->document.user_data, &bound) != OK)
        return why_set(why, ERR_EVIDENCE_CHANNEL, "user_data: names no certificate");
    TRY(sha256_of(v->certificate.data, v->certificate.len, digest));
    if (!view_equal(FIELD(bound.certificate), FIELD(digest)))
        return why_set(why, ERR_EVIDENCE_CHANNEL, "user_data: names another certificate than the connection's");
    if (spki_digest(v->certificate, digest) != OK)
        return why_set(why, ERR_EVIDENCE_CHANNEL, "the connection's certificate cannot be read");
    if (!view_equal(FIELD(v->keyset.tls_spki), FIELD(digest)))
        return why_set(why, ERR_EVIDENCE_CHANNEL, "keyset: another TLS key than the connection's");
    return OK;
}

/* ── receipt ── */

static err_t check_image(const struct evidence *v, struct why *why)
{
    AUTO(sha256_done) struct sha256 h = {0};
    uint8_t digest[SHA256_LEN];
    const struct statement *s = &v->receipt.statement;
    TRY(sha256_init(&h));
    for (size_t i = 0; i <= 2; i++) {
        if (v->document.pcr[i].data == NULL)
            return why_set(why, ERR_EVIDENCE_IMAGE, "PCR%zu: absent", i);
        TRY(sha256_update(&h, v->document.pcr[i].data, PCR_LEN));
    }
    TRY(sha256_final(&h, digest));
    if (!s->has_image)
        return why_set(why, ERR_EVIDENCE_IMAGE, "the statement names no image");
    if (!view_equal(FIELD(s->image), FIELD(digest)))
        return why_set(why, ERR_EVIDENCE_IMAGE, "the statement names another image");
    return OK;
}

static err_t check_kind(const struct evidence *v, struct why *why)
{
    enum statement_kind kind = evidence_simulated(v) ? STATEMENT_SIMULATED : STATEMENT_NITRO;
    if (v->receipt.statement.kind != kind)
        return why_set(why, ERR_EVIDENCE_KIND, "kind: %d, the document's is %d", v->receipt.statement.kind, kind);
    return OK;
}

static err_t check_end(const struct evidence *v, struct why *why)
{
    if (v->document.timestamp_ms / 1000 > v->keyset.not_after)
        return why_set(why, ERR_EVIDENCE_TIME, "the document is from after the end of the keys");
    if (v->has_receipt && v->receipt.statement.end_us / 1000000 > v->keyset.not_after)
        return why_set(why, ERR_EVIDENCE_TIME, "end: after the end of the keys");
    return OK;
}

static err_t check_receipt(const struct evidence *v, struct why *why)
{
    AUTO(es256_done) struct es256 key = {0};
    const struct veronnx_expect *x = v->expect;
    const struct receipt_expect expect = {
        .allow_simulated = x->allow_simulated,
        .nonce = view_from(x->nonce),
        .asked_cid = view_from(x->asked_cid),
        .asked_path = view_from(x->asked_path),
        .file_cid = view_from(x->file_cid),
        .model = view_from(x->model),
        .in_descriptors = view_from(x->in_descriptors),
        .in_tensors = view_from(x->in_tensors),
        .out_descriptors = view_from(x->out_descriptors),
        .out_tensors = view_from(x->out_tensors),
    };
    err_t e = es256_verifier_init(&key, v->keyset.receipt_point);
    if (e == ERR_USAGE)
        return why_set(why, ERR_RECEIPT_SIGNATURE, "keyset: the receipt key is no point on the curve");
    TRY(e);
    return receipt_verify(&v->receipt, &key, &expect, why);
}

const struct evidence_check evidence_checks[EVIDENCE_CHECKS] = {
    {"keyset", OF_NODE, check_keyset},
    {"keys", OF_NODE, check_keys},
    {"channel", OF_CERTIFICATE, check_channel},
    {"configuration", OF_NODE, check_configuration},
    {"policy", OF_NODE, check_policy},
    {"policy-wanted", OF_NODE, check_policy_wanted},
    {"image", OF_RECEIPT, check_image},
    {"kind", OF_RECEIPT, check_kind},
    {"end", OF_NODE, check_end},
    {"receipt", OF_RECEIPT, check_receipt},
};

bool evidence_applies(const struct evidence *v, const struct evidence_check *check)
{
    switch (check->scope) {
    case OF_CERTIFICATE:
        return v->certificate.data != NULL;
    case OF_RECEIPT:
        return v->has_receipt;
    case OF_NODE:
    default:
        return true;
    }
}
