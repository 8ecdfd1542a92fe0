/* Statuses and media types. */
#include "fetch/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void statuses(void **state)
{
    (void)state;
    static const struct {
        long status;
        enum answer answer;
    } rows[] = {
        {200, ANSWER_BLOCK},    {204, ANSWER_UNUSABLE}, {206, ANSWER_UNUSABLE}, {301, ANSWER_ABSENT},
        {302, ANSWER_ABSENT},   {308, ANSWER_ABSENT},   {304, ANSWER_ABSENT},   {400, ANSWER_UNUSABLE},
        {401, ANSWER_UNUSABLE}, {403, ANSWER_UNUSABLE}, {404, ANSWER_ABSENT},   {406, ANSWER_UNUSABLE},
        {408, ANSWER_BUSY},     {410, ANSWER_ABSENT},   {429, ANSWER_BUSY},     {451, ANSWER_ABSENT},
        {500, ANSWER_FAILED},   {502, ANSWER_FAILED},   {503, ANSWER_BUSY},     {504, ANSWER_FAILED},
        {599, ANSWER_FAILED},   {600, ANSWER_UNUSABLE}, {0, ANSWER_UNUSABLE},   {100, ANSWER_UNUSABLE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(answer_of_status(SOURCE_GATEWAY, rows[i].status), rows[i].answer);
    assert_int_equal(answer_of_status(SOURCE_KUBO, 500), ANSWER_ABSENT);
    assert_int_equal(answer_of_status(SOURCE_KUBO, 502), ANSWER_FAILED);
    assert_int_equal(answer_of_status(SOURCE_FILES, 500), ANSWER_FAILED);
}

static void types(void **state)
{
    (void)state;
    static const char *const right[] = {"application/vnd.ipld.raw", "Application/VND.ipld.RAW",
                                        "application/vnd.ipld.raw;x=y", "application/vnd.ipld.raw ; charset=utf-8",
                                        "application/vnd.ipld.raw\t"};
    static const char *const wrong[] = {"",
                                        "text/html",
                                        "application/vnd.ipld.raws",
                                        "application/vnd.ipld.ra",
                                        "x application/vnd.ipld.raw",
                                        "application/vnd.ipld.raw, text/html",
                                        "application/octet-stream"};
    for (size_t i = 0; i < COUNT_OF(right); i++)
        assert_true(answer_has_type(right[i], "application/vnd.ipld.raw"));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(answer_has_type(wrong[i], "application/vnd.ipld.raw"));
    assert_false(answer_has_type(NULL, "application/vnd.ipld.raw"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(statuses), cmocka_unit_test(types)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
