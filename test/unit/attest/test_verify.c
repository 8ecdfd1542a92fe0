/* What each check of the policy says, with everything else right. */
#include "attest/verify.h"
#include "forge.h"

static struct forge forge;
static uint8_t root[SHA256_LEN];

static int start(void **state UNUSED)
{
    forge_chain(&forge, forge_good);
    assert_ok(sha256_of(forge.der[0].data, forge.der[0].len, root));
    return 0;
}

static int finish(void **state UNUSED)
{
    forge_done(&forge);
    return 0;
}

static struct attest_policy policy(void)
{
    return (struct attest_policy){
        .root = root, .any_image = true, .now_ms = FORGE_NOW * 1000, .max_age_ms = ATTEST_MAX_AGE_MS};
}

/* Signs, reads, verifies; exactly this one failure, or none for OK. */
static void assert_verdict(const struct document *d, const struct attest_policy *p, err_t verdict)
{
    for (enum document_map map = DOCUMENT_MAP_SIZED; map <= DOCUMENT_MAP_OPEN; map++) {
        AUTO_BUF struct buf bytes = BUF_WITH(DOCUMENT_MAX);
        struct document read;
        struct attest_report report;
        forge_sign(&forge, d, map, &bytes);
        assert_ok(document_read(buf_view(&bytes), &read, NULL));
        assert_err(attest_verify(&read, p, &report), verdict);
        assert_int_equal(report.n, verdict != OK);
        if (verdict != OK) {
            assert_int_equal(report.failed[0].code, verdict);
            assert_int_not_equal(strlen(report.failed[0].why.text), 0);
        }
    }
}

static void good(void **state UNUSED)
{
    struct document d = forge_document(&forge);
    struct attest_policy p = policy();
    assert_verdict(&d, &p, OK);
    p.archived = true;
    p.now_ms = 0;
    assert_verdict(&d, &p, OK);
}

static void roots(void **state UNUSED)
{
    struct document d = forge_document(&forge);
    struct attest_policy p = policy();
    p.root = attest_aws_root;
    assert_verdict(&d, &p, ERR_DOC_ROOT);
}

static void times(void **state UNUSED)
{
    static const struct {
        int64_t now_ms; /* after the document's time */
        err_t verdict;
    } rows[] = {{0, OK}, {300000, OK}, {300001, ERR_DOC_TIME}, {-60000, OK}, {-60001, ERR_DOC_TIME}};
    struct document d = forge_document(&forge);
    struct attest_policy p = policy();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        p.now_ms = d.timestamp_ms + (uint64_t)rows[i].now_ms;
        assert_verdict(&d, &p, rows[i].verdict);
    }
}

/* A document from before its certificate's life, looked at within it: only what is said about the document is wrong. */
static void outside_the_leaf(void **state UNUSED)
{
    struct document d = forge_document(&forge);
    struct attest_policy p = policy();
    p.max_age_ms = UINT64_C(4) * 3600 * 1000;
    d.timestamp_ms = (FORGE_NOW - 3600) * 1000;
    assert_verdict(&d, &p, OK);
    d.timestamp_ms--;
    assert_verdict(&d, &p, ERR_DOC_TIME);
    d.timestamp_ms = (FORGE_NOW + 3600) * 1000 + 1000;
    p.now_ms = (FORGE_NOW + 3600) * 1000 - 1000;
    assert_verdict(&d, &p, ERR_DOC_TIME);
}

static void simulated(void **state UNUSED)
{
    static const struct {
        const char *id;
        err_t verdict;
    } rows[] = {{"sim-1", ERR_DOC_SIMULATED}, {"sim-", ERR_DOC_SIMULATED}, {"sim", OK}, {"Sim-1", OK}, {"i-sim-1", OK}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct document d = forge_document(&forge);
        struct attest_policy p = policy();
        d.module_id = text_view(rows[i].id);
        assert_verdict(&d, &p, rows[i].verdict);
        p.allow_simulated = true;
        assert_verdict(&d, &p, OK);
    }
}

static void debug(void **state UNUSED)
{
    static const uint8_t zero[PCR_LEN];
    for (size_t i = 0; i < 4; i++) {
        struct document d = forge_document(&forge);
        struct attest_policy p = policy();
        d.pcr[i] = view_of(zero, PCR_LEN);
        assert_verdict(&d, &p, i < 3 ? ERR_DOC_DEBUG : OK);
        d.pcr[i] = view_of(NULL, 0);
        assert_verdict(&d, &p, i < 3 ? ERR_DOC_DEBUG : OK);
        p.allow_debug = true;
        assert_verdict(&d, &p, OK);
    }
}

