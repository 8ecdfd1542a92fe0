/* The checks, one function each. */
#include "attest/verify.h"

#include "base/secret.h"

#include <string.h>

const uint8_t attest_aws_root[SHA256_LEN] = {
    0x64, 0x1A, 0x03, 0x21, 0xA3, 0xE2, 0x44, 0xEF, 0xE4, 0x56, 0x46, 0x31, 0x95, 0xD6, 0x06, 0x31,
    0x7E, 0xD7, 0xCD, 0xCC, 0x3C, 0x17, 0x56, 0xE0, 0x98, 0x93, 0xF3, 0xC6, 0x8F, 0x79, 0xBB, 0x5B,
};

/* One document under one policy. */
struct judgement {
    const struct document *doc;
    const struct attest_policy *policy;
};

/* The time as of which certificates must be valid. */
static uint64_t time_ms(const struct judgement *j)
{
    return j->policy->archived ? j->doc->timestamp_ms : j->policy->now_ms;
}

static err_t check_root(const struct judgement *j, struct why *why)
{
    uint8_t digest[SHA256_LEN];
    TRY(sha256_of(j->doc->certs[0].data, j->doc->certs[0].len, digest));
    if (!secret_equal(digest, j->policy->root, sizeof(digest)))
        return why_set(why, ERR_DOC_ROOT, "cabundle: the first certificate is not the expected root");
    return OK;
}

static err_t check_chain(const struct judgement *j, struct why *why)
{
    struct chain chain;
    TRY(chain_read(j->doc->certs, j->doc->n_certs, &chain, why));
    return chain_verify(&chain, time_ms(j) / 1000, why);
}

static err_t read_leaf(const struct judgement *j, struct cert *ret, struct why *why)
{
    return cert_read(j->doc->certs[j->doc->n_certs - 1], ret, why);
}

static err_t check_signature(const struct judgement *j, struct why *why)
{
    struct cert leaf;
    uint8_t digest[SHA384_LEN];
    TRY(read_leaf(j, &leaf, why));
    TRY(document_digest(j->doc->payload, digest));
    err_t e = es384_verify(leaf.point.data, digest, j->doc->signature.data);
    return e == OK ? OK : why_set(why, e, "not signed by the certificate's key");
}

static err_t check_time(const struct judgement *j, struct why *why)
{
    struct cert leaf;
    uint64_t stamp = j->doc->timestamp_ms;
    uint64_t now = time_ms(j);
    TRY(read_leaf(j, &leaf, why));
    if (stamp / 1000 < leaf.not_before || stamp / 1000 > leaf.not_after)
        return why_set(why, ERR_DOC_TIME, "timestamp: outside the life of the certificate that signed");
    if (stamp > now && stamp - now > ATTEST_SKEW_MS)
        return why_set(why, ERR_DOC_TIME, "timestamp: more than %d s in the future", ATTEST_SKEW_MS / 1000);
    if (stamp < now && now - stamp > j->policy->max_age_ms)
        return why_set(why, ERR_DOC_TIME, "timestamp: older than %llu s",
                       (unsigned long long)j->policy->max_age_ms / 1000);
    return OK;
}

static err_t check_simulated(const struct judgement *j, struct why *why)
{
    size_t n = strlen(ATTEST_SIMULATED);
    struct view id = j->doc->module_id;
    bool simulated = id.len >= n && view_is(view_of(id.data, n), ATTEST_SIMULATED);
    if (simulated && !j->policy->allow_simulated)
        return why_set(why, ERR_DOC_SIMULATED, "module_id: begins with %s", ATTEST_SIMULATED);
    return OK;
}

/* In debug mode PCR0 to PCR2 are zero, while PCR3 and PCR4 keep their values. */
static err_t check_debug(const struct judgement *j, struct why *why)
{
    for (unsigned i = 0; i <= 2; i++) {
        struct view pcr = j->doc->pcr[i];
        if ((pcr.data == NULL || pcr_is_zero(pcr.data)) && !j->policy->allow_debug)
            return why_set(why, ERR_DOC_DEBUG, "PCR%u: zero or absent", i);
    }
    return OK;
}

static bool names_pcr(const struct attest_policy *p, unsigned index)
{
    for (size_t i = 0; i < p->n_pcrs; i++)
        if (p->pcrs[i].index == index)
            return true;
    return false;
}

/* Bytes can move between the parts of an image that PCR1 and PCR2 measure without PCR0 changing, so one of the three is
   not enough. */
static err_t check_policy(const struct judgement *j, struct why *why)
{
    unsigned named = 0;
    for (unsigned i = 0; i <= 2; i++)
        named += names_pcr(j->policy, i);
    if (named == 1 || named == 2)
        return why_set(why, ERR_DOC_POLICY, "values for %u of PCR0, 1 and 2: they belong together", named);
    return named == 3 || j->policy->any_image
               ? OK
               : why_set(why, ERR_DOC_POLICY, "no values for PCR0, 1 and 2, and not any image is good");
}

static err_t check_pcrs(const struct judgement *j, struct why *why)
{
    for (size_t i = 0; i < j->policy->n_pcrs; i++) {
        const struct attest_pcr *want = &j->policy->pcrs[i];
        if (want->index >= PCR_COUNT || j->doc->pcr[want->index].data == NULL)
            return why_set(why, ERR_DOC_PCR, "PCR%u: absent", want->index);
        if (!secret_equal(j->doc->pcr[want->index].data, want->value, PCR_LEN))
            return why_set(why, ERR_DOC_PCR, "PCR%u: another value", want->index);
    }
    return OK;
}

static err_t check_equal(struct view want, struct view have, err_t code, const char *name, struct why *why)
{
    if (want.data == NULL)
        return OK;
    if (have.data == NULL)
        return why_set(why, code, "%s: absent", name);
    if (have.len != want.len || !secret_equal(have.data, want.data, want.len))
        return why_set(why, code, "%s: another value", name);
    return OK;
}

static err_t check_nonce(const struct judgement *j, struct why *why)
{
    return check_equal(j->policy->nonce, j->doc->nonce, ERR_DOC_NONCE, "nonce", why);
}

static err_t check_user_data(const struct judgement *j, struct why *why)
{
    return check_equal(j->policy->user_data, j->doc->user_data, ERR_DOC_USER_DATA, "user_data", why);
}

static err_t check_public_key(const struct judgement *j, struct why *why)
{
    return check_equal(j->policy->public_key, j->doc->public_key, ERR_DOC_PUBLIC_KEY, "public_key", why);
}

static err_t (*const checks[])(const struct judgement *j, struct why *why) = {
    check_root,   check_chain, check_signature, check_time,      check_simulated,  check_debug,
    check_policy, check_pcrs,  check_nonce,     check_user_data, check_public_key,
};
_Static_assert(COUNT_OF(checks) == ATTEST_CHECKS, "a place for each in the report");
const char *const attest_checks[ATTEST_CHECKS] = {
    "root",         "chain", "signature", "time",      "simulated",  "debug",
    "image-stated", "pcrs",  "nonce",     "user-data", "public-key",
};

err_t attest_verify(const struct document *d, const struct attest_policy *p, struct attest_report *report)
{
    const struct judgement j = {d, p};
    report->n = 0;
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        struct why why = {""};
        err_t e = checks[i](&j, &why);
        if (e != OK)
            report->failed[report->n++] = (struct attest_failure){i, e, why};
    }
    return report->n == 0 ? OK : report->failed[0].code;
}
