/* Documents for the fronts, and the clock that their timestamps keep. */
#include "stage.h"

#include "attest/document.h"
#include "attest/module.h"
#include "base/clock.h"
#include "base/mem.h"
#include "keeper/documents.h"
#include "nsm/issue.h"

#include <signal.h>
#include <string.h>

/* ── from end to end ── */

static void assert_document(const struct stage *s, struct view bytes, const struct wire_nonce *nonce)
{
    struct document d = {0};
    assert_ok(document_read(bytes, &d, NULL));
    assert_int_equal(d.nonce.len, nonce->len);
    assert_memory_equal(d.nonce.data, nonce->bytes, nonce->len);
    assert_int_equal(d.user_data.len, sizeof(s->identity.user_data));
    assert_memory_equal(d.user_data.data, s->identity.user_data, d.user_data.len);
    assert_int_equal(d.public_key.len, s->identity.keyset_len);
    assert_memory_equal(d.public_key.data, s->identity.keyset, d.public_key.len);
    assert_memory_equal(d.pcr[17].data, s->identity.pcr[17], PCR_LEN);
}

static void test_by_nonce(void **state)
{
    struct cast *c = *state;
    static const uint8_t lengths[] = {16, 20, 32, 64};
    for (uint32_t n = 0; n < COUNT_OF(lengths); n++) {
        struct wire_nonce nonce = stage_nonce((uint8_t)(0x40 + n), lengths[n]);
        err_t result = ERR_INTERNAL;
        assert_ok(stage_ask(&c->front, 700 + n, &nonce));
        struct view document = stage_document(&c->front, 700 + n, &result);
        assert_ok(result);
        assert_document(c->stage, document, &nonce);
    }
    stage_round(c->stage, &c->front, &c->a);
}

static void test_bad_nonces(void **state)
{
    struct cast *c = *state;
    static const uint8_t lengths[] = {0, 15, 65, 255};
    for (uint16_t n = 0; n < COUNT_OF(lengths); n++) {
        struct stage_front bad;
        struct wire_nonce nonce = stage_nonce(1, 64);
        uint16_t generation = (uint16_t)(2 + n);
        nonce.len = lengths[n];
        stage_front_new(c->stage, generation, &bad);
        assert_ok(stage_ask(&bad, 1, &nonce));
        stage_accused(c->stage, 0, generation, ERR_PROTOCOL);
        stage_front_cut(&bad);
        stage_front_die(c->stage, &bad);
    }
    stage_round(c->stage, &c->front, &c->a);
}

/* Sixteen wait for a module that does not answer, the next is refused, and receipts are signed meanwhile. */
static void test_queue(void **state)
{
    struct cast *c = *state;
    struct wire_nonce nonce = stage_nonce(9, 20);
    err_t result = OK;
    assert_int_equal(kill(c->stage->module_pid, SIGSTOP), 0);
    for (uint32_t n = 0; n <= DOCUMENTS_QUEUE; n++)
        assert_ok(stage_ask(&c->front, n, &nonce));
    assert_int_equal(stage_document(&c->front, DOCUMENTS_QUEUE, &result).len, 0);
    assert_err(result, ERR_OVERLOADED);
    stage_round(c->stage, &c->front, &c->a);
    assert_int_equal(kill(c->stage->module_pid, SIGCONT), 0);
    for (uint32_t n = 0; n < DOCUMENTS_QUEUE; n++) {
        assert_document(c->stage, stage_document(&c->front, n, &result), &nonce);
        assert_ok(result);
    }
}

/* What a front asked for that is gone is nobody's; the next one gets its own. */
static void test_front_goes(void **state)
{
    struct cast *c = *state;
    struct stage_front next;
    struct wire_nonce old = stage_nonce(1, 20), new = stage_nonce(2, 20);
    err_t result = ERR_INTERNAL;
    assert_int_equal(kill(c->stage->module_pid, SIGSTOP), 0);
    assert_ok(stage_ask(&c->front, 5, &old));
    stage_round(c->stage, &c->front, &c->a);
    stage_front_die(c->stage, &c->front);
    stage_front_new(c->stage, 2, &next);
    assert_ok(stage_ask(&next, 5, &new));
    assert_int_equal(kill(c->stage->module_pid, SIGCONT), 0);
    assert_document(c->stage, stage_document(&next, 5, &result), &new);
    stage_round(c->stage, &next, &c->a);
    stage_front_done(&next);
    stage_front_new(c->stage, 3, &c->front);
}

