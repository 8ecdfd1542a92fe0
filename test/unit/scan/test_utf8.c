/* The boundaries of table 3-7 of the Unicode standard, and an encoder of our own over all code points. */
#include "infer/scan/utf8.h"

#include "unit.h"

static size_t encode(uint32_t c, uint8_t ret[4])
{
    if (c < 0x80) {
        ret[0] = (uint8_t)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--, c >>= 6)
        ret[i] = (uint8_t)(0x80 | (c & 0x3f));
    ret[0] = (uint8_t)((0xff00 >> (more + 1)) | c);
    return more + 1;
}

static void every_code_point(void **state UNUSED)
{
    for (uint32_t c = 0; c < 0x120000; c++) {
        uint8_t bytes[4];
        bool expected = c > 0 && c < 0x110000 && (c < 0xd800 || c > 0xdfff);

        if (utf8_is_text(view_of(bytes, encode(c, bytes))) != expected)
            fail_msg("U+%04X", (unsigned)c);
    }
}

static void whole_texts(void **state UNUSED)
{
    assert_true(utf8_is_text(text_view("")));
    assert_true(utf8_is_text(text_view("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z")));
    assert_false(utf8_is_text(view_of("a\0b", 3)));
}

static void what_is_no_utf8(void **state UNUSED)
{
    static const char *const cases[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc3z",
        "\xe2\x82z",
        "\xf0\x9f\x98z",
        "\xe2z\x82",
        "abc\xc3",
        "\xed\xa0\x80",
        "\xc3\xa4\xa4",
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (utf8_is_text(text_view(cases[i])))
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(whole_texts),
        cmocka_unit_test(what_is_no_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
