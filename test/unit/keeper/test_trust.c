/* The start of trust: what the keeper has measured, and that each of its checks refuses what it is there for. */
#include "stage.h"

#include "attest/document.h"
#include "attest/verify.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sha256.h"
#include "keeper/trust.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void assert_same(struct view got, const void *bytes, size_t len)
{
    assert_int_equal(got.len, len);
    assert_memory_equal(got.data, bytes, len);
}

/* ── what holds ── */

/* SHA-384 of a zero register and 32 bytes (nitro: extending hashes the register and the data as it is). */
static void extended(const uint8_t data[static DIGEST_LEN], uint8_t ret[static PCR_LEN])
{
    uint8_t both[PCR_LEN + DIGEST_LEN] = {0};
    unsigned n = 0;
    memcpy(both + PCR_LEN, data, DIGEST_LEN);
    assert_int_equal(EVP_Digest(both, sizeof(both), ret, &n, EVP_sha384(), NULL), 1);
}

static void assert_measured(const struct stage *s)
{
    const struct identity *i = &s->identity;
    const uint8_t *const data[] = {s->start.node_digest, s->ready.keyset_digest, s->start.policy_digest};
    uint8_t want[PCR_LEN];
    for (unsigned n = 0; n < 3; n++) {
        assert_memory_equal(i->pcr[n], stage_pcrs[n], PCR_LEN);
        extended(data[n], want);
        assert_memory_equal(i->pcr[16 + n], want, PCR_LEN);
    }
    assert_int_equal(i->locked, UINT32_MAX);
}

static void test_identity(void **state)
{
    struct stage *s = *state;
    const struct identity *i = &s->identity;
    uint8_t digest[SHA256_LEN];
    assert_int_equal(i->kind, STATEMENT_SIMULATED);
    assert_int_equal(strncmp(i->module_id, "sim-", 4), 0);
    assert_int_equal(i->not_after, STAGE_NOT_AFTER);
    for (unsigned n = 0; n < CHECKS_; n++) {
        bool of_hardware = n == CHECK_HARDWARE_RANDOM || n == CHECK_HARDWARE_CLOCK;
        assert_int_equal(i->checks[n], of_hardware ? CHECK_NOT_MADE : CHECK_HOLDS);
    }
    assert_measured(s);
    assert_ok(sha256_of(i->keyset, i->keyset_len, digest));
    assert_memory_equal(digest, s->ready.keyset_digest, SHA256_LEN);
    const unsigned char *at = i->rsa;
    EVP_PKEY *rsa = d2i_PUBKEY(NULL, &at, (long)i->rsa_len);
    assert_non_null(rsa);
    assert_int_equal(EVP_PKEY_get_bits(rsa), 2048);
    EVP_PKEY_free(rsa);
}

static void test_user_data(void **state)
{
    struct stage *s = *state;
    uint8_t want[68] = {0x12, 0x20, [34] = 0x12, 0x20};
    assert_ok(sha256_of(s->identity.certificate, s->identity.certificate_len, want + 2));
    assert_ok(sha256_of(s->identity.rsa, s->identity.rsa_len, want + 36));
    assert_memory_equal(s->identity.user_data, want, sizeof(want));
}

static void test_first_document(void **state)
{
    struct stage *s = *state;
    const struct identity *i = &s->identity;
    struct document d = {0};
    assert_ok(document_read(identity_document(i), &d, NULL));
    assert_same(d.user_data, i->user_data, sizeof(i->user_data));
    assert_same(d.public_key, i->keyset, i->keyset_len);
    assert_null(d.nonce.data);
    assert_int_equal(d.timestamp_ms, i->made_ms);
    for (unsigned n = 0; n < PCR_COUNT; n++)
        assert_same(d.pcr[n], i->pcr[n], PCR_LEN);
}

/* ── what does not ── */

/* The check that the keeper named before it ended. */
static unsigned failed_check(struct stage *s)
{
    struct log_record r;
    unsigned check = CHECKS_;
    while (recv(s->log_fd, &r, sizeof(r), MSG_DONTWAIT) == (ssize_t)sizeof(r))
        if (r.event == LOG_CHECK_FAILED)
            check = (unsigned)r.args[0];
    return check;
}

static void expect_refusal(void (*bend)(const struct nsm_request *q, struct nsm_response *p), unsigned check)
{
    struct stage s;
    stage_bend = bend;
    stage_open(&s);
    stage_ask_start(&s, STATEMENT_SIMULATED);
    int status = stage_wait(&s);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_int_equal(failed_check(&s), check);
    stage_bend = NULL;
    stage_free(&s);
}

static uint8_t changed[NSM_DOCUMENT_MAX];

static void flip(struct view *bytes, size_t at)
{
    memcpy(changed, bytes->data, bytes->len);
    changed[at] ^= 1;
    *bytes = view_of(changed, bytes->len);
}

static void refuse(struct nsm_response *p)
{
    *p = (struct nsm_response){.op = p->op, .error = NSM_INTERNAL_ERROR};
}

static void module_refuses(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_DESCRIBE_NSM)
        refuse(p);
}

static void module_is_small(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_DESCRIBE_NSM)
        p->max_pcrs = 16;
}

