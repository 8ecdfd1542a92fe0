/* The table of types, and the 16-bit floats: every one of them, and every point where rounding turns. */
#include "tensor/dtype.h"

#include <math.h>

#include "unit.h"

static void knows_the_types(void **state UNUSED)
{
    static const struct {
        unsigned code;
        const char *name;
        const char *oip;
        uint8_t size;
    } rows[] = {
        {1, "float", "FP32", 4},     {2, "uint8", "UINT8", 1},    {3, "int8", "INT8", 1},
        {4, "uint16", "UINT16", 2},  {5, "int16", "INT16", 2},    {6, "int32", "INT32", 4},
        {7, "int64", "INT64", 8},    {8, "string", "BYTES", 0},   {9, "bool", "BOOL", 1},
        {10, "float16", "FP16", 2},  {11, "double", "FP64", 8},   {12, "uint32", "UINT32", 4},
        {13, "uint64", "UINT64", 8}, {16, "bfloat16", "BF16", 2},
    };
    size_t known = 0;
    for (unsigned code = 0; code < 300; code++)
        known += dtype_info(code) != NULL;
    assert_int_equal(known, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct dtype_info *info = dtype_info(rows[i].code);
        assert_non_null(info);
        assert_string_equal(info->name, rows[i].name);
        assert_string_equal(info->oip, rows[i].oip);
        assert_int_equal(info->size, rows[i].size);
    }
}

static void widens(void **state UNUSED)
{
    static const struct {
        double (*widen)(uint16_t);
        uint16_t bits;
        double value;
    } rows[] = {
        {float16_to_double, 0x3c00, 1},
        {float16_to_double, 0xc000, -2},
        {float16_to_double, 0x7bff, 65504},
        {float16_to_double, 0x0400, 0x1p-14},
        {float16_to_double, 0x03ff, 0x1.ff8p-15},
        {float16_to_double, 0x0001, 0x1p-24},
        {float16_to_double, 0x3555, 0x1.554p-2},
        {float16_to_double, 0x7c00, (double)INFINITY},
        {float16_to_double, 0xfc00, -(double)INFINITY},
        {bfloat16_to_double, 0x3f80, 1},
        {bfloat16_to_double, 0xc049, -3.140625},
        {bfloat16_to_double, 0x7f7f, 0x1.fep127},
        {bfloat16_to_double, 0x0080, 0x1p-126},
        {bfloat16_to_double, 0x0001, 0x1p-133},
        {bfloat16_to_double, 0xff80, -(double)INFINITY},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_true(rows[i].widen(rows[i].bits) == rows[i].value);
    assert_true(isnan(float16_to_double(0x7e00)) && isnan(float16_to_double(0x7c01)) &&
                isnan(bfloat16_to_double(0xffc0)));
    assert_true(signbit(float16_to_double(0x8000)) && float16_to_double(0x8000) == 0);
}

/* Between two neighbours everything goes to the nearer one, and the middle to the even one. */
static void check_neighbours(uint16_t low, double (*widen)(uint16_t), uint16_t (*narrow)(double), double above_largest)
{
    uint16_t high = (uint16_t)(low + 1);
    double bottom = widen(low);
    double top = isinf(widen(high)) ? above_largest : widen(high);
    double middle = (bottom + top) / 2;
    uint16_t even = low % 2 == 0 ? low : high;
    assert_int_equal(narrow(bottom), low);
    assert_int_equal(narrow(nextafter(middle, bottom)), low);
    assert_int_equal(narrow(middle), even);
    assert_int_equal(narrow(nextafter(middle, top)), high);
    assert_int_equal(narrow(-middle), even | 0x8000);
}

static void narrows_to_the_nearest(void **state UNUSED)
{
    for (unsigned bits = 0; bits < 0x7c00; bits++)
        check_neighbours((uint16_t)bits, float16_to_double, float16_from_double, 65536);
    for (unsigned bits = 0; bits < 0x7f80; bits++)
        check_neighbours((uint16_t)bits, bfloat16_to_double, bfloat16_from_double, 0x1p128);
}

static void narrows_the_extremes(void **state UNUSED)
{
    assert_int_equal(float16_from_double((double)INFINITY), 0x7c00);
    assert_int_equal(float16_from_double(-1e300), 0xfc00);
    assert_int_equal(float16_from_double(0x1p-1074), 0);
    assert_int_equal(float16_from_double(-0.0), 0x8000);
    assert_int_equal(bfloat16_from_double(-(double)INFINITY), 0xff80);
    assert_int_equal(bfloat16_from_double(1e300), 0x7f80);
    assert_int_equal(bfloat16_from_double(0x1p-1074), 0);
    assert_int_equal(float16_from_double((double)NAN) & 0x7fff, 0x7e00);
    assert_int_equal(bfloat16_from_double((double)NAN) & 0x7fff, 0x7fc0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_types),
        cmocka_unit_test(widens),
        cmocka_unit_test(narrows_to_the_nearest),
        cmocka_unit_test(narrows_the_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
