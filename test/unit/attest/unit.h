/* What the tests of src/attest share. */
#ifndef VERONNX_TEST_ATTEST_UNIT_H
#define VERONNX_TEST_ATTEST_UNIT_H

#include "../unit.h"
#include "base/text.h"

/* The bytes of hexadecimal text; `bytes` has room for them. */
static inline struct view hex_view(const char *hex, uint8_t *bytes)
{
    size_t n = strlen(hex) / 2;
    assert_ok(hex_decode(view_of(hex, 2 * n), bytes, n));
    return view_of(bytes, n);
}

#endif
