/* What the tests of base share. */
#ifndef VERONNX_TEST_UNIT_BASE_H
#define VERONNX_TEST_UNIT_BASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_ok(call)         assert_int_equal((int)(call), 0)
#define assert_err(call, error) assert_int_equal((int)(call), (int)(error))

#endif
