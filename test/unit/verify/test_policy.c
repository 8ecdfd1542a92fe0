/* The order of lines is that of whole lines, as the configuration commits them. */
#include "verify/policy.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct view text_of(const char *text)
{
    return view_of(text, strlen(text));
}

static void canonical(void **state)
{
    static const struct {
        const char *text;
        const char *wanted;
    } rows[] = {
        {"", ""},
        {"\n  \n# remark\n[policy]\n", ""},
        {"a = 1", "a = 1\n"},
        {"a=1\r\n", "a = 1\n"},
        {"\t b \t=\t 2  \n a = 1\n", "a = 1\nb = 2\n"},
        {"a-b = 1\na = 2\n", "a = 2\na-b = 1\n"}, /* "a = 2" is below "a-b = 1": a blank is below a hyphen */
        {"a = 10\na = 1\na = 2\n", "a = 1\na = 10\na = 2\n"},
        {"a = b = c\n", "a = b = c\n"},
        {"a =\n", "a = \n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = BUF_WITH(256);
        assert_int_equal(policy_canonical(text_of(rows[i].text), &out), OK);
        assert_true(view_is(buf_view(&out), rows[i].wanted));
    }
}

static void refused(void **state)
{
    static const char *const rows[] = {"a\n", "= 1\n", " = 1\n", "[node]\n", "a = 1\n[fetch]\n", "a 1\n"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = BUF_WITH(256);
        assert_int_equal(policy_canonical(text_of(rows[i]), &out), ERR_MALFORMED);
    }
}

static void limits(void **state)
{
    AUTO_BUF struct buf text = BUF_WITH(64 * KIB);
    AUTO_BUF struct buf out = BUF_WITH(64 * KIB);
    AUTO_BUF struct buf small = BUF_WITH(6);
    (void)state;
    for (size_t i = 0; i < POLICY_LINES; i++)
        assert_int_equal(buf_put_text(&text, "a = 1\n"), OK);
    assert_int_equal(policy_canonical(buf_view(&text), &out), OK);
    assert_int_equal(buf_put_text(&text, "a = 1\n"), OK);
    assert_int_equal(policy_canonical(buf_view(&text), &out), ERR_MALFORMED);
    assert_int_equal(policy_canonical(text_of("a = 12\n"), &small), ERR_TOO_LARGE);
    mem_fail_after(0);
    assert_int_equal(policy_canonical(text_of("a = 1\n"), &out), ERR_NOMEM);
    mem_fail_after(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(canonical), cmocka_unit_test(refused), cmocka_unit_test(limits)};
    return cmocka_run_group_tests_name("verify/policy", tests, NULL, NULL);
}
