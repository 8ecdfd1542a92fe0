/* Text that two readers cannot take differently. */
#ifndef VERONNX_INFER_SCAN_UTF8_H
#define VERONNX_INFER_SCAN_UTF8_H

#include "base/buf.h"

/* Well-formed UTF-8 (Unicode 16, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF) and no NUL. */
bool utf8_is_text(struct view v);

#endif
