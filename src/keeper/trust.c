/* The checks at start, in their order. */
#include "keeper/trust.h"

#include "attest/document.h"
#include "attest/verify.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/sha256.h"
#include "receipt/statement.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#define CALL_MS  5000
#define ALL_PCRS UINT32_MAX /* the bits of `locked_pcrs` */
_Static_assert(PCR_COUNT == 32 && PCR_COUNT == IDENTITY_PCRS && PCR_LEN == IDENTITY_PCR_LEN, "one bit a register");
_Static_assert(NSM_MODULE_ID_MAX < IDENTITY_MODULE_ID && NSM_DOCUMENT_MAX <= MODULE_DOCUMENT_MAX, "all fits");
_Static_assert(KEYSET_MAX <= IDENTITY_KEYSET && RSA_SPKI_MAX == IDENTITY_RSA, "all fits");

static const uint8_t multihash_sha256[2] = {0x12, 0x20};

static err_t hold(struct trust *t, enum check check, bool holds)
{
    if (!holds) {
        log_event(LOG_CHECK_FAILED, check, ERR_SELF_TEST);
        return ERR_SELF_TEST;
    }
    t->identity.checks[check] = CHECK_HOLDS;
    return OK;
}

static err_t call(struct trust *t, const struct nsm_request *q, struct nsm_response *ret)
{
    return module_call(&t->module, &t->inbox, q, CALL_MS, ret);
}

/* ── before the keys ── */

/* Whether a file holds this word and a line end. */
static bool says(const char *path, const char *word)
{
    char text[64];
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    return n > 0 && text[n - 1] == '\n' && view_equal(view_of(text, (size_t)n - 1), view_of(word, strlen(word)));
}

static err_t check_machine(struct trust *t)
{
    if (t->identity.kind == STATEMENT_SIMULATED)
        return OK; /* CHECK_NOT_MADE */
    TRY(hold(t, CHECK_HARDWARE_RANDOM, says("/sys/devices/virtual/misc/hw_random/rng_current", "nsm-hwrng")));
    return hold(t, CHECK_HARDWARE_CLOCK,
                says("/sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock"));
}

static bool is_kind(struct view module_id, uint32_t kind)
{
    struct view simulated = view_of(ATTEST_SIMULATED, strlen(ATTEST_SIMULATED));
    bool begins = module_id.len >= simulated.len && view_equal(view_of(module_id.data, simulated.len), simulated);
    return begins == (kind == STATEMENT_SIMULATED);
}

static err_t check_module(struct trust *t)
{
    struct identity *i = &t->identity;
    struct nsm_response p = {0};
    err_t e = call(t, &(struct nsm_request){.op = NSM_DESCRIBE_NSM}, &p);
    TRY(hold(t, CHECK_MODULE, e == OK && p.max_pcrs == PCR_COUNT && is_kind(p.module_id, i->kind)));
    memcpy(i->module_version, p.version, sizeof(i->module_version));
    memcpy(i->module_id, p.module_id.data, p.module_id.len);
    return OK;
}

static err_t read_pcr(struct trust *t, uint16_t index, bool *ret_locked)
{
    struct nsm_response p = {0};
    TRY(call(t, &(struct nsm_request){.op = NSM_DESCRIBE_PCR, .index = index}, &p));
    memcpy(t->identity.pcr[index], p.bytes.data, PCR_LEN);
    *ret_locked = p.locked;
    return OK;
}

/* Zero means that the hypervisor lets the host look inside. The node runs and says so: verifiers refuse it. */
static err_t check_image(struct trust *t)
{
    bool locked = true, zero = false;
    err_t e = OK;
    for (uint16_t i = 0; i < 3 && e == OK && locked; i++) {
        e = read_pcr(t, i, &locked);
        zero = zero || pcr_is_zero(t->identity.pcr[i]);
    }
    TRY(hold(t, CHECK_IMAGE, e == OK && locked));
    if (zero)
        t->identity.checks[CHECK_IMAGE] = CHECK_DEBUG;
    return sha256_of(t->identity.pcr[0], 3 * sizeof(t->identity.pcr[0]), t->image);
}

static err_t mix_random(struct trust *t)
{
    struct nsm_response p = {0};
    err_t e = call(t, &(struct nsm_request){.op = NSM_GET_RANDOM}, &p);
    TRY(hold(t, CHECK_RANDOM, e == OK && p.bytes.len >= 32));
    RAND_seed(p.bytes.data, (int)p.bytes.len);
    return OK;
}

