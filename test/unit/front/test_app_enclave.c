/* Documents that clients ask for, with the keeper played by the test. */
#include "world.h"

#define NONCE  "000102030405060708090a0b0c0d0e0f10111213"
#define TARGET "/enclave/attestation?nonce=" NONCE

static void expect_plain(struct client *c, int status, const char *body)
{
    assert_int_equal(status_of(c), status);
    assert_string_equal(strstr(last_answer(), "\r\n\r\n") + 4, body);
    assert_non_null(strstr(last_answer(), "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
}

static void test_document(void **state)
{
    struct client *c = get(TARGET);
    (void)state;
    const struct msg_document_ask ask = *keeper_asked();
    assert_int_equal(ask.nonce.len, 20);
    for (unsigned n = 0; n < 20; n++)
        assert_int_equal(ask.nonce.bytes[n], n);
    assert_int_equal(status_of(c), 0);
    keeper_proves(ask.id, OK, view_of("foobar\xff", 7)); /* RFC 4648 §10, and one byte */
    expect_plain(c, 200, "Zm9vYmFy/w==\n");
    assert_null(strstr(last_answer(), "nosniff"));
}

static void test_largest_document(void **state)
{
    static uint8_t document[MODULE_DOCUMENT_MAX];
    struct client *c = get(TARGET);
    (void)state;
    keeper_proves(keeper_asked()->id, OK, view_of(document, sizeof(document)));
    assert_int_equal(status_of(c), 200);
    assert_int_equal(strlen(strstr(last_answer(), "\r\n\r\n") + 4), MODULE_DOCUMENT_MAX / 3 * 4 + 1);
}

/* In the order that nitriding looks; the whole table stands in test_nonce_query.c. */
static void test_bad_nonces(void **state)
{
    static const char *const rows[][2] = {
        {"/enclave/attestation?nonce=zz;", "failed to parse POST form data\n"},
        {"/enclave/attestation", "could not find nonce in URL query parameters\n"},
        {"/enclave/attestation?nonce=zz", "unexpected nonce format; must be 40-digit hex string\n"},
        {"/enclave/attestation?nonce=00", "slice is not of same length as nonce\n"},
    };
    (void)state;
    for (size_t n = 0; n < COUNT_OF(rows); n++) {
        expect_plain(get(rows[n][0]), 400, rows[n][1]);
        assert_non_null(strstr(last_answer(), "\r\nX-Content-Type-Options: nosniff\r\n"));
    }
    keeper_asked_nothing();
}

static void test_keeper_refuses(void **state)
{
    struct client *first = get(TARGET), *second = get(TARGET);
    (void)state;
    uint32_t id = keeper_asked()->id;
    keeper_proves(keeper_asked()->id, ERR_OVERLOADED, view_of(NULL, 0)); /* that is said at once */
    expect_error(second, 503, "OVERLOADED");
    assert_int_equal(retry_after(), 1);
    assert_int_equal(status_of(first), 0);
    keeper_proves(id, ERR_NSM_FAILED, view_of(NULL, 0));
    expect_plain(first, 500, "failed to obtain attestation document from hypervisor\n");
}

static void test_hung_module(void **state)
{
    struct client *c = get(TARGET);
    (void)state;
    uint32_t id = keeper_asked()->id;
    turn_for(700);
    assert_int_equal(status_of(c), 0);
    turn_for(500);
    expect_error(c, 503, "KEEPER_BUSY");
    assert_int_equal(retry_after(), 1);
    keeper_proves(id, OK, view_of("late", 4));
    assert_int_equal(status_of(c), 0);
    c = get(TARGET);
    keeper_proves(keeper_asked()->id, OK, view_of("foo", 3));
    expect_plain(c, 200, "Zm9v\n");
}

static void test_client_leaves(void **state)
{
    struct client *c = get(TARGET), *other = get(TARGET);
    (void)state;
    uint32_t gone = keeper_asked()->id, id = keeper_asked()->id;
    leave(c);
    turn();
    keeper_proves(gone, OK, view_of("bar", 3));
    keeper_proves(id, OK, view_of("foo", 3));
    expect_plain(other, 200, "Zm9v\n");
}

static void test_too_many(void **state)
{
    struct client *c[PROOFS_MAX];
    uint32_t ids[PROOFS_MAX];
    (void)state;
    for (unsigned n = 0; n < PROOFS_MAX; n++) {
        c[n] = get(TARGET);
        ids[n] = keeper_asked()->id;
        assert_true(n == 0 || ids[n] != ids[n - 1]);
    }
    expect_error(get(TARGET), 503, "OVERLOADED");
    keeper_asked_nothing();
    leave(c[0]);
    turn();
    c[0] = get(TARGET);
    ids[0] = keeper_asked()->id;
    for (unsigned n = 0; n < PROOFS_MAX; n++) {
        keeper_proves(ids[n], OK, view_of("foo", 3));
        expect_plain(c[n], 200, "Zm9v\n");
    }
}

/* A socket that is full loses nothing and blocks nobody. */
static void test_keeper_does_not_read(void **state)
{
    (void)state;
    w.app->last_proof = UINT32_MAX - 1;
    for (unsigned n = 0; n < 200; n++) {
        struct client *c = get(TARGET);
        if (status_of(c) != 503)
            leave(c);
        turn();
    }
    assert_int_equal(keeper_asked()->id, UINT32_MAX);
    assert_int_equal(keeper_asked()->id, 1);
}

static void test_budget(void **state)
{
    static const uint8_t document[3 * KIB];
    struct client *c = get(TARGET);
    (void)state;
    w.app->transfer.limit = w.app->transfer.used + 4 * KIB;
    keeper_proves(keeper_asked()->id, OK, view_of(document, sizeof(document)));
    expect_error(c, 503, "OVERLOADED");
    c = get(TARGET);
    keeper_proves(keeper_asked()->id, OK, view_of(document, sizeof(document) - 3));
    assert_int_equal(status_of(c), 200);
}

static void test_index(void **state)
{
    (void)state;
    assert_int_equal(status_of(get("/enclave")), 200);
    assert_non_null(strstr(last_answer(), "SIMULATES"));
    w.identity.kind = 1;
    expect_plain(get("/enclave"), 200, "This host runs inside an AWS Nitro Enclave.\n\n");
    assert_int_equal(status_of(get("/enclave/")), 404);
}

static void test_paths(void **state)
{
    static const struct {
        const char *path;
        const char *type;
        const char *begin;
    } rows[] = {
        {"/enclave/config", "text/plain; charset=utf-8", "{\n  \"node\": {"},
        {"/.well-known/veronnx", "application/json", "{\"simulated\":true,"},
        {"/signing-key", "application/json", "{\"public_key\":\"-----BEGIN PUBLIC KEY-----\\n"},
    };
    char text[128];
    (void)state;
    for (size_t n = 0; n < COUNT_OF(rows); n++) {
        assert_int_equal(status_of(get(rows[n].path)), 200);
        (void)snprintf(text, sizeof(text), "\r\nContent-Type: %s\r\n", rows[n].type);
        assert_non_null(strstr(last_answer(), text));
        assert_memory_equal(strstr(last_answer(), "\r\n\r\n") + 4, rows[n].begin, strlen(rows[n].begin));
        struct client *c = get("/healthz");
        assert_int_equal(status_of(c), 200);
        (void)snprintf(text, sizeof(text), "DELETE %s HTTP/1.1\r\nHost: x\r\n\r\n", rows[n].path);
        say(c, text);
        expect_error(c, 405, "METHOD_NOT_ALLOWED");
        assert_non_null(strstr(last_answer(), "\r\nAllow: GET, HEAD\r\n"));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_document),    TEST(test_largest_document),
        TEST(test_bad_nonces),  TEST(test_keeper_refuses),
        TEST(test_hung_module), TEST(test_client_leaves),
        TEST(test_too_many),    TEST(test_keeper_does_not_read),
        TEST(test_budget),      TEST(test_index),
        TEST(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
