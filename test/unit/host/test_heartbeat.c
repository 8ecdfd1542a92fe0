/* What is posted. */
#include "host/heartbeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char contract[] = "0x4e72238852f3c918f4E4e57AeC9280dDB0c80248";

static void test_the_contract_is_added(void **state UNUSED)
{
    char text[256];
    assert_int_equal((int)heartbeat_compose("{\"teeId\":\"0x01\",\"timestamp\":\"5\"}\n", contract, text, sizeof(text)),
                     OK);
    assert_string_equal(text, "{\"teeId\":\"0x01\",\"timestamp\":\"5\",\"contractAddress\":"
                              "\"0x4e72238852f3c918f4E4e57AeC9280dDB0c80248\"}");
}

static void test_what_is_none(void **state UNUSED)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "{",
                                      "{}",
                                      "}",
                                      "[\"a\"]",
                                      "{\"a\":1",
                                      "\"a\":1}",
                                      "{\"a\":\"\x01\"}",
                                      "{\"a\":\"\x80\"}",
                                      "{\"a\":\n1}",
                                      "<html>",
                                      " {\"a\":1}"};
    char text[256];
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal((int)heartbeat_compose(bad[i], contract, text, sizeof(text)), ERR_PROTOCOL);
}

static void test_the_room(void **state UNUSED)
{
    static const char answer[] = "{\"a\":1}";
    const size_t need = strlen("{\"a\":1,\"contractAddress\":\"\"}") + strlen(contract) + 1;
    char text[256];
    assert_int_equal((int)heartbeat_compose(answer, contract, text, need), OK);
    assert_int_equal((int)heartbeat_compose(answer, contract, text, need - 1), ERR_PROTOCOL);
}

static void test_nowhere_to_post_to(void **state UNUSED)
{
    static const struct heartbeat_options options = {.every_s = 1};
    struct heartbeat *b = (struct heartbeat *)(uintptr_t)1;
    assert_int_equal((int)heartbeat_new(&options, &b), OK);
    assert_null(b);
    heartbeat_tick(b, 1000000);
    heartbeat_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_contract_is_added),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_the_room),
        cmocka_unit_test(test_nowhere_to_post_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
