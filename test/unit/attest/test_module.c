/* Requests and responses over the keeper's channel, both ends; what either end must not believe. */
#include "attest/module.h"
#include "unit.h"

static struct wire_end keeper, nsm;
static struct wire_inbox inbox;

static int start(void **state UNUSED)
{
    assert_ok(wire_pair(CHAN_MODULE, &keeper, &nsm));
    assert_ok(wire_inbox_init(&inbox, CHAN_MODULE));
    return 0;
}

static int finish(void **state UNUSED)
{
    wire_end_close(&keeper);
    wire_end_close(&nsm);
    wire_inbox_done(&inbox);
    return 0;
}

static void assert_same(struct view a, struct view b)
{
    assert_true(view_equal(a, b));
}

static void requests(void **state UNUSED)
{
    static const uint8_t bytes[1024] = {7};
    const struct nsm_request all[] = {
        {.op = NSM_DESCRIBE_NSM},
        {.op = NSM_DESCRIBE_PCR, .index = 31},
        {.op = NSM_EXTEND_PCR, .index = 16, .data = view_of(bytes, 512)},
        {.op = NSM_LOCK_PCR, .index = 16},
        {.op = NSM_LOCK_PCRS, .index = 32},
        {.op = NSM_ATTESTATION},
        {.op = NSM_ATTESTATION, .nonce = text_view("n")},
        {.op = NSM_ATTESTATION, .user_data = text_view("user"), .public_key = text_view("key")},
        {.op = NSM_ATTESTATION,
         .user_data = view_of(bytes, 512),
         .nonce = view_of(bytes, 512),
         .public_key = view_of(bytes, 1024)},
        {.op = NSM_GET_RANDOM},
    };
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        struct wire_msg m = WIRE_MSG_NONE;
        struct nsm_request q;
        uint32_t id = 0;
        assert_ok(module_ask(&keeper, i + 1, &all[i]));
        assert_ok(wire_recv(&nsm, &inbox, false, &m));
        assert_ok(module_request(&m, &id, &q));
        assert_int_equal(id, i + 1);
        assert_true(q.op == all[i].op && q.index == all[i].index);
        assert_same(q.data, all[i].data);
        assert_same(q.user_data, all[i].user_data);
        assert_same(q.nonce, all[i].nonce);
        assert_same(q.public_key, all[i].public_key);
        assert_int_equal(q.nonce.data == NULL, all[i].nonce.data == NULL);
        struct nsm_response p;
        assert_err(module_answer(&m, &id, &p), ERR_PROTOCOL);
    }
    struct nsm_request q = {.op = NSM_ATTESTATION, .nonce = view_of(bytes, 513)};
    assert_err(module_ask(&keeper, 1, &q), ERR_TOO_LARGE);
    q = (struct nsm_request){.op = NSM_EXTEND_PCR, .data = view_of(bytes, 513)};
    assert_err(module_ask(&keeper, 1, &q), ERR_TOO_LARGE);
}

static const uint8_t pcr[PCR_LEN] = {1};

static void answers(void **state UNUSED)
{
    static const uint8_t document[NSM_DOCUMENT_MAX] = {0x84};
    const struct nsm_response all[] = {
        {.op = NSM_DESCRIBE_NSM,
         .version = {1, 2, 3},
         .max_pcrs = 32,
         .locked_pcrs = 0xFFFF,
         .module_id = text_view("i-1")},
        {.op = NSM_DESCRIBE_PCR, .locked = true, .bytes = view_of(pcr, PCR_LEN)},
        {.op = NSM_EXTEND_PCR, .bytes = view_of(pcr, PCR_LEN)},
        {.op = NSM_LOCK_PCR},
        {.op = NSM_LOCK_PCRS},
        {.op = NSM_ATTESTATION, .bytes = view_of(document, NSM_DOCUMENT_MAX)},
        {.op = NSM_GET_RANDOM, .bytes = text_view("random")},
        {.op = NSM_EXTEND_PCR, .error = NSM_READ_ONLY_INDEX},
        {.op = NSM_ATTESTATION, .error = NSM_INTERNAL_ERROR},
    };
    for (uint32_t i = 0; i < COUNT_OF(all); i++) {
        struct wire_msg m = WIRE_MSG_NONE;
        struct nsm_response p;
        uint32_t id = 0;
        assert_ok(module_reply(&nsm, i + 1, &all[i]));
        assert_ok(wire_recv(&keeper, &inbox, false, &m));
        assert_ok(module_answer(&m, &id, &p));
        assert_int_equal(id, i + 1);
        assert_true(p.op == all[i].op && p.error == all[i].error && p.locked == all[i].locked);
        assert_true(p.max_pcrs == all[i].max_pcrs && p.locked_pcrs == all[i].locked_pcrs);
        assert_memory_equal(p.version, all[i].version, sizeof(p.version));
        assert_same(p.bytes, all[i].bytes);
        assert_same(p.module_id, all[i].module_id);
        struct nsm_request q;
        assert_err(module_request(&m, &id, &q), ERR_PROTOCOL);
    }
}

