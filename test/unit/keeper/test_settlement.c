/* Settlements: what is hashed, who gets one, and the signature. */
#include "stage.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "keeper/settlement.h"
#include "receipt/keccak.h"
#include "wire/receipts.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* ── the hashes, made in Python from docs/receipts.md ── */

static struct statement example(struct view nonce)
{
    struct statement s = {.job = 77, .end_us = UINT64_C(1747000000999999), .nonce = nonce};
    memset(s.model, 0x11, sizeof(s.model));
    memset(s.input.tensors, 0x22, sizeof(s.input.tensors));
    memset(s.output.tensors, 0x33, sizeof(s.output.tensors));
    return s;
}

static void assert_hex(const uint8_t digest[static DIGEST_LEN], const char *hex)
{
    char text[2 * DIGEST_LEN + 1] = "";
    for (size_t i = 0; i < DIGEST_LEN; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, hex);
}

static void test_hashes(void **state)
{
    (void)state;
    static const struct {
        const char *nonce;
        const char *in;
    } rows[] = {
        {"", "27415787553d70d7e86adf5cbb69ad8d7f0762d5779b2669b69751d3f09653e6"},
        {"sixteen bytes...", "2d8bfd3bed0224d1db312968778414b7585f38da8e3527e1746300a2886b7ba6"},
    };
    uint8_t receipt[DIGEST_LEN];
    memset(receipt, 0x44, sizeof(receipt));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct statement s = example(view_of(rows[i].nonce, strlen(rows[i].nonce)));
        struct msg_settlement got = {0};
        assert_ok(settlement_fill(&s, receipt, &got));
        assert_int_equal(got.job, 77);
        assert_int_equal(got.timestamp, 1747000000);
        assert_hex(got.input_hash, rows[i].in);
        assert_hex(got.output_hash, "5c10baa88074b09763a938bdcf4334bf647f37f69ca2b06dfd39da053f84b07d");
    }
}

/* ── from end to end ── */

/* inputHash, outputHash and the time as a uint256: what the contracts hash. */
static void message_of(const struct msg_settlement *s, uint8_t ret[static KECCAK_LEN])
{
    uint8_t bytes[96] = {0};
    struct view all = view_of(bytes, sizeof(bytes));
    memcpy(bytes, s->input_hash, 32);
    memcpy(bytes + 32, s->output_hash, 32);
    for (unsigned i = 0; i < 8; i++)
        bytes[95 - i] = (uint8_t)(s->timestamp >> (8 * i));
    keccak256(&all, 1, ret);
}

static bool verifies(const struct identity *identity, const uint8_t message[static KECCAK_LEN],
                     const uint8_t signature[static RSA_SIGNATURE])
{
    const unsigned char *at = identity->rsa;
    EVP_PKEY *rsa = d2i_PUBKEY(NULL, &at, (long)identity->rsa_len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key = NULL;
    assert_int_equal(EVP_DigestVerifyInit(ctx, &key, EVP_sha256(), NULL, rsa), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(key, 32), 1);
    bool ok = EVP_DigestVerify(ctx, signature, RSA_SIGNATURE, message, KECCAK_LEN) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(rsa);
    return ok;
}

static struct msg_settlement next_settlement(struct stage_front *f)
{
    struct wire_msg m = WIRE_MSG_NONE;
    stage_wait_readable(&f->ticket);
    assert_ok(wire_recv(&f->ticket, &f->inbox, false, &m));
    assert_int_equal(m.type, MSG_SETTLEMENT);
    return *(const struct msg_settlement *)m.fixed;
}

static uint64_t ask(struct stage_front *f, uint32_t infer, const struct wire_nonce *nonce, uint16_t settle)
{
    struct msg_ticket t = {.job = ++f->last_job, .infer = infer, .settle = settle, .nonce = *nonce};
    assert_ok(wire_send(&f->ticket, MSG_TICKET, &t, NOTHING, NULL, 0));
    return t.job;
}

/* It comes before its receipt, and says of it what settlement_fill makes of the statement. */
static void test_signed(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt got = {0};
    struct wire_nonce nonce = stage_nonce(6, 32);
    struct msg_report r = stage_report(ask(&c->front, c->a.number, &nonce, 1), 0x55, &nonce);
    uint8_t digest[SHA256_LEN], leaf[1 + STATEMENT_MAX] = {0};
    struct msg_settlement want = {0};
    assert_ok(stage_report_send(&c->a, &r));
    struct msg_settlement s = next_settlement(&c->front);
    stage_receive(c->stage, &c->front, &got);
    assert_int_equal(got.job, r.job);
    memcpy(leaf + 1, got.receipt.statement_bytes.data, got.receipt.statement_bytes.len);
    assert_ok(sha256_of(leaf, 1 + got.receipt.statement_bytes.len, digest));
    assert_ok(settlement_fill(&got.receipt.statement, digest, &want));
    assert_int_equal(s.job, r.job);
    assert_int_equal(s.timestamp, want.timestamp);
    assert_memory_equal(s.input_hash, want.input_hash, DIGEST_LEN);
    assert_memory_equal(s.output_hash, want.output_hash, DIGEST_LEN);
    uint8_t message[KECCAK_LEN];
    message_of(&s, message);
    assert_true(verifies(&c->stage->identity, message, s.signature));
    s.timestamp++;
    message_of(&s, message);
    assert_false(verifies(&c->stage->identity, message, s.signature));
}

/* Who does not ask gets none, also when another job of the same tree does. */
static void test_on_request(void **state)
{
    struct cast *c = *state;
    AUTO(stage_receipt_done) struct stage_receipt first = {0}, second = {0};
    stage_pause(c->stage);
    struct msg_report plain = stage_report(ask(&c->front, c->a.number, &STAGE_NO_NONCE, 0), 1, &STAGE_NO_NONCE);
    struct msg_report asked = stage_report(ask(&c->front, c->a.number, &STAGE_NO_NONCE, 1), 2, &STAGE_NO_NONCE);
    assert_ok(stage_report_send(&c->a, &plain));
    assert_ok(stage_report_send(&c->a, &asked));
    stage_resume(c->stage);
    assert_int_equal(next_settlement(&c->front).job, asked.job);
    stage_receive(c->stage, &c->front, &first);
    stage_receive(c->stage, &c->front, &second);
    assert_int_equal(first.job, plain.job);
    assert_int_equal(second.job, asked.job);
    stage_silence(&c->front);
}

/* A job that failed is not settled. */
static void test_failed(void **state)
{
    struct cast *c = *state;
    struct msg_report r = stage_report(ask(&c->front, c->a.number, &STAGE_NO_NONCE, 1), 1, &STAGE_NO_NONCE);
    r.result = ERR_RUN_FAILED;
    assert_ok(stage_report_send(&c->a, &r));
    stage_no_receipt(&c->front, r.job, ERR_RUN_FAILED);
    stage_silence(&c->front);
}

static void test_other_wishes(void **state)
{
    struct cast *c = *state;
    uint64_t job = ask(&c->front, c->a.number, &STAGE_NO_NONCE, 2);
    cast_report(&c->b, job, &STAGE_NO_NONCE); /* makes the keeper look */
    stage_accused(c->stage, 0, 1, ERR_PROTOCOL);
    stage_front_cut(&c->front);
}

/* ── too many ── */

#define ROUNDS  12
#define A_ROUND 50

/* Counts what has come until there are so many receipts. */
static void count(struct stage_front *f, unsigned *receipts, unsigned *settlements)
{
    for (unsigned n = 0; n < A_ROUND;) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        struct wire_receipt r;
        stage_wait_readable(&f->ticket);
        assert_ok(wire_recv(&f->ticket, &f->inbox, false, &m));
        assert_true(m.type == MSG_SETTLEMENT || m.type == MSG_RECEIPTS);
        *settlements += m.type == MSG_SETTLEMENT;
        for (struct view rest = m.tail; rest.len > 0; n++)
            assert_ok(wire_receipts_next(&rest, &r));
    }
    *receipts += A_ROUND;
}

