/* Documents that AWS has signed, and NSM messages as AWS's client encodes them. Skipped when the vectors are not there.
 */
#include "attest/nsm.h"
#include "attest/verify.h"
#include "vectors.h"

#include <openssl/bn.h>

/* What the index of the vectors says of each. */
static const struct genuine {
    const char *file;
    const char *module_id;
    uint64_t timestamp_ms;
    enum document_map map;
    const char *pcr0; /* NULL: debug mode */
    const char *pcr4;
    int public_key; /* lengths; -1: absent */
    int user_data;
    int nonce;
} genuine[] = {
    {"base-nitro-validator_2024-11-30.bin", "i-0de38b2b6853cc9e8-enc0193685e7fee7d85", 1732983768387,
     DOCUMENT_MAP_SIZED,
     "ec74bfbe7f7445a6c7610e152935e028276f638042b74797b119648e13f7a3675796b721034c320f140ea001b41aeae2",
     "98bdf1bde262272618ccd73279e8ee00dd2c36974bd253de55413a25ceb2cd7221421207c2c09dde609f87481b6f6c94", 65, -1, -1},
    {"base-nitro-validator_2026-01-03_repaired.bin", "i-0368fa67e156d6d23-enc019b8596b1a9dad6", 1767472867402,
     DOCUMENT_MAP_OPEN,
     "4b8d4cf2a99e05ce1b5bddaf9d21cb446eb0e606c5bebd1ebf02b473a22165f7b68b0bb0d1ac5a90f0311e493522cfab",
     "245617239e18ae8eb5150c2be45200db1e6b1e483d94c81d8386171eaad6cf641a1c90f1571f185426c82f77783feb37", -1, 20, -1},
    {"brave-nitriding-responder_2022-08-04.bin", "i-0809849710bf1b61b-enc01826a449a00b17a", 1659640280975,
     DOCUMENT_MAP_SIZED,
     "da546f8dda37521945df4a6d3e397063588cd5f870aaa07a62e967b254d5f8176daa96ec83cdc5402b0b527a162472b5",
     "d8a8e8eee96d81b77a251410b7a9b180787653f125d1dbca79685c93fb885b335e0b8d172c9821a862515a603cc33ab2", 32, 20, 20},
    {"evervault-debug_2022-10-12.bin", "i-03ad7cdb817437eeb-enc0183cc7569b3f6e1", 1665582606081, DOCUMENT_MAP_SIZED,
     NULL, "615fa5b1a8838d392d8e54aacc3d9ac0db87d63cb826516c4cc94307c986fe465b29f3f54a55a2f121265528ae0aa6a7", 19, 13,
     -1},
    {"evervault-ga-debug_2023-09-18.bin", "i-0918f6c55e3b61d89-enc018aa8b8e2285d13", 1695049410860, DOCUMENT_MAP_SIZED,
     NULL, "d0531b1400dd43288c82c226c16bf647c637dd5e4d9b4f7a8aaadc6d6760b854a06c7008cca0d15ca80094dd33a65065", -1, 91,
     256},
    {"evervault-signed-image_2022-10-13.bin", "i-020b6af9246d90e92-enc0183d09086c24190", 1665651482136,
     DOCUMENT_MAP_SIZED,
     "f4d48b81a460c9916d1e685119074bf24660afd3e34fae9fca0a0d28d9d5599936332687e6f66fc890ac8cf150142d8b",
     "1f442c86d494a88185642086d904ed89f62fb66ee9997d7b1a4f040faab3bba4244c768a584e5778195b3afc715637c6", -1, -1, 256},
    {"marlin-nitroprover-sample1_2024-02-26.bin", "i-0df237f0418feb41e-enc018d1c7ef94eb110", 1708930921439,
     DOCUMENT_MAP_SIZED,
     "17bf8f048519797be90497001a7559a3d555395937117d76f8baaedf56ca6d97952de79479bc0c76e5d176d20f663790",
     "bed9c17c27bdec410da8cabfa9aeb868e557679c88f49f90f5b538460c5538c2c674049f1122951f46554bdf2fb0ce74", 32, 42, -1},
    {"marlin-nitroprover-script_2024-04-10.bin", "i-058bac400e426cc24-enc018e0924a1c4673e", 1712732941701,
     DOCUMENT_MAP_SIZED,
     "ea6ff0cc81650a6a2e5e6b009b058d684600ea08006beafb60a693e2eeb362e3a06039ff8341f0715543672c5c9ffa61",
     "4f646fa18676065e77ed5b03b51755e30cf9ce450c2f6ae58b0e31e6308d58f576ea295d8579c1bf27db1de8fda9dd9a", 32, 42, -1},
    {"mysten-nautilus-twitter_2025-04-15.bin", "i-00d494a46f4f3c091-enc019639f5c00f6e0c", 1744731537935,
     DOCUMENT_MAP_SIZED,
     "8912462a02fd4f827c5e9c7d12d8f33acc3ae99f23dcf35054f6d157a243edf3b78dc2781b7eb8335745ae4817388b41",
     "fb341af0b34863d797c88a665a748e97da7ecfe422e43ba0f2c9d79db045ab3c98a62293de179b88d27df79441899191", 32, -1, -1},
    {"og-evm_2026-02-12.bin", "i-0340e0cb833504eb6-enc019c12d31f78864d", 1770918962724, DOCUMENT_MAP_OPEN,
     "9baef83909784e4d2cb84466c02931bb8125e948b62029029e80bfa1698bfd7069408e4ab20d1c99c859e8f774cce0ff",
     "eb85f08a56f45ba20730ca9f061557e0d8361000b03348bb7afb1af949bcd6af7a7bb863e93e8a89326ff79bb021074b", 5, 68, 20},
};

