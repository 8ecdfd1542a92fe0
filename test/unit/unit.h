/* What test programs begin with: cmocka, and comparisons whose failures can be read. A folder with a unit.h of its own adds to it. */
#ifndef VERONNX_TEST_UNIT_H
#define VERONNX_TEST_UNIT_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SKIPPED 77

/* Codes are compared by name. */
#define assert_err(call, expected)                                                                                     \
    do {                                                                                                               \
        err_t got_ = (call);                                                                                           \
        if (got_ != (expected))                                                                                        \
            fail_msg("%s: %s, wanted %s", #call, err_name(got_), err_name(expected));                                  \
    } while (0)
#define assert_ok(call) assert_err(call, OK)

#define NOTHING view_of(NULL, 0)

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

/* As a text. */
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
