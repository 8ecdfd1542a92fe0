/* What the tests of the command line share. */
#ifndef VERONNX_TEST_UNIT_CLI_H
#define VERONNX_TEST_UNIT_CLI_H

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define assert_err(call, expected)                                                                                     \
    do {                                                                                                               \
        err_t got_ = (call);                                                                                           \
        assert_string_equal(err_name(got_), err_name(expected));                                                       \
    } while (0)
#define assert_ok(call) assert_err(call, OK)

#endif
