/* Numbers and strings as JSON text, exactly as the original node prints them. */
#ifndef VERONNX_TENSOR_PRINT_H
#define VERONNX_TENSOR_PRINT_H

#include "base/buf.h"
#include "tensor/dtype.h"

#define PRINT_MAX 32 /* bytes that one number can take */

/* Python's repr: the shortest digits that read back equal, exponent below 1e-4 and from 1e16; not finite: "NaN",
   "Infinity" or
   "-Infinity" with the quotes. Returns the length; `ret` has room for PRINT_MAX bytes; no NUL. */
size_t print_double(double d, char *ret);
size_t print_int(int64_t n, char *ret);
size_t print_uint(uint64_t n, char *ret);
/* One element of any type but string: floats widened to double, bool as 0 or 1. */
size_t print_element(enum dtype dtype, const void *element, char *ret);

/* Appends a JSON string: `"`, `\` and control characters escaped, everything else as it is. ERR_MALFORMED when not
   UTF-8. `text` may change while it is read: every byte is looked at once. */
err_t print_string(struct buf *out, struct view text);

#endif
