/* The simulated module: its documents verify, under its root alone, and its certificates have the shape of AWS's. */
#include "attest/verify.h"
#include "base/clock.h"
#include "nsm/root.h"
#include "nsm/sim.h"
#include "unit.h"

#include <openssl/x509v3.h>

static struct sim sim;
static struct nsm_device device;
static uint8_t room[NSM_RESPONSE_MAX];
static uint8_t root_digest[SHA256_LEN];

static int start(void **state UNUSED)
{
    struct folder f;
    struct issued root = {0};
    uint8_t pcr[3][PCR_LEN] = {{1}, {2}, {3}};
    struct view der = {0};
    folder_open(&f);
    assert_ok(root_open(f.fd, clock_wall_us() / 1000000, &root));
    folder_remove(&f);
    assert_ok(sim_init(&sim, &root, (const uint8_t(*)[PCR_LEN])pcr));
    assert_null(root.key);
    der = sim_chain_der(&sim.chain, LEVEL_ROOT);
    assert_ok(sha256_of(der.data, der.len, root_digest));
    device = sim_device(&sim);
    return 0;
}

static int finish(void **state UNUSED)
{
    sim_done(&sim);
    return 0;
}

static struct nsm_response ask(struct nsm_request q)
{
    return device_ask(&device, &q, room);
}

static struct attest_policy policy(void)
{
    return (struct attest_policy){.root = root_digest,
                                  .allow_simulated = true,
                                  .any_image = true,
                                  .now_ms = clock_wall_us() / 1000,
                                  .max_age_ms = ATTEST_MAX_AGE_MS};
}

static void describe(void **state UNUSED)
{
    struct nsm_response p = ask((struct nsm_request){.op = NSM_DESCRIBE_NSM});
    assert_int_equal(p.error, NSM_SUCCESS);
    assert_int_equal(p.max_pcrs, 32);
    assert_int_equal(p.locked_pcrs, 0xFFFF);
    assert_int_equal(p.module_id.len, MODULE_ID_LEN);
    assert_memory_equal(p.module_id.data, "sim-", 4);
    assert_memory_equal(p.module_id.data + 21, "-enc", 4);
}

/* Turns an index into what a request with it says. */
static void pcrs(void **state UNUSED)
{
    uint8_t pcr4[PCR_LEN] = {0};
    struct nsm_response p = ask((struct nsm_request){.op = NSM_DESCRIBE_PCR, .index = 2});
    assert_true(p.error == NSM_SUCCESS && p.locked && p.bytes.data[0] == 3);
    p = ask((struct nsm_request){.op = NSM_DESCRIBE_PCR, .index = 4});
    assert_ok(pcr_extend(pcr4, view_of(sim.chain.module_id, 21)));
    assert_memory_equal(p.bytes.data, pcr4, PCR_LEN);
    p = ask((struct nsm_request){.op = NSM_DESCRIBE_PCR, .index = 31});
    assert_true(p.error == NSM_SUCCESS && !p.locked && pcr_is_zero(p.bytes.data));
    p = ask((struct nsm_request){.op = NSM_DESCRIBE_PCR, .index = 32});
    assert_int_equal(p.error, NSM_INVALID_INDEX);
    p = ask((struct nsm_request){.op = NSM_EXTEND_PCR, .index = 16, .data = view_of("data", 4)});
    assert_int_equal(p.error, NSM_SUCCESS);
    assert_memory_equal(p.bytes.data, sim.bank.pcr[16], PCR_LEN);
    p = ask((struct nsm_request){.op = NSM_LOCK_PCR, .index = 16});
    assert_int_equal(p.error, NSM_SUCCESS);
    p = ask((struct nsm_request){.op = NSM_EXTEND_PCR, .index = 16, .data = view_of("data", 4)});
    assert_int_equal(p.error, NSM_READ_ONLY_INDEX);
    p = ask((struct nsm_request){.op = NSM_LOCK_PCRS, .index = 33});
    assert_int_equal(p.error, NSM_INVALID_INDEX);
}

