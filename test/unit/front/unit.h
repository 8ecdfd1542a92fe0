/* What every test program of this folder begins with. */
#ifndef VERONNX_TEST_FRONT_UNIT_H
#define VERONNX_TEST_FRONT_UNIT_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

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

static inline void assert_view(struct view got, struct view expected)
{
    assert_int_equal(got.len, expected.len);
    if (got.len > 0)
        assert_memory_equal(got.data, expected.data, got.len);
}

/* As a text, so that a failure can be read. */
static inline void assert_text(const struct buf *got, const char *expected)
{
    char *text = calloc(got->len + 1, 1);
    assert_non_null(text);
    if (got->len > 0)
        memcpy(text, got->data, got->len);
    assert_string_equal(text, expected);
    free(text);
}

#endif