err_t trust_begin(struct trust *t, uint32_t kind, int *module_fd)
{
    *t = (struct trust){.module = {TAKE_FD(*module_fd), CHAN_MODULE, SIDE_A}, .identity = {.kind = kind}};
    if (kind != STATEMENT_NITRO && kind != STATEMENT_SIMULATED)
        return ERR_PROTOCOL;
    TRY(wire_inbox_init(&t->inbox, CHAN_MODULE));
    TRY(check_machine(t));
    TRY(check_module(t));
    TRY(check_image(t));
    return mix_random(t);
}

void trust_done(struct trust *t)
{
    wire_end_close(&t->module);
    wire_inbox_done(&t->inbox);
}

/* ── after the keys ── */

static err_t check_free(struct trust *t)
{
    bool is_free = true, locked = false;
    for (uint16_t i = TRUST_PCR; i < TRUST_PCR + TRUST_PCRS && is_free; i++)
        is_free = read_pcr(t, i, &locked) == OK && !locked && pcr_is_zero(t->identity.pcr[i]);
    return hold(t, CHECK_REGISTERS_FREE, is_free);
}

/* Leaves in `identity.pcr` what the registers should be now. */
static err_t extend(struct trust *t, const uint8_t *const digests[static TRUST_PCRS])
{
    err_t e = OK;
    for (uint16_t i = 0; i < TRUST_PCRS && e == OK; i++) {
        struct nsm_request q = {.op = NSM_EXTEND_PCR, .index = TRUST_PCR + i, .data = view_of(digests[i], DIGEST_LEN)};
        struct nsm_response p = {0};
        TRY(pcr_extend(t->identity.pcr[q.index], q.data));
        e = call(t, &q, &p);
        if (e == OK && !secret_equal(p.bytes.data, t->identity.pcr[q.index], PCR_LEN))
            e = ERR_SELF_TEST;
    }
    return hold(t, CHECK_REGISTERS_EXTENDED, e == OK);
}

static err_t lock(struct trust *t)
{
    struct nsm_response p = {0};
    err_t e = call(t, &(struct nsm_request){.op = NSM_LOCK_PCRS, .index = PCR_COUNT}, &p);
    if (e == OK)
        e = call(t, &(struct nsm_request){.op = NSM_DESCRIBE_NSM}, &p);
    TRY(hold(t, CHECK_REGISTERS_LOCKED, e == OK && p.locked_pcrs == ALL_PCRS));
    t->identity.locked = p.locked_pcrs;
    return OK;
}

/* All of them; those that we extended and those of the image must be what they were. */
static err_t read_back(struct trust *t)
{
    uint8_t should[IDENTITY_PCRS][IDENTITY_PCR_LEN];
    bool same = true, locked = true;
    memcpy(should, t->identity.pcr, sizeof(should));
    for (uint16_t i = 0; i < PCR_COUNT && same; i++) {
        bool ours = i < 3 || (i >= TRUST_PCR && i < TRUST_PCR + TRUST_PCRS);
        same =
            read_pcr(t, i, &locked) == OK && locked && (!ours || secret_equal(should[i], t->identity.pcr[i], PCR_LEN));
    }
    return hold(t, CHECK_REGISTERS_READ, same);
}

/* ── documents ── */

/* The certificate and what user data say of it. */
static err_t put_certificate(struct identity *i, struct view chain, size_t leaf_len)
{
    memcpy(i->user_data, multihash_sha256, 2);
    TRY(sha256_of(chain.data, leaf_len, i->user_data + 2));
    i->certificate_len = (uint32_t)leaf_len;
    i->chain_len = (uint32_t)chain.len;
    memcpy(i->certificate, chain.data, chain.len);
    return OK;
}

static err_t fill_claims(struct trust *t, const struct keys *k)
{
    struct identity *i = &t->identity;
    TRY(put_certificate(i, buf_view(&k->certificate), k->certificate.len));
    memcpy(i->user_data + 34, multihash_sha256, 2);
    TRY(sha256_of(k->rsa_spki, k->rsa_spki_len, i->user_data + 36));
    i->keyset_len = (uint32_t)k->keyset_len;
    memcpy(i->keyset, k->keyset, k->keyset_len);
    i->rsa_len = (uint32_t)k->rsa_spki_len;
    memcpy(i->rsa, k->rsa_spki, k->rsa_spki_len);
    return OK;
}