static void random_bytes(void **state UNUSED)
{
    uint8_t first[NSM_RANDOM_MAX];
    struct nsm_response p = ask((struct nsm_request){.op = NSM_GET_RANDOM});
    assert_int_equal(p.bytes.len, 256);
    memcpy(first, p.bytes.data, sizeof(first));
    p = ask((struct nsm_request){.op = NSM_GET_RANDOM});
    assert_memory_not_equal(first, p.bytes.data, sizeof(first));
}

static void unreadable(void **state UNUSED)
{
    static const uint8_t too_long[NSM_REQUEST_MAX + 1] = {0};
    struct nsm_response p;
    size_t len = 0;
    assert_ok(device.call(&sim, view_of("\x67LockPCR", 8), room, &len)); /* without its index */
    assert_ok(nsm_response_read(view_of(room, len), NSM_LOCK_PCR, &p));
    assert_int_equal(p.error, NSM_INVALID_OPERATION);
    assert_err(device.call(&sim, view_of(too_long, sizeof(too_long)), room, &len), ERR_TOO_LARGE);
}

/* Both encodings take turns. */
static void documents(void **state UNUSED)
{
    unsigned open_maps = 0;
    for (int i = 0; i < 4; i++) {
        struct document d;
        struct attest_report report;
        struct attest_policy p = policy();
        struct nsm_response answer = ask((struct nsm_request){.op = NSM_ATTESTATION,
                                                              .user_data = view_of("user", 4),
                                                              .nonce = view_of("nonce", 5),
                                                              .public_key = view_of("key", 3)});
        assert_int_equal(answer.error, NSM_SUCCESS);
        assert_ok(document_read(answer.bytes, &d, NULL));
        open_maps += d.payload.data[0] == 0xBF;
        p.nonce = view_of("nonce", 5);
        p.user_data = view_of("user", 4);
        p.public_key = view_of("key", 3);
        assert_ok(attest_verify(&d, &p, &report));
        p.allow_simulated = false;
        assert_err(attest_verify(&d, &p, &report), ERR_DOC_SIMULATED);
        assert_int_equal(report.n, 1);
        p.root = attest_aws_root;
        assert_err(attest_verify(&d, &p, &report), ERR_DOC_ROOT);
        assert_int_equal(report.n, 2);
    }
    assert_int_equal(open_maps, 2);
}

/* Only locked registers are in a document; absent claims are absent. */
static void locked_only(void **state UNUSED)
{
    struct document d;
    struct nsm_response p = ask((struct nsm_request){.op = NSM_ATTESTATION});
    assert_ok(document_read(p.bytes, &d, NULL));
    for (unsigned i = 0; i < PCR_COUNT; i++)
        assert_int_equal(d.pcr[i].data != NULL, i <= 16);
    assert_null(d.nonce.data);
    assert_null(d.user_data.data);
    assert_null(d.public_key.data);
    p = ask((struct nsm_request){.op = NSM_LOCK_PCRS, .index = 32});
    assert_int_equal(p.error, NSM_SUCCESS);
    p = ask((struct nsm_request){.op = NSM_ATTESTATION});
    assert_ok(document_read(p.bytes, &d, NULL));
    for (unsigned i = 0; i < PCR_COUNT; i++)
        assert_non_null(d.pcr[i].data);
}

static void largest(void **state UNUSED)
{
    static const uint8_t bytes[1024] = {1};
    struct document d;
    struct nsm_request q = {.op = NSM_ATTESTATION,
                            .user_data = view_of(bytes, 512),
                            .nonce = view_of(bytes, 512),
                            .public_key = view_of(bytes, 1024)};
    struct nsm_response p = ask(q);
    assert_int_equal(p.error, NSM_SUCCESS);
    assert_ok(document_read(p.bytes, &d, NULL));
    q.nonce.len++;
    assert_int_equal(ask(q).error, NSM_INPUT_TOO_LARGE);
}