static void images(void **state UNUSED)
{
    struct attest_pcr pcrs[] = {{.index = 0}, {.index = 1}, {.index = 2}, {.index = 15}, {.index = 16}, {.index = 255}};
    struct document d = forge_document(&forge);
    struct attest_policy p = policy();
    for (size_t i = 0; i < COUNT_OF(pcrs); i++)
        memset(pcrs[i].value, pcrs[i].index + 1, PCR_LEN);
    p.any_image = false;
    for (size_t n = 0; n < 3; n++) { /* none, one, two of three */
        p.n_pcrs = n;
        p.pcrs = pcrs;
        assert_verdict(&d, &p, ERR_DOC_POLICY);
    }
    p.any_image = true;
    for (size_t n = 0; n < 4; n++) { /* one or two of three passed for an image that was compared */
        p.n_pcrs = n;
        assert_verdict(&d, &p, n == 0 || n == 3 ? OK : ERR_DOC_POLICY);
    }
    p.any_image = false;
    p.n_pcrs = 3;
    assert_verdict(&d, &p, OK);
    p.n_pcrs = 4;
    assert_verdict(&d, &p, OK);
    for (size_t i = 0; i < 4; i++) {
        pcrs[i].value[PCR_LEN - 1] ^= 1;
        assert_verdict(&d, &p, ERR_DOC_PCR);
        pcrs[i].value[PCR_LEN - 1] ^= 1;
    }
    p.n_pcrs = 5; /* not in the document */
    assert_verdict(&d, &p, ERR_DOC_PCR);
    pcrs[4] = pcrs[5];
    assert_verdict(&d, &p, ERR_DOC_PCR);
    p.any_image = true;
    assert_verdict(&d, &p, ERR_DOC_PCR); /* what is named is compared all the same */
}

/* The three claims behave alike. */
static void claims(void **state UNUSED)
{
    static const struct {
        size_t in_document;
        size_t in_policy;
        err_t code;
    } rows[] = {
        {offsetof(struct document, nonce), offsetof(struct attest_policy, nonce), ERR_DOC_NONCE},
        {offsetof(struct document, user_data), offsetof(struct attest_policy, user_data), ERR_DOC_USER_DATA},
        {offsetof(struct document, public_key), offsetof(struct attest_policy, public_key), ERR_DOC_PUBLIC_KEY},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct document d = forge_document(&forge);
        struct attest_policy p = policy();
        struct view *have = (struct view *)(void *)((char *)&d + rows[i].in_document);
        struct view *want = (struct view *)(void *)((char *)&p + rows[i].in_policy);
        *want = text_view("claim");
        assert_verdict(&d, &p, rows[i].code); /* absent */
        *have = text_view("claim");
        assert_verdict(&d, &p, OK);
        *want = text_view("claims");
        assert_verdict(&d, &p, rows[i].code);
        *want = text_view("Claim");
        assert_verdict(&d, &p, rows[i].code);
        *want = text_view("");
        assert_verdict(&d, &p, rows[i].code);
        *want = view_of(NULL, 0);
        assert_verdict(&d, &p, OK);
    }
}

static void signatures(void **state UNUSED)
{
    AUTO_BUF struct buf bytes = BUF_WITH(DOCUMENT_MAX);
    struct document d = forge_document(&forge), read;
    struct attest_policy p = policy();
    struct attest_report report;
    forge_sign(&forge, &d, DOCUMENT_MAP_OPEN, &bytes);
    bytes.data[bytes.len - 1] ^= 1;
    assert_ok(document_read(buf_view(&bytes), &read, NULL));
    assert_err(attest_verify(&read, &p, &report), ERR_DOC_SIGNATURE);
    assert_int_equal(report.n, 1);
}

/* Everything wrong at once: every check speaks, in its order. */
static void everything(void **state UNUSED)
{
    static const err_t codes[] = {ERR_DOC_ROOT,      ERR_DOC_CERT_TIME, ERR_DOC_SIGNATURE, ERR_DOC_TIME,
                                  ERR_DOC_SIMULATED, ERR_DOC_DEBUG,     ERR_DOC_POLICY,    ERR_DOC_PCR,
                                  ERR_DOC_NONCE,     ERR_DOC_USER_DATA, ERR_DOC_PUBLIC_KEY};
    static const struct attest_pcr pcr = {.index = 31};
    AUTO_BUF struct buf bytes = BUF_WITH(DOCUMENT_MAX);
    struct document d = forge_document(&forge), read;
    struct attest_report report;
    struct attest_policy p = {.root = attest_aws_root,
                              .pcrs = &pcr,
                              .n_pcrs = 1,
                              .nonce = text_view("x"),
                              .user_data = text_view("x"),
                              .public_key = text_view("x")};
    d.module_id = text_view("sim-");
    d.pcr[0] = view_of(NULL, 0);
    forge_sign(&forge, &d, DOCUMENT_MAP_OPEN, &bytes);
    bytes.data[bytes.len - 1] ^= 1;
    assert_ok(document_read(buf_view(&bytes), &read, NULL));
    assert_err(attest_verify(&read, &p, &report), ERR_DOC_ROOT);
    assert_int_equal(report.n, COUNT_OF(codes));
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        assert_int_equal(report.failed[i].code, codes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),       cmocka_unit_test(roots),
        cmocka_unit_test(times),      cmocka_unit_test(outside_the_leaf),
        cmocka_unit_test(simulated),  cmocka_unit_test(debug),
        cmocka_unit_test(images),     cmocka_unit_test(claims),
        cmocka_unit_test(signatures), cmocka_unit_test(everything),
    };
    return cmocka_run_group_tests_name("attest verify", tests, start, finish);
}
