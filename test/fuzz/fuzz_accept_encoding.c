/* Any Accept-Encoding has an answer that can be named. */
#include "front/deflate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum coding coding = coding_accepted(view_of(data, size));
    if ((coding_name(coding) == NULL) != (coding == CODING_NONE))
        abort();
    return 0;
}
