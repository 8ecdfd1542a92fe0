/* As much of JSON as the selftest writes, to standard output. */
#ifndef VERONNX_SELFTEST_JSON_H
#define VERONNX_SELFTEST_JSON_H

#include <stddef.h>

/* `separator` is empty before the first element and becomes a comma. */
void json_separate(const char **separator);
/* A string; what is not printable becomes a blank. */
void json_text(const char *text, size_t n);

#endif
