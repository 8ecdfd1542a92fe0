/* Tensors from JSON: what is not read to its end is not there, whatever of it was good. */
#include "cli/tensors.h"
#include "unit.h"

#include <stdio.h>

#define MANY "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"

static struct tensor_args args;

static const char *const bad[] = {
    "",
    "[",
    "{}",
    "null",
    "[1,null]",
    "[[],\"x\"]",
    "[[],[],{\"x\":1}]",
    "[\"a\",{\"x\":1}]",
    "[[1,2],[3]]",
    "[[1],2]",
    "[1,[2]]",
    "[" MANY ",0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
};

static void test_good(void **state UNUSED)
{
    assert_ok(tensor_args_add_json(&args, view_of("x", 1), view_of("[[1,2.5],[3,4]]", 15), NULL));
    assert_ok(tensor_args_add_json(&args, view_of("y", 1), view_of("[[],[]]", 7), NULL));
    assert_int_equal(args.count, 2);
    assert_int_equal(args.items[0].count, 4);
    assert_int_equal(args.items[1].count, 0);
    tensor_args_done(&args);
}

static void test_bad(void **state UNUSED)
{
    char argument[256];
    assert_ok(tensor_args_add(&args, "kept=[1]", NULL));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_err(tensor_args_add_json(&args, view_of("x", 1), view_of(bad[i], strlen(bad[i])), NULL), ERR_USAGE);
        (void)snprintf(argument, sizeof(argument), "x=%s", bad[i]);
        assert_err(tensor_args_add(&args, argument, NULL), ERR_USAGE);
        assert_int_equal(args.count, 1);
        assert_null(tensor_args_find(&args, view_of("x", 1)));
    }
    assert_non_null(tensor_args_find(&args, view_of("kept", 4)));
    assert_err(tensor_args_add(&args, "x=@/dev/null", NULL), ERR_USAGE);
    assert_err(tensor_args_add(&args, "kept=[2]", NULL), ERR_USAGE);
    assert_int_equal(args.count, 1);
    tensor_args_done(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests_name("tensors", tests, NULL, NULL);
}
