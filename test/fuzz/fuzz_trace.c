/* A traceparent is answered with one that is answered the same way. */
#include "front/trace.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char first[TRACE_LEN];
    char second[TRACE_LEN];
    if (!trace_answer(view_of(data, size), 171, first))
        return 0;
    if (!trace_answer(view_of(first, sizeof(first)), 171, second) || memcmp(first, second, sizeof(first)) != 0)
        abort();
    return 0;
}
