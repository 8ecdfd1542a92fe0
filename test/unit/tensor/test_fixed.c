/* Fixed-point numbers: the cases of the fact sheet, the syntax of Decimal, ranges. test_oracle.c has the rest. */
#include "tensor/fixed.h"

#include <math.h>

#include "unit.h"

#include "dtypes.h"

static err_t store(const char *text, unsigned decimals, const char *dtype, char *ret_hex)
{
    struct fixed number = {0};
    uint8_t element[8] = {0};
    TRY(fixed_from_text(text_view(text), &number));
    TRY(fixed_store(&number, decimals, dtype_by_name(dtype), element));
    hex_encode(element, dtype_info(dtype_by_name(dtype))->size, ret_hex);
    return OK;
}

static void stores(void **state UNUSED)
{
    static const struct {
        const char *text;
        unsigned decimals;
        const char *dtype;
        const char *hex;
    } rows[] = {
        {"15", 1, "float", "0000c03f"},
        {"1000000059604644776", 18, "float", "0000803f"}, /* 1: rounded to double first, then to float */
        {"170141183460469231731687303715884105727", 0, "float", "0000007f"},
        {"1e39", 0, "float", "0000807f"},
        {"-1e400", 0, "double", "000000000000f0ff"},
        {"1e400", 399, "double", "0000000000002440"}, /* 10 */
        {"199", 2, "int64", "0100000000000000"},
        {"-199", 2, "int64", "ffffffffffffffff"},
        {"9223372036854775807999", 3, "int64", "ffffffffffffff7f"},
        {"-9223372036854775808999", 3, "int64", "0000000000000080"},
        {"-0", 0, "float", "00000080"},
        {"-0.9", 0, "uint8", "00"},
        {"255.99", 0, "uint8", "ff"},
        {"18446744073709551615", 0, "uint64", "ffffffffffffffff"},
        {"-128.5", 0, "int8", "80"},
        {"1.0", 0, "bool", "01"},
        {"10", 1, "bool", "01"},
        {"-0", 5, "bool", "00"},
        {"0e99999999999", 0, "double", "0000000000000000"},
        {"1e-99999999999", 0, "double", "0000000000000000"},
        {"9999999999999999999999999999.5", 0, "double", "81121f2fe727c045"}, /* 1e28: rounded to 28 digits first */
        {"999999999999999999999999999999", 29, "int8", "0a"},                /* 10, for the same reason */
        {"9999999999999999999999999999", 27, "int8", "09"},
        {"-0", 25, "double", "0000000000000080"},
        {"0", 23, "double", "0000000000000000"},
        {"1", 23, "double", "51b21240b32d283b"},
        {"3", 27, "double", "185a6b52e7b56d3a"},
        {"18446744073709551615", 27, "double", "103cf2369ace533e"},
        {"18446744073709551615", 28, "double", "196050bef6b01f3e"},
        {"99999999999999999", 27, "double", "bbbdd7d9df7cdb3d"},
        {"65520", 0, "float16", "007c"},
        {"1", 1000, "bfloat16", "0000"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char hex[17] = "";
        assert_ok(store(rows[i].text, rows[i].decimals, rows[i].dtype, hex));
        if (strcmp(hex, rows[i].hex) != 0)
            fail_msg("%s / 10^%u as %s: %s", rows[i].text, rows[i].decimals, rows[i].dtype, hex);
    }
}

static void refuses_what_does_not_fit(void **state UNUSED)
{
    static const struct {
        const char *text;
        unsigned decimals;
        const char *dtype;
        err_t code;
    } rows[] = {
        {"9223372036854775808", 0, "int64", ERR_VALUE_RANGE},
        {"-9223372036854775809", 0, "int64", ERR_VALUE_RANGE},
        {"128", 0, "int8", ERR_VALUE_RANGE},
        {"-129", 0, "int8", ERR_VALUE_RANGE},
        {"256", 0, "uint8", ERR_VALUE_RANGE},
        {"-1", 0, "uint64", ERR_VALUE_RANGE},
        {"18446744073709551616", 0, "uint64", ERR_VALUE_RANGE},
        {"1e1000", 900, "uint64", ERR_VALUE_RANGE},
        {"1e99999999999", 0, "int64", ERR_VALUE_RANGE},
        {"2", 0, "bool", ERR_VALUE_RANGE},
        {"-1", 0, "bool", ERR_VALUE_RANGE},
        {"0.5", 0, "bool", ERR_VALUE_RANGE},
        {"1.5", 0, "bool", ERR_VALUE_RANGE},
        {"nan", 0, "int32", ERR_VALUE_RANGE},
        {"inf", 0, "int32", ERR_VALUE_RANGE},
        {"inf", 0, "bool", ERR_VALUE_RANGE},
        {"1", 0, "string", ERR_DTYPE_MISMATCH},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char hex[17] = "";
        err_t e = store(rows[i].text, rows[i].decimals, rows[i].dtype, hex);
        if (e != rows[i].code)
            fail_msg("%s as %s: %s", rows[i].text, rows[i].dtype, err_name(e));
    }
    assert_err(fixed_store(&(struct fixed){0}, 0, (enum dtype)99, &(uint64_t){0}), ERR_DTYPE_MISMATCH);
}

static void follows_the_syntax_of_decimal(void **state UNUSED)
{
    static const char *const good[] = {"1_5",    "_1_5_", " 15\n",    "\03715\013",
                                       "+15",    "15.",   "1.5e1",    "1.5E+1",
                                       "150e-1", ".15e2", "0.0015e4", "00015",
                                       "15.000", "1__5",  "\t 15 ",   "0000000000000000000000000000000000000000000015"};
    static const char *const bad[] = {"",      " ",     "-",     "+-1",      "1 5",      "e5",    ".",    "1e",
                                      "1e+",   "1.2.3", "0x10",  "1f",       "one",      "nan x", "infi", "in f",
                                      "--1",   "1e5.0", "1,5",   "snan",     "nan-1",    "in",    "na",   "i",
                                      "nan1x", "1e5e5", "infi_", "\xd9\xa1", "infinityy"};
    char hex[17] = "";
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (store(good[i], 0, "uint8", hex) != OK || strcmp(hex, "0f") != 0)
            fail_msg("refused or wrong: %s", good[i]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        err_t e = store(bad[i], 0, "double", hex);
        if (e != ERR_MALFORMED)
            fail_msg("%s: %s", bad[i], err_name(e));
    }
    struct fixed number = {0};
    assert_err(fixed_from_text(view_of("1\0"
                                       "2",
                                       3),
                               &number),
               ERR_MALFORMED);
}

static void knows_the_special_values(void **state UNUSED)
{
    static const struct {
        const char *text;
        const char *hex;
    } rows[] = {
        {"inf", "0000807f"},  {"-Infinity", "000080ff"}, {"+INF", "0000807f"},    {"NaN", "0000c07f"},
        {"-nan", "0000c0ff"}, {"nan123", "0000c07f"},    {" n_a_n ", "0000c07f"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char hex[17] = "";
        assert_ok(store(rows[i].text, 3, "float", hex));
        assert_string_equal(hex, rows[i].hex);
    }
}

static void takes_doubles(void **state UNUSED)
{
    static const struct {
        double d;
        unsigned decimals;
        const char *hex;
    } rows[] = {
        {0.1, 0, "9a9999999999b93f"},
        {0.1, 1, "7b14ae47e17a843f"}, /* 0.01 */
        {-0.0, 2, "0000000000000080"},
        {(double)INFINITY, 9, "000000000000f07f"},
        {-(double)INFINITY, 9, "000000000000f0ff"},
        {5e-324, 0, "0100000000000000"},
        {1.7976931348623157e308, 0, "ffffffffffffef7f"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixed number = fixed_from_double(rows[i].d);
        double got = 0;
        char hex[17] = "";
        assert_ok(fixed_store(&number, rows[i].decimals, DTYPE_DOUBLE, &got));
        hex_encode(&got, sizeof(got), hex);
        assert_string_equal(hex, rows[i].hex);
    }
    struct fixed nan = fixed_from_double((double)NAN);
    double got = 0;
    assert_ok(fixed_store(&nan, 3, DTYPE_DOUBLE, &got));
    assert_true(isnan(got));
}

static void bounds_the_text(void **state UNUSED)
{
    static char text[FIXED_MAX_TEXT + 2];
    char hex[17] = "";
    memset(text, '0', FIXED_MAX_TEXT);
    text[FIXED_MAX_TEXT - 1] = '7';
    assert_ok(store(text, 0, "int8", hex));
    assert_string_equal(hex, "07");
    memset(text, '9', FIXED_MAX_TEXT);
    assert_ok(store(text, FIXED_MAX_DECIMALS, "double", hex));
    text[FIXED_MAX_TEXT] = '9';
    assert_err(store(text, 0, "double", hex), ERR_TOO_LARGE);
}

static void reads_decimals(void **state UNUSED)
{
    static const struct {
        const char *text;
        err_t code;
        unsigned n;
    } rows[] = {
        {"0", OK, 0},
        {"1000", OK, 1000},
        {" +18\n", OK, 18},
        {"1_0", OK, 10},
        {"-0", OK, 0},
        {"0000000000005", OK, 5},
        {"1001", ERR_TOO_LARGE, 0},
        {"-1", ERR_TOO_LARGE, 0},
        {"99999999999999999999999", ERR_TOO_LARGE, 0},
        {"", ERR_MALFORMED, 0},
        {"1.0", ERR_MALFORMED, 0},
        {"1e2", ERR_MALFORMED, 0},
        {"_1", ERR_MALFORMED, 0},
        {"1_", ERR_MALFORMED, 0},
        {"1__0", ERR_MALFORMED, 0},
        {"-", ERR_MALFORMED, 0},
        {"+-1", ERR_MALFORMED, 0},
        {"1 0", ERR_MALFORMED, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned n = 0;
        err_t e = fixed_decimals_from_text(text_view(rows[i].text), &n);
        if (e != rows[i].code || n != rows[i].n)
            fail_msg("%s: %s %u", rows[i].text, err_name(e), n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(follows_the_syntax_of_decimal),
        cmocka_unit_test(knows_the_special_values),
        cmocka_unit_test(takes_doubles),
        cmocka_unit_test(bounds_the_text),
        cmocka_unit_test(reads_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
