/* The supervisor's messages, TLS signatures, and the end. */
#include "stage.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/wait.h>

static void test_orderly_end(void **state)
{
    (void)state; /* the teardown does it */
}

static void test_ready(void **state)
{
    struct stage *s = *state;
    const unsigned char *at = s->identity.certificate;
    X509 *c = d2i_X509(NULL, &at, (long)s->identity.certificate_len);
    assert_non_null(c);
    assert_int_equal(X509_check_ip_asc(c, "::1", 0), 1);
    X509_free(c);
    struct stage_front f;
    struct stage_infer i;
    stage_front_new(s, 1, &f);
    stage_infer_new(s, 1, &i);
    stage_round(s, &f, &i);
    stage_front_done(&f);
    stage_infer_done(&i);
}

/* The request that an authority would sign: our TLS key, our names. */
static void test_certificate_request(void **state)
{
    struct stage *s = *state;
    const struct msg_keeper_ask ask = {.request = 12};
    struct wire_msg m = WIRE_MSG_NONE;
    assert_ok(wire_send(&s->control, MSG_KEEPER_ASK_CSR, &ask, NOTHING, NULL, 0));
    stage_wait_readable(&s->control);
    assert_ok(wire_recv(&s->control, &s->inbox, false, &m));
    assert_int_equal(m.type, MSG_KEEPER_CSR);
    assert_int_equal(((const struct msg_keeper_ask *)m.fixed)->request, 12);
    const unsigned char *at = m.tail.data, *cert = s->identity.certificate;
    X509_REQ *r = d2i_X509_REQ(NULL, &at, (long)m.tail.len);
    X509 *c = d2i_X509(NULL, &cert, (long)s->identity.certificate_len);
    assert_non_null(r);
    assert_ptr_equal(at, m.tail.data + m.tail.len);
    assert_int_equal(X509_REQ_verify(r, X509_get0_pubkey(c)), 1);
    assert_int_equal(EVP_PKEY_eq(X509_REQ_get0_pubkey(r), X509_get0_pubkey(c)), 1);
    assert_int_equal(X509_NAME_cmp(X509_REQ_get_subject_name(r), X509_get_subject_name(c)), 0);
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(r);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
    assert_int_equal(sk_GENERAL_NAME_num(names), 3);
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(r);
    X509_free(c);
}

/* Signs for every front, and with the certificate's key. */
static void test_signs(void **state)
{
    struct stage *s = *state;
    struct stage_front f[2];
    const unsigned char *at = s->identity.certificate;
    X509 *c = d2i_X509(NULL, &at, (long)s->identity.certificate_len);
    assert_non_null(c);
    stage_front_new(s, 1, &f[0]);
    stage_front_new(s, 2, &f[1]);
    for (unsigned n = 0; n < 40; n++) {
        uint8_t room[160], der[80];
        size_t len = 0;
        struct view text = stage_handshake(room, n % 3 == 0 ? 48 : 32);
        assert_true(stage_sign(&f[n % 2], text, der, &len));
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, X509_get0_pubkey(c)), 1);
        assert_int_equal(EVP_DigestVerify(ctx, der, len, text.data, text.len), 1);
        EVP_MD_CTX_free(ctx);
    }
    X509_free(c);
    stage_front_done(&f[0]);
    stage_front_done(&f[1]);
}

/* A front that wants something else signed is cut off and named; the next one is served. */
static void test_signs_nothing_else(void **state)
{
    struct stage *s = *state;
    struct stage_front bad, good;
    struct stage_infer i;
    uint8_t room[160], der[80];
    size_t n = 0;
    stage_infer_new(s, 1, &i);
    stage_front_new(s, 1, &bad);
    struct view text = stage_handshake(room, 32);
    room[0] = 'x';
    assert_false(stage_sign(&bad, text, der, &n));
    stage_front_cut(&bad);
    stage_accused(s, 0, 1, ERR_NOT_PERMITTED);
    stage_front_die(s, &bad);
    stage_front_new(s, 2, &good);
    stage_round(s, &good, &i);
    stage_front_done(&good);
    stage_infer_done(&i);
}

