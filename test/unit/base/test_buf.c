/* Views never read beyond their end; buffers never grow beyond their maximum. */
#include "base/buf.h"
#include "base/mem.h"
#include "unit.h"

static void test_view_getters(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct view v = view_of(bytes, sizeof(bytes));
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    assert_ok(view_u8(&v, &u8));
    assert_int_equal(u8, 1);
    assert_ok(view_u16le(&v, &u16));
    assert_int_equal(u16, 0x0302);
    assert_ok(view_u32be(&v, &u32));
    assert_int_equal(u32, 0x04050607);
    assert_ok(view_u64le(&v, &u64));
    assert_int_equal(u64, UINT64_C(0x0f0e0d0c0b0a0908));
    assert_ok(view_end(&v));
    assert_err(view_u8(&v, &u8), ERR_TRUNCATED);
}

static void test_view_is_unchanged_on_error(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3};
    struct view v = view_of(bytes, sizeof(bytes)), part = {0};
    uint64_t u64 = 7;
    assert_err(view_u64be(&v, &u64), ERR_TRUNCATED);
    assert_err(view_take(&v, 4, &part), ERR_TRUNCATED);
    assert_err(view_take(&v, SIZE_MAX, &part), ERR_TRUNCATED);
    assert_int_equal(v.len, 3);
    assert_int_equal(u64, 7);
    assert_err(view_end(&v), ERR_MALFORMED);
}

static void test_view_equal(void **state)
{
    (void)state;
    assert_true(view_is(view_of("abc", 3), "abc"));
    assert_false(view_is(view_of("abc", 3), "abcd"));
    assert_false(view_is(view_of("abd", 3), "abc"));
    assert_true(view_equal(view_of(NULL, 0), view_of("x", 0)));
}

static void test_view_cut(void **state)
{
    struct view v = view_of("a&&bc", 5);
    (void)state;
    assert_true(view_is(view_cut(&v, '&'), "a"));
    assert_true(view_is(view_cut(&v, '&'), ""));
    assert_true(view_is(view_cut(&v, '&'), "bc"));
    assert_int_equal(v.len, 0);
    assert_int_equal(view_cut(&v, '&').len, 0);
    v = view_of("a&", 2);
    assert_true(view_is(view_cut(&v, '&'), "a"));
    assert_int_equal(v.len, 0);
}

static void test_buffer_stops_at_its_maximum(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_WITH(100);
    for (unsigned i = 0; i < 100; i++)
        assert_ok(buf_put_u8(&b, (uint8_t)i));
    assert_err(buf_put_u8(&b, 0), ERR_TOO_LARGE);
    assert_err(buf_put(&b, "xy", 2), ERR_TOO_LARGE);
    assert_int_equal(b.len, 100);
    assert_true(b.cap <= 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(b.data[i], i);
    buf_consume(&b, 98);
    assert_int_equal(b.len, 2);
    assert_int_equal(b.data[0], 98);
    buf_clear(&b);
    assert_ok(buf_put_text(&b, "again"));
    assert_true(view_is(buf_view(&b), "again"));
}

static void test_buffer_numbers_and_text(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_WITH(64);
    const uint8_t wanted[] = {1, 0, 2, 0, 0, 0, 0, 0, 0, 3, 'x', '=', '5'};
    assert_ok(buf_put_u16le(&b, 1));
    assert_ok(buf_put_u32le(&b, 2));
    assert_ok(buf_put_u32be(&b, 3));
    assert_ok(buf_printf(&b, "x=%d", 5));
    assert_int_equal(b.len, sizeof(wanted));
    assert_memory_equal(b.data, wanted, sizeof(wanted));
    assert_err(buf_printf(&b, "%64d", 1), ERR_TOO_LARGE);
    assert_int_equal(b.len, sizeof(wanted));
}

static void test_allocations_fail(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_WITH(1000);
    mem_fail_after(0);
    assert_err(buf_put(&b, "x", 1), ERR_NOMEM);
    mem_fail_after(-1);
    assert_int_equal(b.len, 0);
    assert_ok(buf_put(&b, "x", 1));
    mem_fail_after(0);
    uint8_t *room = NULL;
    assert_err(buf_reserve(&b, 900, &room), ERR_NOMEM);
    mem_fail_after(-1);
    assert_int_equal(b.len, 1);
    assert_int_equal(b.data[0], 'x');
}

static void test_mem(void **state)
{
    (void)state;
    AUTO_MEM uint8_t *zeroed = mem_alloc(3, 5);
    assert_non_null(zeroed);
    for (unsigned i = 0; i < 15; i++)
        assert_int_equal(zeroed[i], 0);
    assert_true(mem_size(zeroed) >= 15);
    for (size_t n = 1; n <= 4096; n *= 2) { /* a block that somebody has written to is zeroed for the next one */
        uint8_t *used = mem_alloc(1, n);
        assert_non_null(used);
        memset(used, 0xff, n);
        mem_free(used);
        AUTO_MEM uint8_t *again = mem_alloc(n, 1);
        assert_non_null(again);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(again[i], 0);
    }
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(mem_alloc(huge, 3));
    AUTO_MEM uint8_t *copy = mem_copy("ab", 2);
    assert_memory_equal(copy, "ab", 2);
    mem_fail_after(1);
    AUTO_MEM void *first = mem_alloc(1, 1);
    AUTO_MEM void *second = mem_alloc(1, 1);
    mem_fail_after(-1);
    assert_non_null(first);
    assert_null(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_getters),
        cmocka_unit_test(test_view_is_unchanged_on_error),
        cmocka_unit_test(test_view_equal), cmocka_unit_test(test_view_cut),
        cmocka_unit_test(test_buffer_stops_at_its_maximum),
        cmocka_unit_test(test_buffer_numbers_and_text),
        cmocka_unit_test(test_allocations_fail),
        cmocka_unit_test(test_mem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
