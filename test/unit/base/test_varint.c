/* Unsigned LEB128 against the examples of multiformats/unsigned-varint. */
#include "base/varint.h"
#include "unit.h"

static const struct {
    uint64_t n;
    size_t len;
    uint8_t bytes[9];
} good[] = {
    {0, 1, {0x00}},          {1, 1, {0x01}},          {127, 1, {0x7f}},        {128, 2, {0x80, 0x01}},
    {255, 2, {0xff, 0x01}},  {300, 2, {0xac, 0x02}},  {16384, 3, {0x80, 0x80, 0x01}},
    {INT64_MAX, 9, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        AUTO_BUF struct buf b = BUF_WITH(16);
        struct view v = view_of(good[i].bytes, good[i].len);
        uint64_t n = 0;
        assert_ok(varint_get(&v, &n));
        assert_true(n == good[i].n);
        assert_int_equal(v.len, 0);
        assert_ok(varint_put(&b, good[i].n));
        assert_true(view_equal(buf_view(&b), view_of(good[i].bytes, good[i].len)));
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        err_t error;
        size_t len;
        uint8_t bytes[10];
    } bad[] = {
        {ERR_TRUNCATED, 0, {0}},
        {ERR_TRUNCATED, 1, {0x80}},
        {ERR_MALFORMED, 2, {0x81, 0x00}},
        {ERR_MALFORMED, 3, {0x80, 0x80, 0x00}},
        {ERR_MALFORMED, 10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct view v = view_of(bad[i].bytes, bad[i].len);
        uint64_t n = 0;
        assert_err(varint_get(&v, &n), bad[i].error);
        assert_int_equal(v.len, bad[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
