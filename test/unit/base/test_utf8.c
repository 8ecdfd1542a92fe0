/* UTF-8: every code point, the forms that RFC 3629 forbids, and texts of every length around the steps of the check. */
#include "base/utf8.h"

#include "unit.h"

#include <string.h>

static size_t encode(uint32_t point, uint8_t ret[4])
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        ret[i] = (uint8_t)(0x80 | (point & 0x3f));
    ret[0] = (uint8_t)(lead[len] | point);
    return len;
}

static void takes_every_character(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x120000; point++) {
        uint8_t bytes[4];
        size_t len = encode(point, bytes);
        bool good = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
        assert_int_equal(utf8_char(view_of(bytes, len)), good ? len : 0);
        assert_int_equal(utf8_valid(view_of(bytes, len)), good);
        for (size_t part = 1; part < len; part++)
            assert_int_equal(utf8_char(view_of(bytes, part)), 0);
    }
}

static void refuses(void **state)
{
    static const char *const rows[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xc2",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xff",
        "\xc3(",
        "\xe2\x98(",
        "\xe2(\x83",
        "\xf0\x9f\x98(",
        "\xf0\x90\x80",
        "\xe2\x82",
        "a\xc3",
        "ab\xfe",
        "\xc3\xa4\xa4",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_false(utf8_valid(view_of(rows[i], strlen(rows[i]))));
    assert_true(utf8_valid(view_of("", 0)));
    assert_true(utf8_valid(view_of("a\0b", 3)));
}

/* ASCII is looked at in blocks: a character and a wrong byte at every place of texts that are shorter and longer. */
static void looks_at_every_byte(void **state)
{
    char text[100];
    (void)state;
    for (size_t len = 1; len <= sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, 'a', sizeof(text));
            assert_true(utf8_valid(view_of(text, len)));
            text[at] = '\xa4';
            assert_false(utf8_valid(view_of(text, len)));
            if (at == 0)
                continue;
            text[at - 1] = '\xc3';
            assert_true(utf8_valid(view_of(text, len)));
            assert_false(utf8_valid(view_of(text, at)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_character),
        cmocka_unit_test(refuses),
        cmocka_unit_test(looks_at_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