static struct attest_policy policy_for(const struct genuine *g)
{
    return (struct attest_policy){
        .root = attest_aws_root, .archived = true, .any_image = true, .allow_debug = g->pcr0 == NULL};
}

/* Reads and verifies; the code of the first failure. */
static err_t judge(struct view bytes, const struct attest_policy *policy)
{
    struct document d;
    struct attest_report report;
    struct why why;
    TRY(document_read(bytes, &d, &why));
    return attest_verify(&d, policy, &report);
}

static void check_optional(struct view field, int len)
{
    assert_true(len < 0 ? field.data == NULL : field.data != NULL && field.len == (size_t)len);
}

static void check_pcr(struct view pcr, const char *hex)
{
    uint8_t bytes[PCR_LEN] = {0};
    assert_true(view_equal(pcr, hex != NULL ? hex_view(hex, bytes) : view_of(bytes, PCR_LEN)));
}

static void fields(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(genuine); i++) {
        const struct genuine *g = &genuine[i];
        AUTO_BUF struct buf bytes = vector_must(g->file);
        struct document d;
        assert_ok(document_read(buf_view(&bytes), &d, NULL));
        assert_true(view_is(d.module_id, g->module_id));
        assert_true(d.timestamp_ms == g->timestamp_ms);
        assert_int_equal(d.n_certs, 5);
        check_pcr(d.pcr[0], g->pcr0);
        check_pcr(d.pcr[4], g->pcr4);
        for (size_t k = 0; k < PCR_COUNT; k++)
            assert_int_equal(d.pcr[k].data != NULL, k < 16);
        check_optional(d.public_key, g->public_key);
        check_optional(d.user_data, g->user_data);
        check_optional(d.nonce, g->nonce);
    }
}

static void archived(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(genuine); i++) {
        AUTO_BUF struct buf bytes = vector_must(genuine[i].file);
        AUTO_BUF struct buf tagged = BUF_WITH(DOCUMENT_MAX);
        struct attest_policy policy = policy_for(&genuine[i]);
        assert_ok(judge(buf_view(&bytes), &policy));
        assert_ok(buf_put_u8(&tagged, 0xD2));
        assert_ok(buf_put_view(&tagged, buf_view(&bytes)));
        assert_ok(judge(buf_view(&tagged), &policy));
        policy.allow_debug = false;
        assert_err(judge(buf_view(&bytes), &policy), genuine[i].pcr0 == NULL ? ERR_DOC_DEBUG : OK);
        policy.any_image = false;
        policy.allow_debug = true;
        assert_err(judge(buf_view(&bytes), &policy), ERR_DOC_POLICY);
    }
}

