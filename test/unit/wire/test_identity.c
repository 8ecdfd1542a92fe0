/* A node's identity between two processes. */
#include "wire/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct identity good(void)
{
    struct identity i = {.kind = 1,
                         .module_id = "i-1234-enc5678",
                         .certificate_len = CERT_MAX,
                         .keyset_len = 1,
                         .rsa_len = 294,
                         .document_len = MODULE_DOCUMENT_MAX,
                         .chain_len = CERT_MAX};
    memset(i.checks, CHECK_HOLDS, sizeof(i.checks));
    memset(i.pcr, 0x77, sizeof(i.pcr));
    memset(i.certificate, 0x30, sizeof(i.certificate));
    return i;
}

static void test_travels(void **state)
{
    (void)state;
    static struct identity i;
    int fd = -1;
    struct map map = {0};
    const struct identity *got = NULL;
    i = good();
    assert_int_equal(identity_seal(&i, &fd), OK);
    assert_int_equal(identity_map(fd, &map, &got), OK);
    assert_memory_equal(got, &i, sizeof(i));
    assert_int_equal(identity_certificate(got).len, CERT_MAX);
    assert_int_equal(identity_keyset(got).len, 1);
    assert_int_equal(identity_rsa(got).len, 294);
    assert_int_equal(identity_document(got).len, MODULE_DOCUMENT_MAX);
    assert_true(write(fd, "x", 1) < 0);
    map_done(&map);
    fd_close(&fd);
}

static void refuse(const struct identity *i)
{
    int fd = -1;
    struct map map = {0};
    const struct identity *got = NULL;
    assert_int_equal(identity_check(i), ERR_PROTOCOL);
    assert_int_equal(identity_seal(i, &fd), OK);
    assert_int_equal(identity_map(fd, &map, &got), ERR_PROTOCOL);
    assert_null(map.addr);
    fd_close(&fd);
}

static void test_lengths(void **state)
{
    (void)state;
    static const size_t at[] = {offsetof(struct identity, certificate_len), offsetof(struct identity, keyset_len),
                                offsetof(struct identity, rsa_len), offsetof(struct identity, document_len)};
    static const uint32_t max[] = {CERT_MAX, IDENTITY_KEYSET, IDENTITY_RSA, MODULE_DOCUMENT_MAX};
    for (size_t n = 0; n < COUNT_OF(at); n++) {
        const uint32_t bad[] = {0, max[n] + 1, UINT32_MAX};
        for (size_t b = 0; b < COUNT_OF(bad); b++) {
            struct identity i = good();
            memcpy((uint8_t *)&i + at[n], &bad[b], sizeof(bad[b]));
            refuse(&i);
        }
    }
}

/* The leaf is a part of the chain, perhaps all of it. */
static void test_chain(void **state)
{
    (void)state;
    struct identity i = good();
    i.certificate_len = 1000;
    i.chain_len = 3000;
    assert_int_equal(identity_check(&i), OK);
    assert_int_equal(identity_certificate(&i).len, 1000);
    assert_int_equal(identity_chain(&i).len, 3000);
    assert_ptr_equal(identity_chain(&i).data, identity_certificate(&i).data);
    i.chain_len = 999;
    refuse(&i);
    i.chain_len = CERT_MAX + 1;
    refuse(&i);
}

/* Only a simulated node may lack a check, and only the image may be a debugger's. */
static void test_results(void **state)
{
    (void)state;
    for (uint32_t kind = 1; kind <= 2; kind++)
        for (unsigned check = 0; check < CHECKS_; check++)
            for (unsigned result = 0; result <= CHECK_RESULTS_; result++) {
                struct identity i = good();
                i.kind = kind;
                i.checks[check] = (uint8_t)result;
                bool may = result == CHECK_HOLDS || (result == CHECK_NOT_MADE && kind == 2) ||
                           (result == CHECK_DEBUG && check == CHECK_IMAGE);
                assert_int_equal(identity_check(&i), may ? OK : ERR_PROTOCOL);
            }
}

static void test_kind_and_module(void **state)
{
    (void)state;
    struct identity i = good();
    i.kind = 0;
    refuse(&i);
    i.kind = 3;
    refuse(&i);
    i = good();
    memset(i.module_id, 0, sizeof(i.module_id));
    refuse(&i);
    memset(i.module_id, 'i', sizeof(i.module_id));
    refuse(&i);
    i = good();
    i.module_id[3] = '\n';
    refuse(&i);
}

static void test_seals_and_size(void **state)
{
    (void)state;
    static struct identity i;
    struct map map = {0};
    const struct identity *got = NULL;
    int fd = -1;
    i = good();
    assert_int_equal(memfd_new("identity", 0, &fd), OK);
    assert_int_equal(fd_write_all(fd, &i, sizeof(i)), OK);
    assert_int_equal(identity_map(fd, &map, &got), ERR_SEALS_MISSING);
    assert_int_equal(fd_write_all(fd, "x", 1), OK);
    assert_int_equal(memfd_seal(fd, SEALS_FILE), OK);
    assert_int_not_equal(identity_map(fd, &map, &got), OK);
    fd_close(&fd);
}

static void test_names(void **state)
{
    (void)state;
    for (size_t a = 0; a < CHECKS_; a++) {
        assert_int_equal(strspn(identity_checks[a].name, "abcdefghijklmnopqrstuvwxyz-"),
                         strlen(identity_checks[a].name));
        for (size_t b = 0; b < a; b++)
            assert_string_not_equal(identity_checks[a].name, identity_checks[b].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_travels),         cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_chain),           cmocka_unit_test(test_results),
        cmocka_unit_test(test_kind_and_module), cmocka_unit_test(test_seals_and_size), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
