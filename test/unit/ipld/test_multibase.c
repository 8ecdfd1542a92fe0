/* Expected texts: RFC 4648 §10 for the groups of bits; the big-number bases are checked against the csv files in
   test_vectors.c. */
#include "ipld/multibase.h"

#include "unit.h"

static const struct {
    const char *text;
    const char *bytes;
} rfc4648[] = {
    {"f", ""},         {"f66", "f"},       {"f666f", "fo"},     {"f666f6f", "foo"},   {"f666f6f62", "foob"},
    {"b", ""},         {"bmy", "f"},       {"bmzxq", "fo"},     {"bmzxw6", "foo"},    {"bmzxw6yq", "foob"},
    {"bmzxw6ytb", "fooba"},                {"bmzxw6ytboi", "foobar"},
    {"u", ""},         {"uZg", "f"},       {"uZm8", "fo"},      {"uZm9v", "foo"},     {"uZm9vYg", "foob"},
};

static void decodes_rfc_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rfc4648); i++) {
        uint8_t bytes[16];
        size_t len = 99;
        struct view text = text_view(rfc4648[i].text);
        assert_ok(multibase_decode(text, bytes, sizeof(bytes), &len));
        assert_true(view_is(view_of(bytes, len), rfc4648[i].bytes));
    }
}

static void encodes_rfc_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rfc4648); i++) {
        AUTO_BUF struct buf out = {.max = 64};
        struct view bytes = text_view(rfc4648[i].bytes);
        assert_ok(multibase_encode(rfc4648[i].text[0], bytes, &out));
        assert_true(view_is(buf_view(&out), rfc4648[i].text));
    }
}

static void every_base_round_trips(void **state)
{
    (void)state;
    for (const char *prefix = "fbukz"; *prefix != '\0'; prefix++)
        for (size_t n = 0; n < 40; n++) {
            uint8_t bytes[40], back[40];
            size_t len = 0;
            AUTO_BUF struct buf text = {.max = 128};
            for (size_t i = 0; i < n; i++)
                bytes[i] = (uint8_t)(i < n / 4 ? 0 : i * 37 + n);
            assert_ok(multibase_encode(*prefix, view_of(bytes, n), &text));
            assert_ok(multibase_decode(buf_view(&text), back, n, &len));
            assert_true(view_equal(view_of(back, len), view_of(bytes, n)));
        }
}

static void refuses_what_is_not_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "x66",   "F66",   "Bmy",     "Zabc",      "1abc",  "Qmabc", /* no prefix, or not one of ours */
        "f6",     "f666",  "fFF",   "f6g",     "f6 6",      "f66\n",          /* half a byte, case, alphabet */
        "bm",     "bmz",   "bmzxw6ytbm", "bmy======", "bMY", "bm1", "bmy=", /* spare bits, padding */
        "uZ",     "uZh",   "uZg==", "uZm9",    "uZ+",       "u/w",            /* the same in base64url */
        "kA",     "k_",    "z0",    "zO",      "zI",        "zl",    "z ",    /* alphabets of the big numbers */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint8_t bytes[32];
        size_t len = 99;
        assert_err(multibase_decode(text_view(bad[i]), bytes, sizeof(bytes), &len), ERR_MALFORMED);
        assert_int_equal(len, 99);
    }
    uint8_t byte = 0;
    size_t len = 0;
    assert_err(multibase_decode(view_of("b\0\0", 3), &byte, 1, &len), ERR_MALFORMED);
    assert_err(multibase_encode('x', view_of("a", 1), &(struct buf){.max = 64}), ERR_MALFORMED);
}

static void stays_inside_the_room(void **state)
{
    (void)state;
    static const char *const three[] = {"f666f6f", "bmzxw6", "uZm9v", "k3zvxr", "zbQbp", "k0003", "z1112"};
    for (size_t i = 0; i < COUNT_OF(three); i++) {
        uint8_t bytes[3];
        size_t len = 0;
        struct view text = text_view(three[i]);
        for (size_t room = 0; room < 3; room++)
            assert_err(multibase_decode(text, bytes, room, &len), ERR_TOO_LARGE);
    }
}

static void encoding_fails_cleanly(void **state)
{
    (void)state;
    AUTO_BUF struct buf small = {.max = 4};
    assert_err(multibase_encode('b', view_of("foobar", 6), &small), ERR_TOO_LARGE);
    AUTO_BUF struct buf out = {.max = 64};
    mem_fail_after(0);
    err_t e = multibase_encode('b', view_of("foobar", 6), &out);
    mem_fail_after(-1);
    assert_err(e, ERR_NOMEM);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_rfc_vectors),      cmocka_unit_test(encodes_rfc_vectors),
        cmocka_unit_test(every_base_round_trips),   cmocka_unit_test(refuses_what_is_not_strict),
        cmocka_unit_test(stays_inside_the_room),    cmocka_unit_test(encoding_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