/* At its own time a document is fresh; years later every certificate but the root has ended. */
static void at_a_time(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(genuine); i++) {
        AUTO_BUF struct buf bytes = vector_must(genuine[i].file);
        struct attest_policy policy = policy_for(&genuine[i]);
        policy.archived = false;
        policy.max_age_ms = ATTEST_MAX_AGE_MS;
        const struct {
            int64_t after_ms;
            err_t verdict;
        } times[] = {
            {0, OK},
            {ATTEST_MAX_AGE_MS, OK},
            {ATTEST_MAX_AGE_MS + 1, ERR_DOC_TIME},
            {INT64_C(4) * 3600 * 1000, ERR_DOC_CERT_TIME},
            {INT64_C(366) * 86400 * 1000, ERR_DOC_CERT_TIME},
            {-2000, OK}, /* a leaf begins three seconds before its first document */
            {-INT64_C(3600) * 1000, ERR_DOC_CERT_TIME},
        };
        for (size_t k = 0; k < COUNT_OF(times); k++) {
            policy.now_ms = genuine[i].timestamp_ms + (uint64_t)times[k].after_ms;
            assert_err(judge(buf_view(&bytes), &policy), times[k].verdict);
        }
    }
}

static void other_root(void **state UNUSED)
{
    uint8_t root[SHA256_LEN];
    AUTO_BUF struct buf der = vector_must("AWS_NitroEnclaves_Root-G1.der");
    AUTO_BUF struct buf bytes = vector_must(genuine[0].file);
    struct attest_policy policy = policy_for(&genuine[0]);
    assert_ok(sha256_of(der.data, der.len, root));
    assert_memory_equal(root, attest_aws_root, sizeof(root));
    root[31] ^= 1;
    policy.root = root;
    assert_err(judge(buf_view(&bytes), &policy), ERR_DOC_ROOT);
}

static void corrupt(void **state UNUSED)
{
    AUTO_BUF struct buf bytes = vector_must("hostile_base-nitro-validator_2026-01-03_as-published-corrupt.bin");
    struct document d;
    assert_err(document_read(buf_view(&bytes), &d, NULL), ERR_DOC_MALFORMED);
}

/* What was signed is known byte for byte for one of them. */
static void sig_structure(void **state UNUSED)
{
    AUTO_BUF struct buf bytes = vector_must("base-nitro-validator_2024-11-30.bin");
    AUTO_BUF struct buf text = vector_must("base-nitro-validator_2024-11-30.sigstructure.bin");
    const struct view whole = buf_view(&text);
    uint8_t ours[SHA384_LEN], theirs[SHA384_LEN];
    struct document d;
    assert_ok(document_read(buf_view(&bytes), &d, NULL));
    assert_ok(document_digest(d.payload, ours));
    assert_ok(sha384_of(&whole, 1, theirs));
    assert_memory_equal(ours, theirs, sizeof(ours));
}

/* AWS's payload, read and written again, is the same. */
static void written_again(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(genuine); i++) {
        AUTO_BUF struct buf bytes = vector_must(genuine[i].file);
        uint8_t room[DOCUMENT_MAX];
        struct cbor_writer w = cbor_writer_on(room, sizeof(room));
        struct view written = {0};
        struct document d;
        assert_ok(document_read(buf_view(&bytes), &d, NULL));
        document_put_payload(&d, genuine[i].map, &w);
        assert_ok(cbor_written(&w, &written));
        assert_true(view_equal(written, d.payload));
    }
}

