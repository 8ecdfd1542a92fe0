/* The order and the words are nitriding's, seen on a running one. */
#include "front/nonce_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define FORM    "failed to parse POST form data"
#define MISSING "could not find nonce in URL query parameters"
#define FORMAT  "unexpected nonce format; must be 40-digit hex string"
#define LENGTH  "slice is not of same length as nonce"

#define HEX16 "000102030405060708090a0b0c0d0e0f"
#define HEX20 HEX16 "10111213"
#define HEX64                                                                                                          \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637" \
    "38"                                                                                                               \
    "393a3b3c3d3e3f"

static void test_refusals(void **state)
{
    static const struct {
        const char *query;
        const char *sentence;
    } rows[] = {
        {"", MISSING},
        {"nonce", MISSING},
        {"nonce=", MISSING},
        {"nonce=&nonce=" HEX20, MISSING},
        {"nonce&nonce=" HEX20, MISSING},
        {"Nonce=" HEX20, MISSING},
        {"nonc=" HEX20, MISSING},
        {"nonces=" HEX20, MISSING},
        {"=" HEX20, MISSING},
        {"&&", MISSING},
        {"nonce%3d" HEX20, MISSING},
        {"nonce=" HEX20 "&a=%", FORM},
        {"nonce=" HEX20 "&a=%4", FORM},
        {"nonce=" HEX20 "&a=%4&4", FORM},
        {"nonce=" HEX20 "&a=%zz", FORM},
        {"nonce=" HEX20 "&%zz=a", FORM},
        {"nonce=" HEX20 ";a=b", FORM},
        {"a;b", FORM},
        {";", FORM},
        {"nonce=xyz&%", FORM},
        {"nonce=0", FORMAT},
        {"nonce=" HEX20 "0", FORMAT},
        {"nonce=" HEX20 "0g", FORMAT},
        {"nonce=" HEX64 HEX64 "g", FORMAT},
        {"nonce=+" HEX20, FORMAT},
        {"nonce=" HEX20 "+", FORMAT},
        {"nonce=" HEX20 "%00", FORMAT},
        {"nonce=0x" HEX16 "00", FORMAT},
        {"nonce==" HEX20, FORMAT},
        {"nonce=%2530" HEX20, FORMAT},
        {"nonce=00", LENGTH},
        {"nonce=0102030405060708090a0b0c0d0e0f", LENGTH},
        {"nonce=00" HEX64, LENGTH},
        {"nonce=" HEX64 HEX64 HEX64, LENGTH},
        {"nonce=00&nonce=" HEX20, LENGTH},
    };
    struct wire_nonce nonce;
    (void)state;
    for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
        const char *got = nonce_query(view_of(rows[n].query, strlen(rows[n].query)), &nonce);
        if (got == NULL || strcmp(got, rows[n].sentence) != 0)
            fail_msg("%s: %s", rows[n].query, got != NULL ? got : "accepted");
        assert_int_equal(nonce.len, 0);
    }
    assert_string_equal(nonce_query((struct view){0}, &nonce), MISSING);
}

static void test_nonces(void **state)
{
    static const struct {
        const char *query;
        size_t len;
    } rows[] = {
        {"nonce=" HEX16, 16},
        {"nonce=" HEX20, 20},
        {"nonce=" HEX64, 64},
        {"nonce=000102030405060708090A0B0C0D0E0F10111213", 20},
        {"a=b&&nonce=" HEX20 "&nonce=zz&c", 20},
        {"%6eonc%65=%30"
         "00102030405060708090%61%30b0c0d0e0f10111213",
         20},
    };
    struct wire_nonce nonce;
    (void)state;
    for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
        const char *got = nonce_query(view_of(rows[n].query, strlen(rows[n].query)), &nonce);
        if (got != NULL)
            fail_msg("%s: %s", rows[n].query, got);
        assert_int_equal(nonce.len, rows[n].len);
        for (unsigned at = 0; at < NONCE_MAX; at++)
            assert_int_equal(nonce.bytes[at], at < rows[n].len ? at : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals), cmocka_unit_test(test_nonces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