/* Every job gets its receipt; settlements are rationed by the second. */
static void test_rationed(void **state)
{
    struct cast *c = *state;
    unsigned receipts = 0, settlements = 0;
    uint64_t begun = clock_mono_ms();
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned n = 0; n < A_ROUND; n++) {
            struct msg_report r = stage_report(ask(&c->front, c->a.number, &STAGE_NO_NONCE, 1), 1, &STAGE_NO_NONCE);
            assert_ok(stage_report_send(&c->a, &r));
        }
        count(&c->front, &receipts, &settlements);
    }
    uint64_t seconds = (clock_mono_ms() - begun) / 1000 + 2; /* those that had a part in it */
    assert_int_equal(receipts, ROUNDS * A_ROUND);
    assert_true(settlements >= SETTLEMENTS_A_SECOND);
    assert_true(settlements <= seconds * SETTLEMENTS_A_SECOND);
}

/* ── heartbeats ── */

static void test_heartbeat(void **state)
{
    struct stage *s = *state;
    const struct msg_keeper_ask ask = {.request = 4711};
    struct wire_msg m = WIRE_MSG_NONE;
    struct view rsa = identity_rsa(&s->identity);
    uint8_t tee_id[KECCAK_LEN], bytes[64] = {0}, message[KECCAK_LEN];
    struct view all = view_of(bytes, sizeof(bytes));
    uint64_t now = clock_wall_us() / 1000000;
    assert_ok(wire_send(&s->control, MSG_KEEPER_ASK_HEARTBEAT, &ask, NOTHING, NULL, 0));
    stage_wait_readable(&s->control);
    assert_ok(wire_recv(&s->control, &s->inbox, false, &m));
    assert_int_equal(m.type, MSG_KEEPER_HEARTBEAT);
    const struct msg_heartbeat *h = m.fixed;
    assert_int_equal(h->request, 4711);
    assert_err(err_from_wire(h->result), OK);
    assert_true(h->timestamp >= now - 300 && h->timestamp <= now - 300 + 20);
    keccak256(&rsa, 1, tee_id);
    assert_memory_equal(h->tee_id, tee_id, KECCAK_LEN);
    memcpy(bytes, tee_id, 32);
    for (unsigned i = 0; i < 8; i++)
        bytes[63 - i] = (uint8_t)(h->timestamp >> (8 * i));
    keccak256(&all, 1, message);
    assert_true(verifies(&s->identity, message, h->signature));
    message[0] ^= 1;
    assert_false(verifies(&s->identity, message, h->signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),
        cmocka_unit_test_setup_teardown(test_signed, cast_setup, cast_teardown),
        cmocka_unit_test_setup_teardown(test_on_request, cast_setup, cast_teardown),
        cmocka_unit_test_setup_teardown(test_failed, cast_setup, cast_teardown),
        cmocka_unit_test_setup_teardown(test_rationed, cast_setup, cast_teardown),
        cmocka_unit_test_setup_teardown(test_heartbeat, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_other_wishes, cast_setup, cast_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