/* s and n − s both verify: AWS signs with either. */
static void twin(void **state UNUSED)
{
    AUTO_BUF struct buf bytes = vector_must(genuine[0].file);
    struct attest_policy policy = policy_for(&genuine[0]);
    BIGNUM *n = NULL, *s = BN_bin2bn(bytes.data + bytes.len - 48, 48, NULL);
    assert_int_not_equal(BN_hex2bn(&n, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
                                       "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973"),
                         0);
    assert_int_equal(BN_sub(s, n, s), 1);
    assert_int_equal(BN_bn2binpad(s, bytes.data + bytes.len - 48, 48), 48);
    BN_free(n);
    BN_free(s);
    assert_ok(judge(buf_view(&bytes), &policy));
}

/* Every 40th byte of each, at a place that differs from document to document; test_document.c turns every byte of its
   own. */
static void flipped(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(genuine); i++) {
        AUTO_BUF struct buf bytes = vector_must(genuine[i].file);
        struct attest_policy policy = policy_for(&genuine[i]);
        for (size_t at = 4 * i; at < bytes.len; at += 40) {
            bytes.data[at] ^= (uint8_t)(1 << at % 8);
            assert_int_not_equal(judge(buf_view(&bytes), &policy), OK);
            bytes.data[at] ^= (uint8_t)(1 << at % 8);
        }
    }
}

static void cut(void **state UNUSED)
{
    AUTO_BUF struct buf bytes = vector_must(genuine[9].file);
    struct document d;
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_not_equal(document_read(view_of(bytes.data, n), &d, NULL), OK);
    assert_ok(buf_put_u8(&bytes, 0));
    assert_err(document_read(buf_view(&bytes), &d, NULL), ERR_DOC_MALFORMED);
}

/* `req NAME [index=N]...: HEX` and `resp NAME ...: HEX` of the vectors' own text: which of them are read as what. */
static enum nsm_op op_of(const char *line)
{
    static const char *const names[NSM_OPS_] = {"DescribeNSM", "DescribePCR", "ExtendPCR", "LockPCR",
                                                "LockPCRs",    "Attestation", "GetRandom"};
    unsigned op = 0;
    while (op < NSM_OPS_ &&
           (strncmp(line, names[op], strlen(names[op])) != 0 || strchr(" :", line[strlen(names[op])]) == NULL))
        op++;
    return (enum nsm_op)op;
}

static void check_request(const char *name, struct view bytes)
{
    uint8_t room[256];
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    struct nsm_request q;
    struct view again = {0};
    assert_ok(nsm_request_read(bytes, &q));
    assert_int_equal(q.op, op_of(name));
    assert_ok(nsm_request_write(&q, &w));
    assert_ok(cbor_written(&w, &again));
    assert_true(view_equal(again, bytes)); /* byte for byte what AWS's client sends */
}

static void check_response(const char *name, struct view bytes)
{
    bool error = strncmp(name, "Error ", 6) == 0;
    struct nsm_response p;
    assert_ok(nsm_response_read(bytes, error ? NSM_LOCK_PCR : op_of(name), &p));
    assert_int_equal(p.error != NSM_SUCCESS, error);
}

static void messages(void **state UNUSED)
{
    AUTO_BUF struct buf text = vector_must("nsm-cbor.txt");
    unsigned requests = 0, responses = 0;
    assert_ok(buf_put_u8(&text, 0));
    for (char *line = strtok((char *)text.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        uint8_t bytes[256];
        struct view v = hex_view(strrchr(line, ' ') + 1, bytes);
        if (strncmp(line, "req ", 4) == 0) {
            check_request(line + 4, v);
            requests++;
        } else {
            assert_memory_equal(line, "resp ", 5);
            check_response(line + 5, v);
            responses++;
        }
    }
    assert_int_equal(requests, 9);
    assert_int_equal(responses, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),        cmocka_unit_test(archived), cmocka_unit_test(at_a_time),
        cmocka_unit_test(other_root),    cmocka_unit_test(corrupt),  cmocka_unit_test(sig_structure),
        cmocka_unit_test(written_again), cmocka_unit_test(twin),     cmocka_unit_test(flipped),
        cmocka_unit_test(cut),           cmocka_unit_test(messages),
    };
    return vectors_absent() ? SKIPPED : cmocka_run_group_tests_name("attest vectors", tests, NULL, NULL);
}
