/* A bundle's form: bytes written by hand, limits, and each way to be wrong. */
#include "receipt/bundle.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) {(const uint8_t *)(text), sizeof(text) - 1}

#define RECEIPT  "\x02\x41r"
#define DOCUMENT "\x03\x42" "do"
#define KEYSET   "\x04\x41k"
#define NODE     "\x05\x40"
#define POLICY   "\x06\x43pol"
#define WHOLE    "\xa6\x01\x01" RECEIPT DOCUMENT KEYSET NODE POLICY

static const struct view whole = BYTES(WHOLE);

static void both_ways(void **state)
{
    uint8_t room[64];
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    struct bundle b = {0};
    (void)state;
    assert_int_equal(bundle_read(whole, &b, NULL), OK);
    assert_true(view_is(b.receipt, "r"));
    assert_true(view_is(b.document, "do"));
    assert_true(view_is(b.keyset, "k"));
    assert_true(view_is(b.node, ""));
    assert_true(view_is(b.policy, "pol"));
    assert_int_equal(bundle_write(&b, &w), OK);
    assert_true(view_equal(view_of(room, w.len), whole));
}

static void longest(void **state)
{
    AUTO_MEM uint8_t *zero = mem_alloc(1, BUNDLE_TEXT_MAX + 1);
    AUTO_MEM uint8_t *room = mem_alloc(1, BUNDLE_MAX);
    struct bundle b = {
        .receipt = view_of(zero, RECEIPT_BYTES_MAX),
        .document = view_of(zero, BUNDLE_DOCUMENT_MAX),
        .keyset = view_of(zero, KEYSET_MAX),
        .node = view_of(zero, BUNDLE_TEXT_MAX),
        .policy = view_of(zero, BUNDLE_TEXT_MAX),
    };
    struct view *parts[] = {&b.receipt, &b.document, &b.keyset, &b.node, &b.policy};
    (void)state;
    struct cbor_writer w = cbor_writer_on(room, BUNDLE_MAX);
    assert_int_equal(bundle_write(&b, &w), OK);
    assert_int_equal(bundle_read(view_of(room, w.len), &b, NULL), OK);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        w = cbor_writer_on(room, BUNDLE_MAX);
        parts[i]->len++;
        assert_int_equal(bundle_write(&b, &w), ERR_TOO_LARGE);
        parts[i]->len--;
    }
}

/* The same map by hand with a keyset of one byte too many. */
static void too_long(void **state)
{
    uint8_t room[512];
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    struct bundle b = {0};
    const uint8_t zero[KEYSET_MAX + 1] = {0};
    (void)state;
    cbor_put_map(&w, 6);
    cbor_put_uint(&w, 1);
    cbor_put_uint(&w, 1);
    for (uint64_t key = 2; key <= 6; key++) {
        cbor_put_uint(&w, key);
        cbor_put_bytes(&w, view_of(zero, key == 4 ? sizeof(zero) : 1));
    }
    assert_int_equal(bundle_read(view_of(room, w.len), &b, NULL), ERR_BUNDLE_MALFORMED);
}

static void refused(void **state)
{
    static const struct {
        const char *what;
        struct view bytes;
    } rows[] = {
        {"trailing", BYTES(WHOLE "\x00")},
        {"version 0", BYTES("\xa6\x01\x00" RECEIPT DOCUMENT KEYSET NODE POLICY)},
        {"version 2", BYTES("\xa6\x01\x02" RECEIPT DOCUMENT KEYSET NODE POLICY)},
        {"no version", BYTES("\xa5" RECEIPT DOCUMENT KEYSET NODE POLICY)},
        {"no receipt", BYTES("\xa5\x01\x01" DOCUMENT KEYSET NODE POLICY)},
        {"no policy", BYTES("\xa5\x01\x01" RECEIPT DOCUMENT KEYSET NODE)},
        {"order", BYTES("\xa6\x01\x01" DOCUMENT RECEIPT KEYSET NODE POLICY)},
        {"twice", BYTES("\xa7\x01\x01" RECEIPT RECEIPT DOCUMENT KEYSET NODE POLICY)},
        {"key 7", BYTES("\xa7\x01\x01" RECEIPT DOCUMENT KEYSET NODE POLICY "\x07\x40")},
        {"text", BYTES("\xa6\x01\x01" RECEIPT DOCUMENT KEYSET "\x05\x60" POLICY)},
        {"long head", BYTES("\xa6\x01\x01\x02\x58\x01r" DOCUMENT KEYSET NODE POLICY)},
        {"open map", BYTES("\xbf\x01\x01" RECEIPT DOCUMENT KEYSET NODE POLICY "\xff")},
        {"open string", BYTES("\xa6\x01\x01\x02\x5f\x41r\xff" DOCUMENT KEYSET NODE POLICY)},
        {"tagged", BYTES("\xd2" WHOLE)},
        {"array", BYTES("\x86\x01")},
    };
    struct bundle b = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (bundle_read(rows[i].bytes, &b, NULL) != ERR_BUNDLE_MALFORMED)
            fail_msg("accepted: %s", rows[i].what);
    for (size_t n = 0; n < whole.len; n++)
        assert_int_equal(bundle_read(view_of(whole.data, n), &b, NULL), ERR_BUNDLE_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(longest),
        cmocka_unit_test(too_long),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("receipt/bundle", tests, NULL, NULL);
}
