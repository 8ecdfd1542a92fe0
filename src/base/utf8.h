/* UTF-8 (RFC 3629), strict: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef VERONNX_BASE_UTF8_H
#define VERONNX_BASE_UTF8_H

#include "base/buf.h"

#define UTF8_MAX 4

/* Bytes of the character at the front of `v` (not empty): 1 to 4, or 0 when it is not one. */
size_t utf8_char(struct view v);
/* True when `v` is nothing but characters; also when empty. */
bool utf8_valid(struct view v);

#endif