static void test_module_ends(void **state)
{
    struct cast *c = *state;
    assert_int_equal(kill(c->stage->module_pid, SIGKILL), 0);
    assert_int_equal(stage_wait(c->stage), 0); /* as if the supervisor were gone: that is what ends the node */
}

/* ── the queue by itself, with a module of our own ── */

struct bench {
    struct documents d;
    struct trust trust;
    struct wire_end module;
    struct wire_inbox inbox;
    EVP_PKEY *key;
};

static int bench_setup(void **state)
{
    struct bench *b = mem_alloc(1, sizeof(*b));
    assert_non_null(b);
    assert_ok(wire_pair(CHAN_MODULE, &b->trust.module, &b->module));
    assert_ok(wire_inbox_init(&b->trust.inbox, CHAN_MODULE));
    assert_ok(wire_inbox_init(&b->inbox, CHAN_MODULE));
    b->trust.identity.keyset_len = 100;
    assert_ok(issue_key(&b->key));
    documents_init(&b->d, &b->trust);
    *state = b;
    return 0;
}

static int bench_teardown(void **state)
{
    struct bench *b = *state;
    trust_done(&b->trust);
    wire_end_close(&b->module);
    wire_inbox_done(&b->inbox);
    EVP_PKEY_free(b->key);
    mem_free(b);
    return 0;
}

static err_t ask(struct bench *b, uint32_t id)
{
    const struct msg_document_ask m = {.id = id, .nonce = stage_nonce(3, 20)};
    return documents_ask(&b->d, &m, 1);
}

/* The module's request is taken, and answered with a document that is signed by nobody, of this time; 0: refused. */
static void module_answers(struct bench *b, uint64_t timestamp_ms)
{
    static uint8_t payload[DOCUMENT_MAX], bytes[DOCUMENT_MAX], pcr[PCR_LEN];
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct view dummy = view_of("c", 1), map = {0};
    struct nsm_response p = {.op = NSM_ATTESTATION, .error = timestamp_ms == 0 ? NSM_INTERNAL_ERROR : NSM_SUCCESS};
    struct document d = {.module_id = dummy, .timestamp_ms = timestamp_ms, .n_certs = 2, .certs = {dummy, dummy}};
    struct cbor_writer inner = cbor_writer_on(payload, sizeof(payload)), outer = cbor_writer_on(bytes, sizeof(bytes));
    d.pcr[0] = view_of(pcr, sizeof(pcr));
    assert_ok(wire_recv(&b->module, &b->inbox, false, &m));
    assert_int_equal(m.type, MSG_MODULE_ATTEST);
    document_put_payload(&d, DOCUMENT_MAP_SIZED, &inner);
    assert_ok(cbor_written(&inner, &map));
    assert_ok(document_put_signed(map, b->key, &outer));
    assert_ok(cbor_written(&outer, &p.bytes));
    if (timestamp_ms == 0)
        p.bytes = NOTHING;
    assert_ok(module_reply(&b->module, 0, &p));
}

static err_t take(struct bench *b, struct document_due *ret_due)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct view document = {0};
    err_t result = ERR_INTERNAL;
    assert_ok(wire_recv(&b->trust.module, &b->trust.inbox, false, &m));
    assert_ok(documents_answer(&b->d, &m, ret_due, &result, &document));
    assert_int_equal(document.len > 0, result == OK);
    return result;
}

static void test_rate(void **state)
{
    struct bench *b = *state;
    struct document_due due;
    for (uint32_t n = 0; n < DOCUMENTS_A_SECOND; n++) {
        assert_ok(ask(b, n));
        module_answers(b, 0);
        assert_err(take(b, &due), ERR_NSM_FAILED);
        assert_int_equal(due.id, n);
    }
    assert_err(ask(b, 99), ERR_OVERLOADED);
    b->d.rate.second_ms -= 1000; /* a second later */
    assert_ok(ask(b, 100));
}

