/* Signatures in DER (X.690): what is one and what is none, by hand; and random ones that OpenSSL writes. */
#include "receipt/ecdsa.h"

#include <openssl/rand.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PART 2

static const struct {
    const char *what;
    size_t len;
    const char *der;
    const char *signature; /* NULL: it is none */
} rows[] = {
    {"both short", 8, "\x30\x06\x02\x01\x01\x02\x01\x02", "\x00\x01\x00\x02"},
    {"as long as it may be", 10, "\x30\x08\x02\x02\x12\x34\x02\x02\x7f\xff", "\x12\x34\x7f\xff"},
    {"a zero before what would be a sign", 11, "\x30\x09\x02\x03\x00\x80\x00\x02\x02\x00\xff", "\x80\x00\x00\xff"},
    {"zero", 8, "\x30\x06\x02\x01\x00\x02\x01\x00", "\x00\x00\x00\x00"},
    {"nothing", 0, "", NULL},
    {"half a head", 1, "\x30", NULL},
    {"no sequence", 8, "\x31\x06\x02\x01\x01\x02\x01\x02", NULL},
    {"no integer", 8, "\x30\x06\x02\x01\x01\x03\x01\x02", NULL},
    {"a length of two bytes", 9, "\x30\x81\x06\x02\x01\x01\x02\x01\x02", NULL},
    {"a length without an end", 10, "\x30\x80\x02\x01\x01\x02\x01\x02\x00\x00", NULL},
    {"an integer of nothing", 7, "\x30\x05\x02\x00\x02\x01\x02", NULL},
    {"negative", 8, "\x30\x06\x02\x01\x80\x02\x01\x02", NULL},
    {"a zero too many", 9, "\x30\x07\x02\x02\x00\x01\x02\x01\x02", NULL},
    {"too long a number", 10, "\x30\x08\x02\x03\x01\x00\x00\x02\x01\x02", NULL},
    {"too long behind its zero", 11, "\x30\x09\x02\x04\x00\x80\x00\x00\x02\x01\x02", NULL},
    {"one number", 5, "\x30\x03\x02\x01\x01", NULL},
    {"three numbers", 11, "\x30\x09\x02\x01\x01\x02\x01\x02\x02\x01\x03", NULL},
    {"bytes behind it", 9, "\x30\x06\x02\x01\x01\x02\x01\x02\x00", NULL},
    {"a sequence longer than the bytes", 8, "\x30\x07\x02\x01\x01\x02\x01\x02", NULL},
    {"a number longer than the sequence", 9, "\x30\x06\x02\x01\x01\x02\x02\x02\x01", NULL},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t signature[2 * PART] = {0xee, 0xee, 0xee, 0xee};
        err_t e = ecdsa_from_der(view_of(rows[i].der, rows[i].len), PART, signature);
        if ((e == OK) != (rows[i].signature != NULL))
            fail_msg("%s: %s", rows[i].what, err_name(e));
        assert_memory_equal(signature, rows[i].signature != NULL ? rows[i].signature : "\xee\xee\xee\xee", sizeof(signature));
    }
}

/* Their first bytes are such that there are short ones, and ones with a zero in front. */
static void test_round(void **state)
{
    static const size_t parts[] = {32, 48};
    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        size_t part = parts[i % 2], len = 0;
        uint8_t signature[2 * ECDSA_PART_MAX], again[2 * ECDSA_PART_MAX], der[ECDSA_DER_MAX];
        assert_int_equal(RAND_bytes(signature, (int)(2 * part)), 1);
        signature[0] = (uint8_t)(i / 2 % 3 == 0 ? 0 : signature[0]);
        signature[part] = (uint8_t)(i / 2 % 5 == 0 ? 0x80 : signature[part]);
        assert_int_equal(ecdsa_to_der(signature, part, der, &len), OK);
        assert_int_equal(ecdsa_from_der(view_of(der, len), part, again), OK);
        assert_memory_equal(again, signature, 2 * part);
        for (size_t n = 0; n < len; n++)
            assert_int_not_equal(ecdsa_from_der(view_of(der, n), part, again), OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
