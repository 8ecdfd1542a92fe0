/* Heads of requests. */
#include "front/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct head head;
static uint8_t room[20000];

static struct view text_view(const char *text)
{
    return view_of(text, strlen(text));
}

static void begin(const char *target)
{
    head_init(&head, room, sizeof(room));
    assert_int_equal(head_put(&head, &head.target, text_view(target)), OK);
}

static void add(const char *name, const char *value)
{
    struct head_field *field = NULL;
    assert_int_equal(head_next(&head, &field), OK);
    assert_int_equal(head_put(&head, &field->name, text_view(name)), OK);
    assert_int_equal(head_put(&head, &field->value, text_view(value)), OK);
}

static void test_texts_in_pieces(void **state)
{
    struct head_field *field = NULL;
    (void)state;
    begin("/a");
    assert_int_equal(head_put(&head, &head.target, text_view("bc")), OK);
    assert_int_equal(head_next(&head, &field), OK);
    assert_int_equal(head_put(&head, &field->name, text_view("X-")), OK);
    assert_int_equal(head_put(&head, &field->name, text_view("Y")), OK);
    assert_int_equal(head_put(&head, &field->value, text_view("1 ")), OK);
    assert_int_equal(head_put(&head, &field->value, text_view("2 \t ")), OK);
    head_trim(&field->value);
    add("Empty", "");
    assert_int_equal(head_check(&head, NULL), OK);
    assert_true(view_is(head.target, "/abc"));
    assert_true(view_is(head_find(&head, "x-y"), "1 2"));
    assert_non_null(head_find(&head, "empty").data);
    assert_int_equal(head_find(&head, "empty").len, 0);
    assert_null(head_find(&head, "x-").data);
}

static void test_room(void **state)
{
    struct head_field *field = NULL;
    (void)state;
    head_init(&head, room, 10);
    assert_int_equal(head_put(&head, &head.target, text_view("/12345678")), OK);
    assert_int_equal(head_next(&head, &field), OK);
    assert_int_equal(head_put(&head, &field->name, text_view("ab")), ERR_HEADERS_TOO_LARGE);
    assert_int_equal(head_put(&head, &field->name, text_view("a")), OK);
    assert_int_equal(head_put(&head, &field->value, text_view("")), OK);
    assert_int_equal(head_put(&head, &field->value, text_view("v")), ERR_HEADERS_TOO_LARGE);
    begin("/");
    for (int i = 0; i < HTTP_FIELDS_MAX; i++)
        add("a", "b");
    assert_int_equal(head_next(&head, &field), ERR_HEADERS_TOO_LARGE);
    assert_int_equal(head.n_fields, HTTP_FIELDS_MAX);
}

static void test_fields_that_stand_once(void **state)
{
    static const struct {
        const char *name;
        err_t twice;
    } known[] = {
        {"Host", ERR_BAD_REQUEST},
        {"Content-Length", ERR_BAD_REQUEST},
        {"Transfer-Encoding", ERR_BAD_REQUEST},
        {"Content-Encoding", ERR_MEDIA_TYPE},
        {"Content-Type", ERR_BAD_REQUEST},
        {"Expect", ERR_BAD_REQUEST},
        {"Authorization", ERR_BAD_REQUEST},
        {"Veronnx-Request-Id", ERR_BAD_REQUEST},
        {"Inference-Header-Content-Length", ERR_BAD_REQUEST},
        {"Accept", OK},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        struct why why = {0};
        begin("/");
        add(known[i].name, "a");
        assert_int_equal(head_check(&head, &why), OK);
        add("Other", "c");
        add(known[i].name, "b");
        assert_int_equal(head_check(&head, &why), known[i].twice);
        assert_true(known[i].twice == OK || strstr(why.text, "stands twice") != NULL);
    }
}

static void test_targets(void **state)
{
    static char longest[HTTP_TARGET_MAX + 2];
    static const struct {
        const char *target;
        err_t result;
    } targets[] = {
        {"/", OK},
        {"/~!$&'()*+,;=:@%20?a/b?c", OK},
        {"", ERR_BAD_REQUEST},
        {"a", ERR_BAD_REQUEST},
        {"*", ERR_BAD_REQUEST},
        {"http://a/", ERR_BAD_REQUEST},
        {"/a b", ERR_BAD_REQUEST},
        {"/a\tb", ERR_BAD_REQUEST},
        {"/a\x7f", ERR_BAD_REQUEST},
        {"/\xc3\xa4", ERR_BAD_REQUEST},
        {"/a#b", ERR_BAD_REQUEST},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        begin(targets[i].target);
        assert_int_equal(head_check(&head, NULL), targets[i].result);
    }
    memset(longest, '/', HTTP_TARGET_MAX);
    begin(longest);
    assert_int_equal(head_check(&head, NULL), OK);
    longest[HTTP_TARGET_MAX] = '/';
    begin(longest);
    assert_int_equal(head_check(&head, NULL), ERR_TARGET_TOO_LONG);
}

static void test_expect(void **state)
{
    bool expects = true;
    (void)state;
    begin("/");
    assert_int_equal(head_check(&head, NULL), OK);
    assert_int_equal(head_expects(&head, &expects), OK);
    assert_false(expects);
    add("Expect", "100-CONTINUE");
    assert_int_equal(head_check(&head, NULL), OK);
    assert_int_equal(head_expects(&head, &expects), OK);
    assert_true(expects);
    begin("/");
    add("Expect", "100-continue, other");
    assert_int_equal(head_check(&head, NULL), OK);
    assert_int_equal(head_expects(&head, &expects), ERR_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_in_pieces),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_fields_that_stand_once),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_expect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
