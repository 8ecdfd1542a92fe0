/* Kinds of sources and the form of their URLs. */
#include "wire/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static err_t check(const char *url)
{
    return source_url_check(view_of(url, strlen(url)), NULL);
}

static void kinds(void **state)
{
    (void)state;
    enum source_kind kind = SOURCE_KINDS_;
    for (unsigned i = 0; i < SOURCE_KINDS_; i++) {
        assert_int_equal(source_kind_find(view_of(source_kind_names[i], strlen(source_kind_names[i])), &kind), OK);
        assert_int_equal(kind, i);
    }
    assert_int_equal(source_kind_find(view_of("Kubo", 4), &kind), ERR_USAGE);
    assert_int_equal(source_kind_find(view_of("", 0), &kind), ERR_USAGE);
}

static void good_urls(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "http://127.0.0.1:8080",
        "https://ipfs.example.com",
        "http://h",
        "http://h/",
        "https://h:65535/a/b%20c/~x;y=1,2",
        "http://[::1]:5001",
        "http://[2001:db8::1.2.3.4]",
        "http://a-b.c:1",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (check(rows[i]) != OK)
            fail_msg("%s", rows[i]);
    char longest[SOURCE_URL_MAX + 1];
    (void)snprintf(longest, sizeof(longest), "http://h/%0*d", SOURCE_URL_MAX - 10, 0);
    assert_int_equal(strlen(longest), SOURCE_URL_MAX - 1);
    assert_int_equal(check(longest), OK);
}

static void bad_urls(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "h",
        "//h",
        "ftp://h",
        "HTTP://h",
        "http:/h",
        "http://",
        "http:///path",
        "http://user@h",
        "http://user:pass@h",
        "http://h@evil",
        "http://h/@x",
        "http://h?x=1",
        "http://h/?x=1",
        "http://h#x",
        "http://h:",
        "http://h:0",
        "http://h:65536",
        "http://h:8o",
        "http://h:000080",
        "http://h:80 ",
        " http://h",
        "http://h /",
        "http://h\n",
        "http://h/\x7f",
        "http://h/\xc3\xa9",
        "http://\xc3\xa9",
        "http://h/\\x",
        "http://h/\"x",
        "http://[::1",
        "http://[]",
        "http://[1]:1",
        "http://[::1]x",
        "http://::1",
        "http://h_x",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (check(rows[i]) != ERR_USAGE)
            fail_msg("%s", rows[i]);
    assert_int_equal(source_url_check(view_of("http://h/\0", 10), NULL), ERR_USAGE);
    char longest[SOURCE_URL_MAX + 2];
    (void)snprintf(longest, sizeof(longest), "http://h/%0*d", SOURCE_URL_MAX - 9, 0);
    assert_int_equal(check(longest), ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kinds), cmocka_unit_test(good_urls),
                                       cmocka_unit_test(bad_urls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
