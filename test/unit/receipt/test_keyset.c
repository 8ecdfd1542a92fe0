/* The keyset against bytes written by hand from docs/receipts.md, and each way to be wrong. */
#include "receipt/keyset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) {(const uint8_t *)(text), sizeof(text) - 1}
#define TEN(text)   text text text text text text text text text text
#define D32(text)   TEN(text) TEN(text) TEN(text) text text /* 32 times */
#define D64(text)   D32(text) D32(text)

#define VERSION   "\x01\x01"
#define TLS       "\x02\x58\x20" D32("\x11")
#define POINT     "\x03\x58\x41\x04" D64("\x22")
#define RSA       "\x04\x58\x20" D32("\x33")
#define NOT_AFTER "\x05\x1a\x6b\x49\xd2\x00"

static const struct keyset whole = {.has_rsa = true, .not_after = 1800000000};

static struct keyset filled(bool has_rsa)
{
    struct keyset k = whole;
    memset(k.tls_spki, 0x11, sizeof(k.tls_spki));
    memset(k.receipt_point, 0x22, sizeof(k.receipt_point));
    k.receipt_point[0] = 4;
    k.has_rsa = has_rsa;
    memset(k.rsa_spki, has_rsa ? 0x33 : 0, sizeof(k.rsa_spki));
    return k;
}

static void both_ways(void **state)
{
    const struct {
        bool has_rsa;
        struct view bytes;
    } rows[] = {
        {true, BYTES("\xa5" VERSION TLS POINT RSA NOT_AFTER)},
        {false, BYTES("\xa4" VERSION TLS POINT NOT_AFTER)},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct keyset k = filled(rows[i].has_rsa);
        struct keyset read = {0};
        uint8_t bytes[KEYSET_MAX];
        size_t len = 0;
        assert_int_equal(keyset_encode(&k, bytes, &len), OK);
        assert_true(view_equal(view_of(bytes, len), rows[i].bytes));
        assert_int_equal(keyset_decode(rows[i].bytes, &read), OK);
        assert_memory_equal(read.tls_spki, k.tls_spki, sizeof(k.tls_spki));
        assert_memory_equal(read.receipt_point, k.receipt_point, sizeof(k.receipt_point));
        assert_memory_equal(read.rsa_spki, k.rsa_spki, sizeof(k.rsa_spki));
        assert_int_equal(read.has_rsa, k.has_rsa);
        assert_int_equal(read.not_after, 1800000000);
    }
}

static void longest(void **state)
{
    struct keyset k = filled(true);
    uint8_t bytes[KEYSET_MAX];
    size_t len = 0;
    (void)state;
    k.not_after = UINT64_MAX;
    assert_int_equal(keyset_encode(&k, bytes, &len), OK);
    assert_int_equal(len, KEYSET_MAX);
    k.receipt_point[0] = 2;
    assert_int_equal(keyset_encode(&k, bytes, &len), ERR_MALFORMED);
}

static void refused(void **state)
{
    static const struct {
        const char *what;
        struct view bytes;
    } rows[] = {
        {"nothing", {(const uint8_t *)"", 0}},
        {"trailing", BYTES("\xa5" VERSION TLS POINT RSA NOT_AFTER "\x00")},
        {"version 2", BYTES("\xa5\x01\x02" TLS POINT RSA NOT_AFTER)},
        {"version 0", BYTES("\xa5\x01\x00" TLS POINT RSA NOT_AFTER)},
        {"no version", BYTES("\xa4" TLS POINT RSA NOT_AFTER)},
        {"no TLS", BYTES("\xa4" VERSION POINT RSA NOT_AFTER)},
        {"no point", BYTES("\xa4" VERSION TLS RSA NOT_AFTER)},
        {"no not-after", BYTES("\xa4" VERSION TLS POINT RSA)},
        {"key 6", BYTES("\xa5" VERSION TLS POINT NOT_AFTER "\x06\x00")},
        {"order", BYTES("\xa5" VERSION POINT TLS RSA NOT_AFTER)},
        {"twice", BYTES("\xa6" VERSION TLS POINT RSA RSA NOT_AFTER)},
        {"compressed", BYTES("\xa5" VERSION TLS "\x03\x58\x21\x02" D32("\x22") RSA NOT_AFTER)},
        {"another point form", BYTES("\xa5" VERSION TLS "\x03\x58\x41\x06" D64("\x22") RSA NOT_AFTER)},
        {"short digest",
         BYTES("\xa4" VERSION "\x02\x58\x1f" TEN("\x11") TEN("\x11") TEN("\x11") "\x11" POINT NOT_AFTER)},
        {"long time", BYTES("\xa5" VERSION TLS POINT RSA "\x05\x1b\x00\x00\x00\x00\x6b\x49\xd2\x00")},
        {"negative time", BYTES("\xa5" VERSION TLS POINT RSA "\x05\x20")},
        {"open map", BYTES("\xbf" VERSION TLS POINT RSA NOT_AFTER "\xff")},
        {"text key", BYTES("\xa5\x61\x31\x01" TLS POINT RSA NOT_AFTER)},
        {"tag", BYTES("\xc0\xa5" VERSION TLS POINT RSA NOT_AFTER)},
    };
    struct keyset k = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (keyset_decode(rows[i].bytes, &k) != ERR_MALFORMED)
            fail_msg("accepted: %s", rows[i].what);
}

/* No prefix is a keyset, and no changed byte of its form passes; a changed byte of a digest is another keyset. */
static void cut(void **state)
{
    const struct view good = BYTES("\xa5" VERSION TLS POINT RSA NOT_AFTER);
    struct keyset k = {0};
    (void)state;
    for (size_t n = 0; n < good.len; n++)
        assert_int_equal(keyset_decode(view_of(good.data, n), &k), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(longest),
        cmocka_unit_test(refused),
        cmocka_unit_test(cut),
    };
    return cmocka_run_group_tests_name("receipt/keyset", tests, NULL, NULL);
}
