/* What the tests of src/attest share. */
#ifndef VERONNX_TEST_ATTEST_UNIT_H
#define VERONNX_TEST_ATTEST_UNIT_H

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define assert_ok(call) assert_err(call, OK)
#define assert_err(call, code)                                                                                         \
    do {                                                                                                               \
        err_t got_ = (call);                                                                                           \
        if (got_ != (code))                                                                                            \
            fail_msg("%s: %s, wanted %s", #call, err_name(got_), err_name(code));                                      \
    } while (0)

static inline struct view text_view(const char *text)
{
    return view_of(text, strlen(text));
}

/* The bytes of hexadecimal text; `bytes` has room for them. */
static inline struct view hex_view(const char *hex, uint8_t *bytes)
{
    size_t n = strlen(hex) / 2;
    assert_ok(hex_decode(view_of(hex, 2 * n), bytes, n));
    return view_of(bytes, n);
}

#endif