/* A real module where a simulated one was asked for. */
static void module_is_real(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_DESCRIBE_NSM)
        p->module_id = view_of("i-0123456789abcdef0-enc0123456789abcdef", 39);
}

static void image_is_open(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_DESCRIBE_PCR && q->index == 2)
        p->locked = false;
}

static void random_refused(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_GET_RANDOM)
        refuse(p);
}

static void random_is_short(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_GET_RANDOM)
        p->bytes.len = 31;
}

static void register_is_locked(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_DESCRIBE_PCR && q->index == 18)
        p->locked = true;
}

static void register_is_used(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_DESCRIBE_PCR && q->index == 16)
        flip(&p->bytes, 47);
}

static void extends_otherwise(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_EXTEND_PCR && q->index == 17)
        flip(&p->bytes, 0);
}

static void extends_not(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_EXTEND_PCR)
        refuse(p);
}

static void locks_not(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_LOCK_PCRS)
        refuse(p);
}

/* Register 31 is open although the module said that it locked all. */
static void locks_some(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_DESCRIBE_NSM)
        p->locked_pcrs &= UINT32_MAX >> 1;
}

static bool locked_before; /* in the module's own process */

static void reads_otherwise(const struct nsm_request *q, struct nsm_response *p)
{
    locked_before = locked_before || q->op == NSM_LOCK_PCRS;
    if (locked_before && q->op == NSM_DESCRIBE_PCR && q->index == 18)
        flip(&p->bytes, 5);
}

static void image_changes(const struct nsm_request *q, struct nsm_response *p)
{
    locked_before = locked_before || q->op == NSM_LOCK_PCRS;
    if (locked_before && q->op == NSM_DESCRIBE_PCR && q->index == 0)
        flip(&p->bytes, 5);
}

static void reads_unlocked(const struct nsm_request *q, struct nsm_response *p)
{
    locked_before = locked_before || q->op == NSM_LOCK_PCRS;
    if (locked_before && q->op == NSM_DESCRIBE_PCR && q->index == 30)
        p->locked = false;
}

static void document_refused(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_ATTESTATION)
        refuse(p);
}

static void document_is_damaged(const struct nsm_request *q, struct nsm_response *p)
{
    if (q->op == NSM_ATTESTATION)
        flip(&p->bytes, p->bytes.len - 1);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        void (*bend)(const struct nsm_request *q, struct nsm_response *p);
        enum check check;
    } rows[] = {
        {module_refuses, CHECK_MODULE},
        {module_is_small, CHECK_MODULE},
        {module_is_real, CHECK_MODULE},
        {image_is_open, CHECK_IMAGE},
        {random_refused, CHECK_RANDOM},
        {random_is_short, CHECK_RANDOM},
        {register_is_locked, CHECK_REGISTERS_FREE},
        {register_is_used, CHECK_REGISTERS_FREE},
        {extends_otherwise, CHECK_REGISTERS_EXTENDED},
        {extends_not, CHECK_REGISTERS_EXTENDED},
        {locks_not, CHECK_REGISTERS_LOCKED},
        {locks_some, CHECK_REGISTERS_LOCKED},
        {reads_otherwise, CHECK_REGISTERS_READ},
        {image_changes, CHECK_REGISTERS_READ},
        {reads_unlocked, CHECK_REGISTERS_READ},
        {document_refused, CHECK_DOCUMENT},
        {document_is_damaged, CHECK_DOCUMENT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_refusal(rows[i].bend, rows[i].check);
}

/* Without hardware there is no node of kind 1. */
static void test_not_real(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s);
    stage_ask_start(&s, STATEMENT_NITRO);
    int status = stage_wait(&s);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_int_equal(failed_check(&s), CHECK_HARDWARE_RANDOM);
    stage_free(&s);
}

/* In debug mode the image's registers are zero: the node runs, and says so. */
static void image_is_zero(const struct nsm_request *q, struct nsm_response *p)
{
    static const uint8_t zero[PCR_LEN];
    if (q->op == NSM_DESCRIBE_PCR && q->index < 3)
        p->bytes = view_of(zero, sizeof(zero));
}

/* The document of a module that is not in debug mode does not agree. */
static void test_debug(void **state)
{
    (void)state;
    expect_refusal(image_is_zero, CHECK_DOCUMENT);
}

/* ── the clock ── */

static void test_ahead(void **state)
{
    (void)state;
    assert_int_equal(trust_ahead(1000, 1010, 1000), 0);
    assert_int_equal(trust_ahead(1000, 1010, 1005), 0);
    assert_int_equal(trust_ahead(1000, 1010, 1010), 0);
    assert_int_equal(trust_ahead(1000, 1010, 999), 1);
    assert_int_equal(trust_ahead(1000, 1010, 1), 999);
    assert_int_equal(trust_ahead(1000, 1010, 1011), -1);
    assert_int_equal(trust_ahead(1000, 1010, 5000), -3990);
}

static void test_clock_limits(void **state)
{
    (void)state;
    assert_true(trust_clock_is_good(0));
    assert_true(trust_clock_is_good(30000));
    assert_true(trust_clock_is_good(-30000));
    assert_false(trust_clock_is_good(30001));
    assert_false(trust_clock_is_good(-30001));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_identity, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_user_data, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_first_document, stage_setup, stage_teardown),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_not_real),
        cmocka_unit_test(test_debug),
        cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_clock_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