static struct nsm_request claims_of(const struct identity *i, struct view nonce)
{
    return (struct nsm_request){
        .op = NSM_ATTESTATION,
        .user_data = view_of(i->user_data, sizeof(i->user_data)),
        .nonce = nonce,
        .public_key = identity_keyset(i),
    };
}

struct nsm_request trust_claims(const struct trust *t, struct view nonce)
{
    return claims_of(&t->identity, nonce);
}

int64_t trust_ahead(uint64_t asked_ms, uint64_t received_ms, uint64_t timestamp_ms)
{
    if (timestamp_ms < asked_ms)
        return (int64_t)(asked_ms - timestamp_ms);
    return timestamp_ms > received_ms ? -(int64_t)(timestamp_ms - received_ms) : 0;
}

bool trust_clock_is_good(int64_t ahead_ms)
{
    if (ahead_ms > TRUST_ALARM_MS || ahead_ms < -TRUST_ALARM_MS)
        log_event(LOG_CLOCK_WRONG, ahead_ms < 0 ? -ahead_ms : ahead_ms);
    return ahead_ms <= TRUST_WRONG_MS && ahead_ms >= -TRUST_WRONG_MS;
}

/* As a verifier would, but for the root of a simulated module, which is whatever it says; the time is judged by itself.
 */
static err_t verify(const struct identity *i, const struct document *d)
{
    struct attest_pcr pcrs[PCR_COUNT];
    struct attest_report report;
    uint8_t root[SHA256_LEN];
    TRY(sha256_of(d->certs[0].data, d->certs[0].len, root));
    for (uint8_t n = 0; n < PCR_COUNT; n++) {
        pcrs[n].index = n;
        memcpy(pcrs[n].value, i->pcr[n], PCR_LEN);
    }
    const struct attest_policy policy = {
        .root = i->kind == STATEMENT_NITRO ? attest_aws_root : root,
        .allow_simulated = i->kind == STATEMENT_SIMULATED,
        .allow_debug = i->checks[CHECK_IMAGE] == CHECK_DEBUG,
        .archived = true,
        .pcrs = pcrs,
        .n_pcrs = PCR_COUNT,
        .user_data = view_of(i->user_data, sizeof(i->user_data)),
        .public_key = identity_keyset(i),
    };
    return d->nonce.data == NULL ? attest_verify(d, &policy, &report) : ERR_DOC_NONCE;
}

static void put_document(struct identity *i, struct view bytes, const struct document *d)
{
    i->document_len = (uint32_t)bytes.len;
    memcpy(i->document, bytes.data, bytes.len);
    i->made_ms = d->timestamp_ms;
}

static err_t first_document(struct trust *t)
{
    struct identity *i = &t->identity;
    struct nsm_request q = trust_claims(t, view_of(NULL, 0));
    struct nsm_response p = {0};
    struct document d = {0};
    uint64_t asked_ms = clock_wall_us() / 1000;
    err_t e = call(t, &q, &p);
    uint64_t received_ms = clock_wall_us() / 1000;
    if (e == OK)
        e = document_read(p.bytes, &d, NULL);
    if (e == OK)
        e = verify(i, &d);
    TRY(hold(t, CHECK_DOCUMENT, e == OK));
    put_document(i, p.bytes, &d);
    return hold(t, CHECK_CLOCK, trust_clock_is_good(trust_ahead(asked_ms, received_ms, d.timestamp_ms)));
}

err_t trust_bind(struct trust *t, const struct keys *k, const struct msg_keeper_start *node)
{
    const uint8_t *const digests[TRUST_PCRS] = {node->node_digest, k->keyset_digest, node->policy_digest};
    t->identity.not_after = node->not_after;
    TRY(fill_claims(t, k));
    TRY(check_free(t));
    TRY(extend(t, digests));
    TRY(lock(t));
    TRY(read_back(t));
    return first_document(t);
}

/* ── another certificate ── */

err_t trust_propose(struct trust *t, struct view chain, size_t leaf_len)
{
    t->next = t->identity;
    return put_certificate(&t->next, chain, leaf_len);
}

struct nsm_request trust_next_claims(const struct trust *t)
{
    return claims_of(&t->next, view_of(NULL, 0));
}

err_t trust_adopt(struct trust *t, struct view document)
{
    struct document d = {0};
    if (document_read(document, &d, NULL) != OK || verify(&t->next, &d) != OK)
        return ERR_NSM_FAILED;
    put_document(&t->next, document, &d);
    t->identity = t->next;
    return OK;
}
