/* UTF-8: every code point, and the forms that RFC 3629 forbids. */
#include "tensor/utf8.h"

#include "unit.h"

static size_t encode(uint32_t point, uint8_t ret[4])
{
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--, point >>= 6)
        ret[i] = (uint8_t)(0x80 | (point & 0x3f));
    ret[0] = (uint8_t)(lead[len] | point);
    return len;
}

static void takes_every_character(void **state UNUSED)
{
    for (uint32_t point = 0; point < 0x110000; point++) {
        uint8_t bytes[4];
        size_t len = encode(point, bytes);
        bool surrogate = point >= 0xd800 && point < 0xe000;
        assert_int_equal(utf8_char(view_of(bytes, len)), surrogate ? 0 : len);
        assert_int_equal(utf8_char(view_of(bytes, len - 1 > 0 ? len - 1 : 1)), len > 1 ? 0 : 1);
    }
}

static void refuses(void **state UNUSED)
{
    static const char *const rows[] = {
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
        "\xc3(",
        "\xe2\x98(",
        "\xe2(\x83",
        "\xf0\x9f\x98(",
        "a\xc3",
        "ab\xfe",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_false(utf8_valid(text_view(rows[i])));
    assert_true(utf8_valid(text_view("")));
    assert_true(utf8_valid(text_view("a\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_character),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
