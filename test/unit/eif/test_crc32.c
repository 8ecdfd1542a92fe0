/* The check value of the catalogue of CRCs, and pieces. */
#include "eif/crc32.h"
#include "unit.h"

static void known(void **state UNUSED)
{
    assert_int_equal(crc32_more(0, text_view("")), 0);
    assert_int_equal(crc32_more(0, text_view("123456789")), 0xCBF43926);
    assert_int_equal(crc32_more(0, text_view("The quick brown fox jumps over the lazy dog")), 0x414FA339);
}

static void pieces(void **state UNUSED)
{
    static const char digits[] = "123456789";
    for (size_t cut = 0; cut <= 9; cut++)
        assert_int_equal(crc32_more(crc32_more(0, view_of(digits, cut)), view_of(&digits[cut], 9 - cut)), 0xCBF43926);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known), cmocka_unit_test(pieces)};
    return cmocka_run_group_tests_name("eif crc32", tests, NULL, NULL);
}