/* What a module that lies may send: never believed. */
static void bad_answers(void **state UNUSED)
{
    static const struct {
        enum wire_type type;
        struct msg_module_answer a;
        size_t tail;
    } rows[] = {
        {MSG_MODULE_DESCRIBED_PCR, {.locked = 2}, PCR_LEN},
        {MSG_MODULE_DESCRIBED_PCR, {0}, PCR_LEN - 1},
        {MSG_MODULE_DESCRIBED_PCR, {0}, 0},
        {MSG_MODULE_DESCRIBED_PCR, {.error = NSM_INVALID_INDEX}, PCR_LEN},
        {MSG_MODULE_DESCRIBED_PCR, {.error = NSM_ERRORS_}, 0},
        {MSG_MODULE_DESCRIBED_PCR, {.error = UINT16_MAX}, 0},
        {MSG_MODULE_EXTENDED_PCR, {0}, 0},
        {MSG_MODULE_ATTESTED, {0}, 0},
        {MSG_MODULE_ATTESTED, {0}, NSM_DOCUMENT_MAX + 1},
        {MSG_MODULE_RANDOM, {0}, 0},
        {MSG_MODULE_DESCRIBED_NSM, {0}, 0},
    };
    static const uint8_t tail[MODULE_DOCUMENT_MAX];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct wire_msg m = WIRE_MSG_NONE;
        struct nsm_response p;
        uint32_t id = 0;
        assert_ok(wire_send(&nsm, rows[i].type, &rows[i].a, view_of(tail, rows[i].tail), NULL, 0));
        assert_ok(wire_recv(&keeper, &inbox, false, &m));
        assert_err(module_answer(&m, &id, &p), ERR_PROTOCOL);
    }
}

static void bad_requests(void **state UNUSED)
{
    static const struct {
        struct msg_module_request r;
        size_t tail;
    } rows[] = {
        {{.user_data_len = 513}, 513},
        {{.nonce_len = 513}, 513},
        {{.public_key_len = 1025}, 1025},
        {{.nonce_len = 2}, 1},
        {{.nonce_len = 1}, 2},
        {{0}, 1},
        {{.user_data_len = 1, .nonce_len = 1, .public_key_len = 1}, 2},
    };
    static const uint8_t tail[MODULE_CLAIMS_MAX];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct wire_msg m = WIRE_MSG_NONE;
        struct nsm_request q;
        uint32_t id = 0;
        assert_ok(wire_send(&keeper, MSG_MODULE_ATTEST, &rows[i].r, view_of(tail, rows[i].tail), NULL, 0));
        assert_ok(wire_recv(&nsm, &inbox, false, &m));
        assert_err(module_request(&m, &id, &q), ERR_PROTOCOL);
    }
    struct wire_msg m = WIRE_MSG_NONE;
    struct nsm_request q;
    uint32_t id = 0;
    const struct msg_module_request stray = {.nonce_len = 1};
    assert_ok(
        wire_send(&keeper, MSG_MODULE_LOCK_PCR, &stray, view_of(NULL, 0), NULL, 0)); /* a claim where none can be */
    assert_ok(wire_recv(&nsm, &inbox, false, &m));
    assert_err(module_request(&m, &id, &q), ERR_PROTOCOL);
}

static void calls(void **state UNUSED)
{
    const struct nsm_request q = {.op = NSM_EXTEND_PCR, .index = 16, .data = text_view("data")};
    struct nsm_response p;
    const struct {
        uint32_t id;
        struct nsm_response sent;
        err_t verdict;
    } rows[] = {
        {0, {.op = NSM_EXTEND_PCR, .bytes = view_of(pcr, PCR_LEN)}, OK},
        {1, {.op = NSM_EXTEND_PCR, .bytes = view_of(pcr, PCR_LEN)}, ERR_PROTOCOL},
        {0, {.op = NSM_DESCRIBE_PCR, .bytes = view_of(pcr, PCR_LEN)}, ERR_PROTOCOL},
        {0, {.op = NSM_EXTEND_PCR, .error = NSM_READ_ONLY_INDEX}, ERR_NSM_FAILED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct wire_msg m = WIRE_MSG_NONE;
        assert_ok(module_reply(&nsm, rows[i].id, &rows[i].sent)); /* it lies there already */
        assert_err(module_call(&keeper, &inbox, &q, 1000, &p), rows[i].verdict);
        assert_ok(wire_recv(&nsm, &inbox, false, &m));
    }
    assert_err(module_call(&keeper, &inbox, &q, 1, &p), ERR_TIMEOUT);
    wire_end_close(&nsm);
    assert_err(module_call(&keeper, &inbox, &q, 1000, &p), ERR_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),     cmocka_unit_test(answers), cmocka_unit_test(bad_answers),
        cmocka_unit_test(bad_requests), cmocka_unit_test(calls),
    };
    return cmocka_run_group_tests_name("attest module", tests, start, finish);
}