/* What the supervisor must not do ends the process: there is nobody else to believe. */
static void expect_end(struct stage *s)
{
    int status = stage_wait(s);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void test_start_comes_first(void **state)
{
    (void)state;
    struct stage s;
    struct msg_keeper_front front = {.generation = 1};
    stage_open(&s);
    assert_ok(wire_send(&s.control, MSG_KEEPER_FRONT_GONE, &front, NOTHING, NULL, 0));
    expect_end(&s);
    stage_free(&s);
}

static void test_supervisor_goes_at_once(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s);
    wire_end_close(&s.control);
    assert_int_equal(stage_wait(&s), 0);
    stage_free(&s);
}

static void test_start_comes_once(void **state)
{
    struct stage *s = *state;
    assert_ok(wire_send(&s->control, MSG_KEEPER_START, &s->start, view_of("a", 2), &s->log_fd, 1));
    expect_end(s);
}

static void test_numbers_are_unique(void **state)
{
    struct stage *s = *state;
    struct stage_infer a, b;
    stage_infer_known(s, 5, &a);
    stage_infer_known(s, 5, &b);
    expect_end(s);
    stage_infer_done(&a);
    stage_infer_done(&b);
}

static void test_sealed_once(void **state)
{
    struct stage *s = *state;
    struct stage_infer i;
    stage_infer_new(s, 5, &i);
    stage_infer_sealed(s, &i, view_of("engine", 6));
    expect_end(s);
    stage_infer_done(&i);
}

static void test_only_known_ones_go(void **state)
{
    struct stage *s = *state;
    struct msg_keeper_infer_gone gone = {.infer = 9};
    assert_ok(wire_send(&s->control, MSG_KEEPER_INFER_GONE, &gone, NOTHING, NULL, 0));
    expect_end(s);
}

/* Facts that cannot stand in a statement are the infer's fault, and nobody else's. */
static void test_facts_that_do_not_fit(void **state)
{
    static const struct {
        const char *engine;
        size_t engine_len;
        uint8_t file_cid_len;
    } bad[] = {
        {"", 0, 34}, {"a\nb", 3, 34}, {"a\0b", 3, 34}, {"\x7f", 1, 34}, {"\xc3\xa9", 2, 34}, {"engine", 6, 0}, {"engine", 6, 33},
    };
    struct stage *s = *state;
    struct stage_front f;
    struct stage_infer good, i;
    stage_front_new(s, 1, &f);
    stage_infer_new(s, 1, &good);
    for (uint32_t n = 0; n < COUNT_OF(bad); n++) {
        stage_infer_known(s, 100 + n, &i);
        i.sealed.file_cid_len = bad[n].file_cid_len;
        stage_infer_sealed(s, &i, view_of(bad[n].engine, bad[n].engine_len));
        stage_accused(s, 100 + n, 0, ERR_RECEIPT_MALFORMED);
        stage_infer_cut(&i);
        (void)stage_ticket(&f, 100 + n, &STAGE_NO_NONCE); /* the front cannot know */
        stage_round(s, &f, &good);
        stage_infer_gone(s, &i);
    }
    stage_round(s, &f, &good);
    stage_front_done(&f);
    stage_infer_done(&good);
}

/* What was asked for came from a front, through the supervisor; an honest infer would not have found it. */
static void test_asked_that_does_not_fit(void **state)
{
    struct stage *s = *state;
    AUTO(wire_end_close) struct wire_end keeper = {.fd = -1}, report = {.fd = -1};
    struct msg_keeper_infer known = {.infer = 3, .asked = {.cid_len = 36, .path_len = 2, .path = "\xff\xfe"}};
    struct stage_infer i = {.number = 3, .sealed = {.infer = 3, .file_cid_len = 34}};
    assert_ok(wire_pair(CHAN_REPORT, &keeper, &report));
    assert_ok(wire_send(&s->control, MSG_KEEPER_INFER, &known, NOTHING, &keeper.fd, 1));
    stage_infer_sealed(s, &i, view_of("engine", 6));
    stage_accused(s, 3, 0, ERR_RECEIPT_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_orderly_end, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_ready, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_certificate_request, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_signs, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_signs_nothing_else, stage_setup, stage_teardown),
        cmocka_unit_test(test_start_comes_first),
        cmocka_unit_test(test_supervisor_goes_at_once),
        cmocka_unit_test_setup_teardown(test_start_comes_once, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_numbers_are_unique, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_sealed_once, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_only_known_ones_go, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_facts_that_do_not_fit, stage_setup, stage_teardown),
        cmocka_unit_test_setup_teardown(test_asked_that_does_not_fit, stage_setup, stage_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
