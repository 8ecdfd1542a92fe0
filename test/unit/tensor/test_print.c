/* JSON text of numbers and strings. test_oracle.c and test_numbers.c compare thousands of numbers with Python. */
#include "tensor/print.h"

#include <limits.h>
#include <math.h>

#include "unit.h"

static void prints_doubles(void **state UNUSED)
{
    static const struct {
        double d;
        const char *text;
    } rows[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {(double)0.1F, "0.10000000149011612"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-05"},
        {0.000099999, "9.9999e-05"},
        {9999999999999998, "9999999999999998.0"},
        {1e16, "1e+16"},
        {12345678901234567890.0, "1.2345678901234567e+19"},
        {1e21, "1e+21"},
        {1e22, "1e+22"},
        {1e100, "1e+100"},
        {-1.7976931348623157e308, "-1.7976931348623157e+308"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {2.225073858507201e-308, "2.225073858507201e-308"},
        {1e-10, "1e-10"},
        {(double)INFINITY, "\"Infinity\""},
        {-(double)INFINITY, "\"-Infinity\""},
        {(double)NAN, "\"NaN\""},
        {-(double)NAN, "\"NaN\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[PRINT_MAX + 1] = "";
        text[print_double(rows[i].d, text)] = '\0';
        assert_string_equal(text, rows[i].text);
    }
}

static void prints_elements(void **state UNUSED)
{
    const struct {
        enum dtype dtype;
        const void *element;
        const char *text;
    } rows[] = {
        {DTYPE_FLOAT, &(float){0.1F}, "0.10000000149011612"},
        {DTYPE_FLOAT, &(float){1e-5F}, "9.999999747378752e-06"},
        {DTYPE_FLOAT, &(float){1e16F}, "1.0000000272564224e+16"},
        {DTYPE_DOUBLE, &(double){0.1}, "0.1"},
        {DTYPE_FLOAT16, &(uint16_t){0x2e66}, "0.0999755859375"},
        {DTYPE_BFLOAT16, &(uint16_t){0x3dcd}, "0.10009765625"},
        {DTYPE_INT8, &(int8_t){-128}, "-128"},
        {DTYPE_INT16, &(int16_t){-32768}, "-32768"},
        {DTYPE_INT32, &(int32_t){INT32_MIN}, "-2147483648"},
        {DTYPE_INT64, &(int64_t){INT64_MIN}, "-9223372036854775808"},
        {DTYPE_INT64, &(int64_t){0}, "0"},
        {DTYPE_UINT8, &(uint8_t){255}, "255"},
        {DTYPE_UINT16, &(uint16_t){65535}, "65535"},
        {DTYPE_UINT32, &(uint32_t){UINT32_MAX}, "4294967295"},
        {DTYPE_UINT64, &(uint64_t){UINT64_MAX}, "18446744073709551615"},
        {DTYPE_BOOL, &(uint8_t){1}, "1"},
        {DTYPE_BOOL, &(uint8_t){0}, "0"},
        {DTYPE_BOOL, &(uint8_t){7}, "1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[PRINT_MAX + 1] = "";
        text[print_element(rows[i].dtype, rows[i].element, text)] = '\0';
        assert_string_equal(text, rows[i].text);
    }
}

static void escapes_strings(void **state UNUSED)
{
    AUTO_BUF struct buf out = {.max = 4096};
    static const char text[] = "a\"b\\c/\b\f\n\r\t\0\x01\x1f\x7f\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80";
    assert_ok(print_string(&out, view_of(text, sizeof(text) - 1)));
    assert_text(&out, "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7f\xc3\xa9\xe2\x98\x83\xf0\x9f\x98\x80\"");
    buf_clear(&out);
    assert_ok(print_string(&out, text_view("")));
    assert_text(&out, "\"\"");
}

/* Characters that lie across the places where the text is copied in pieces. */
static void copies_in_pieces(void **state UNUSED)
{
    static char text[3000];
    for (size_t lead = 1015; lead < 1030; lead++) {
        AUTO_BUF struct buf out = {.max = 8192};
        memset(text, 'a', lead);
        size_t len = lead;
        for (; len < 2900; len += 4)
            memcpy(text + len, "\xf0\x9f\x98\x80", 4);
        assert_ok(print_string(&out, view_of(text, len)));
        assert_int_equal(out.len, len + 2);
        assert_memory_equal(out.data + 1, text, len);
        assert_err(print_string(&out, view_of(text, len - 1)), ERR_MALFORMED);
    }
}

static void refuses_what_is_not_utf8(void **state UNUSED)
{
    static const char *const rows[] = {"\x80", "a\xc3", "\xc3(", "\xed\xa0\x80", "\xf0\x9f\x98", "ok\xff"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = {.max = 4096};
        assert_err(print_string(&out, text_view(rows[i])), ERR_MALFORMED);
    }
    AUTO_BUF struct buf small = {.max = 4};
    assert_err(print_string(&small, text_view("abc")), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_doubles),           cmocka_unit_test(prints_elements),
        cmocka_unit_test(escapes_strings),          cmocka_unit_test(copies_in_pieces),
        cmocka_unit_test(refuses_what_is_not_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
