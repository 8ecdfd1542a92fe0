/* Hex, base64 (the vectors of RFC 4648 §10) and numbers: strict both ways. */
#include "base/text.h"
#include "unit.h"

#include <string.h>

static const struct {
    const char *plain;
    const char *base64;
} rfc4648[] = {
    {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},         {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
};

static err_t decode(const char *text, bool url, char *ret, size_t *ret_len)
{
    AUTO_BUF struct buf out = BUF_WITH(64);
    struct view v = view_of(text, strlen(text));
    err_t e = url ? base64url_decode(v, &out) : base64_decode(v, &out);
    if (e != OK)
        return out.len == 0 ? e : ERR_INTERNAL;
    memcpy(ret, out.data != NULL ? (const char *)out.data : "", out.len);
    *ret_len = out.len;
    return OK;
}

static void test_base64(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rfc4648); i++) {
        char text[32], back[64];
        size_t n = 0;
        base64_encode(rfc4648[i].plain, strlen(rfc4648[i].plain), text);
        assert_string_equal(text, rfc4648[i].base64);
        assert_ok(decode(text, false, back, &n));
        assert_int_equal(n, strlen(rfc4648[i].plain));
        assert_memory_equal(back, rfc4648[i].plain, n);
        base64url_encode(rfc4648[i].plain, strlen(rfc4648[i].plain), text);
        assert_int_equal(strlen(text), BASE64URL_LEN(strlen(rfc4648[i].plain)));
        assert_ok(decode(text, true, back, &n));
        assert_memory_equal(back, rfc4648[i].plain, n);
    }
    char url[16], std[16];
    base64url_encode("\xfb\xff\xfe", 3, url);
    base64_encode("\xfb\xff\xfe", 3, std);
    assert_string_equal(url, "-__-");
    assert_string_equal(std, "+//+");
}

/* Of every length, with every digit: the tail of a long text is that of a short one, and both alphabets differ in two
   letters. The digits in order are those of RFC 4648 §4. */
static void test_base64_lengths(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[48];
    char text[65], part[65], url[65];
    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) /* six bits each: 0, 1, 2, ... */
        bytes[i] =
            (uint8_t)(((i / 3 * 4 + i % 3) << (2 + 2 * (i % 3))) | ((i / 3 * 4 + i % 3 + 1) >> (4 - 2 * (i % 3))));
    base64_encode(bytes, sizeof(bytes), text);
    assert_string_equal(text, digits);
    for (size_t n = 0; n < sizeof(bytes); n++) {
        base64_encode(bytes, n, part);
        assert_int_equal(strlen(part), BASE64_LEN(n));
        assert_memory_equal(part, digits, n / 3 * 4);
        base64url_encode(bytes, n, url);
        assert_int_equal(strlen(url), BASE64URL_LEN(n));
        for (size_t i = 0; url[i] != '\0'; i++)
            assert_int_equal(url[i], part[i] == '+' ? '-' : part[i] == '/' ? '_' : part[i]);
    }
}

static void test_base64_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool url;
    } bad[] = {
        {"Zg", false},   {"Zg=", false},  {"Zg===", false}, {"Z===", false},  {"====", false}, {"Zh==", false},
        {"Zm9=", false}, {"Zm 9v", false}, {"Zm9v\n", false}, {"Zm-v", false}, {"Zg==", true},  {"Zh", true},
        {"Zm9", true},   {"Z", true},     {"Zm+v", true},   {"Zm/v", true},   {"Zg=A", false}, {"=Zg=", false},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char back[64];
        size_t n = 0;
        assert_err(decode(bad[i].text, bad[i].url, back, &n), ERR_MALFORMED);
    }
}

/* The lines are those of coreutils' `base64 -w64`. */
static void test_pem(void **state)
{
    (void)state;
    static const char want[] = "-----BEGIN X-----\n"
                               "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\n"
                               "MA==\n"
                               "-----END X-----\n";
    uint8_t bytes[49];
    for (uint8_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i;
    for (size_t n = sizeof(bytes); n >= sizeof(bytes) - 1; n--) { /* with a last line and without */
        AUTO_BUF struct buf out = BUF_WITH(256);
        assert_ok(pem_put(&out, "X", view_of(bytes, n)));
        size_t skip = n == sizeof(bytes) ? 0 : strlen("MA==\n"), head = strlen(want) - strlen("MA==\n-----END X-----\n");
        assert_int_equal(out.len, strlen(want) - skip);
        assert_memory_equal(out.data, want, head);
        assert_memory_equal(out.data + head, want + head + skip, out.len - head);
    }
    AUTO_BUF struct buf small = BUF_WITH(40);
    assert_err(pem_put(&small, "X", view_of(bytes, sizeof(bytes))), ERR_TOO_LARGE);
}

static void test_hex(void **state)
{
    (void)state;
    char text[9];
    uint8_t back[4];
    hex_encode("\x00\x7f\x80\xff", 4, text);
    assert_string_equal(text, "007f80ff");
    assert_ok(hex_decode(view_of("007F80fF", 8), back, 4));
    assert_memory_equal(back, "\x00\x7f\x80\xff", 4);
    assert_err(hex_decode(view_of("007f80f", 7), back, 4), ERR_MALFORMED);
    assert_err(hex_decode(view_of("007f80ff0", 9), back, 4), ERR_MALFORMED);
    assert_err(hex_decode(view_of("007f80fg", 8), back, 4), ERR_MALFORMED);
    assert_err(hex_decode(view_of("0x7f80ff", 8), back, 4), ERR_MALFORMED);
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "01", "1a", "0x1", "1.0"};
    uint64_t n = 0;
    assert_ok(text_u64(view_of("0", 1), 0, &n));
    assert_int_equal(n, 0);
    assert_ok(text_u64(view_of("18446744073709551615", 20), UINT64_MAX, &n));
    assert_true(n == UINT64_MAX);
    assert_err(text_u64(view_of("18446744073709551616", 20), UINT64_MAX, &n), ERR_TOO_LARGE);
    assert_err(text_u64(view_of("99999999999999999999999", 23), UINT64_MAX, &n), ERR_TOO_LARGE);
    assert_err(text_u64(view_of("256", 3), 255, &n), ERR_TOO_LARGE);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_err(text_u64(view_of(bad[i], strlen(bad[i])), UINT64_MAX, &n), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64_lengths),
        cmocka_unit_test(test_base64_refuses),
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
