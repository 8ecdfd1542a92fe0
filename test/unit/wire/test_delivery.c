/* The configuration on its way: what was put in comes out, and nothing else comes out of anything else. */
#include "wire/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define HEAD "veronnx-config-1\n"

static void assert_decodes_to(const void *bytes, size_t n, err_t wanted)
{
    struct view text;
    assert_int_equal((int)delivery_decode(view_of(bytes, n), &text), (int)wanted);
}

static void test_there_and_back(void **state UNUSED)
{
    static uint8_t longest[DELIVERY_TEXT_MAX + 1];
    static const size_t sizes[] = {0, 1, DELIVERY_TEXT_MAX};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        AUTO_BUF struct buf out = BUF_WITH(DELIVERY_MAX);
        struct view text;
        memset(longest, 'a', sizeof(longest));
        assert_int_equal((int)delivery_encode(view_of(longest, sizes[i]), &out), OK);
        assert_int_equal(out.len, DELIVERY_HEAD + sizes[i]);
        assert_int_equal((int)delivery_decode(buf_view(&out), &text), OK);
        assert_true(view_equal(text, view_of(longest, sizes[i])));
        for (size_t n = 0; n < out.len; n += 1 + n / 7)
            assert_decodes_to(out.data, n, ERR_TRUNCATED);
    }
    AUTO_BUF struct buf out = BUF_WITH(2 * DELIVERY_MAX);
    assert_int_equal((int)delivery_encode(view_of(longest, sizeof(longest)), &out), ERR_TOO_LARGE);
}

static void test_bytes_of_the_page(void **state UNUSED)
{
    AUTO_BUF struct buf out = BUF_WITH(DELIVERY_MAX);
    assert_int_equal((int)delivery_encode(view_of("ab", 2), &out), OK);
    assert_memory_equal(out.data, HEAD "\x02\0\0\0ab", DELIVERY_HEAD + 2);
}

static void test_refusals(void **state UNUSED)
{
    assert_decodes_to("veronnx-config-2\n\0\0\0\0", 21, ERR_MALFORMED);
    assert_decodes_to("[node]\nlisten = *:1\n\n\n", 22, ERR_MALFORMED);
    assert_decodes_to(HEAD "\x01\0\0\0ab", 23, ERR_MALFORMED);
    assert_decodes_to(HEAD "\x01\x40\0\0", 21, ERR_TOO_LARGE);
    assert_decodes_to(HEAD "\xff\xff\xff\xff", 21, ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_bytes_of_the_page),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