/* Lives of AWS's certificates, in seconds; nitro's leaf begins three seconds before it is made. */
static void shape(void **state UNUSED)
{
    static const struct {
        uint64_t life;
        uint8_t usage;
    } want[LEVELS_] = {
        {UINT64_C(946774800), 0x86}, {UINT64_C(20) * 86400 + 3600, 0x86}, {UINT64_C(6) * 86400, 0x86},
        {UINT64_C(86400), 0x04},     {UINT64_C(3) * 3600 + 3, 0xC0},
    };
    for (enum level i = 0; i < LEVELS_; i++) {
        struct cert c;
        struct view der = sim_chain_der(&sim.chain, i);
        assert_ok(cert_read(der, &c, NULL));
        assert_int_equal(c.not_after - c.not_before, want[i].life);
        assert_int_equal(c.usage, want[i].usage);
        assert_int_equal(c.ca, i != LEVEL_LEAF);
        X509 *x = sim.chain.level[i].cert;
        assert_int_equal(X509_get_pathlen(x), i == LEVEL_ROOT || i == LEVEL_LEAF ? -1 : 3 - (int)i);
        assert_int_equal(X509_get0_subject_key_id(x) != NULL, i != LEVEL_LEAF);
        assert_int_equal(X509_get0_authority_key_id(x) != NULL, i != LEVEL_LEAF && i != LEVEL_ROOT);
    }
}

static bool same(const uint8_t (*before)[ATTEST_CERT_MAX], enum level level)
{
    struct view der = sim_chain_der(&sim.chain, level);
    return view_equal(der, view_of(before[level], der.len));
}

/* For a week of hours the chain is valid, and a level changes when half of its life is over and not before. */
static void renewal(void **state UNUSED)
{
    static uint8_t before[LEVELS_][ATTEST_CERT_MAX];
    unsigned renewed[LEVELS_] = {0};
    uint64_t now = clock_wall_us() / 1000000;
    for (int hour = 0; hour < 7 * 24; hour++, now += 3600) {
        struct chain chain;
        struct view ders[LEVELS_];
        memcpy(before, sim.chain.der, sizeof(before));
        assert_ok(sim_chain_renew(&sim.chain, now));
        for (enum level i = 0; i < LEVELS_; i++) {
            ders[i] = sim_chain_der(&sim.chain, i);
            renewed[i] += !same((const uint8_t(*)[ATTEST_CERT_MAX])before, i);
        }
        assert_ok(chain_read(ders, LEVELS_, &chain, NULL));
        if (hour % 12 == 0)
            assert_ok(chain_verify(&chain, now, NULL));
    }
    assert_int_equal(renewed[LEVEL_ROOT], 0);
    assert_int_equal(renewed[LEVEL_REGIONAL], 0);
    assert_int_equal(renewed[LEVEL_ZONAL], 2);
    assert_in_range(renewed[LEVEL_INSTANCE], 12, 16);
    assert_in_range(renewed[LEVEL_LEAF], 84, 84 + 16);
    memcpy(before, sim.chain.der, sizeof(before));
    assert_ok(
        sim_chain_renew(&sim.chain, clock_wall_us() / 1000000)); /* the clock went back: nothing is from the future */
    assert_false(same((const uint8_t(*)[ATTEST_CERT_MAX])before, LEVEL_ZONAL));
    assert_true(same((const uint8_t(*)[ATTEST_CERT_MAX])before, LEVEL_REGIONAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describe),   cmocka_unit_test(pcrs),      cmocka_unit_test(random_bytes),
        cmocka_unit_test(unreadable), cmocka_unit_test(documents), cmocka_unit_test(locked_only),
        cmocka_unit_test(largest),    cmocka_unit_test(shape),     cmocka_unit_test(renewal),
    };
    return cmocka_run_group_tests_name("nsm sim", tests, start, finish);
}