static void test_clock(void **state)
{
    struct bench *b = *state;
    struct document_due due;
    static const struct {
        int64_t off_ms;
        err_t e;
    } rows[] = {{0, OK},
                {29000, OK},
                {-29000, OK},
                {31000, ERR_CLOCK_WRONG},
                {-31000, ERR_CLOCK_WRONG},
                {INT32_MAX, ERR_CLOCK_WRONG},
                {0, OK}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_ok(ask(b, 1));
        module_answers(b, clock_wall_us() / 1000 + (uint64_t)rows[i].off_ms);
        assert_ok(take(b, &due));
        assert_err(documents_clock(&b->d), rows[i].e);
    }
}

/* A minute without a document: one for the clock, and only one at a time. Five without an answer: nothing is signed. */
static void test_looks_by_itself(void **state)
{
    struct bench *b = *state;
    struct document_due due;
    assert_ok(documents_look(&b->d));
    assert_err(wire_wait(&b->module, 0), ERR_TIMEOUT);
    b->d.asked_ms -= CLOCK_LOOK_MS;
    assert_ok(documents_look(&b->d));
    b->d.asked_ms -= CLOCK_LOOK_MS;
    assert_ok(documents_look(&b->d));
    b->d.told_ms -= CLOCK_GOOD_MS;
    assert_err(documents_clock(&b->d), ERR_CLOCK_WRONG);
    module_answers(b, clock_wall_us() / 1000);
    assert_err(wire_wait(&b->module, 0), ERR_TIMEOUT);
    assert_ok(take(b, &due));
    assert_int_equal(due.generation, 0);
    assert_ok(documents_clock(&b->d));
}

/* The clock's document has a place of its own. */
static void test_full(void **state)
{
    struct bench *b = *state;
    for (uint32_t n = 0; n < DOCUMENTS_QUEUE; n++)
        assert_ok(ask(b, n));
    assert_err(ask(b, 99), ERR_OVERLOADED);
    b->d.asked_ms -= CLOCK_LOOK_MS;
    assert_ok(documents_look(&b->d));
    assert_true(b->d.looking);
    assert_err(ask(b, 99), ERR_OVERLOADED);
    assert_int_equal(b->d.count, DOCUMENTS_QUEUE + 1);
}

static void test_unasked(void **state)
{
    struct bench *b = *state;
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct document_due due = {0};
    struct view document = {0};
    err_t result = OK;
    struct nsm_response p = {.op = NSM_ATTESTATION, .error = NSM_INTERNAL_ERROR};
    assert_ok(module_reply(&b->module, 0, &p));
    assert_ok(wire_recv(&b->trust.module, &b->trust.inbox, false, &m));
    assert_err(documents_answer(&b->d, &m, &due, &result, &document), ERR_PROTOCOL);
}

/* An answer to something else. */
static void test_other_answer(void **state)
{
    struct bench *b = *state;
    static const struct nsm_response others[] = {{.op = NSM_LOCK_PCRS},
                                                 {.op = NSM_GET_RANDOM, .error = NSM_INTERNAL_ERROR}};
    struct document_due due = {0};
    struct view document = {0};
    err_t result = OK;
    assert_ok(ask(b, 1));
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        assert_ok(module_reply(&b->module, 0, &others[i]));
        assert_ok(wire_recv(&b->trust.module, &b->trust.inbox, false, &m));
        assert_err(documents_answer(&b->d, &m, &due, &result, &document), ERR_PROTOCOL);
    }
}

#define CAST(f)  cmocka_unit_test_setup_teardown(f, cast_setup, cast_teardown)
#define BENCH(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAST(test_by_nonce),    CAST(test_bad_nonces), CAST(test_queue),         CAST(test_front_goes),
        CAST(test_module_ends), BENCH(test_rate),      BENCH(test_clock),        BENCH(test_looks_by_itself),
        BENCH(test_full),       BENCH(test_unasked),   BENCH(test_other_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
