/* What every test program of this folder begins with. */
#ifndef VERONNX_TEST_EIF_UNIT_H
#define VERONNX_TEST_EIF_UNIT_H

#include "base/buf.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Compares codes by name, so that a failure can be read. */
#define assert_err(call, expected)                                                                                     \
    do {                                                                                                               \
        err_t got_ = (call);                                                                                           \
        assert_string_equal(err_name(got_), err_name(expected));                                                       \
    } while (0)
#define assert_ok(call) assert_err(call, OK)

static inline struct view text_view(const char *text)
{
    return view_of(text, strlen(text));
}

#endif
