/* Lists of descriptors: what is taken encodes to the same bytes. */
#include "tensor/desc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(desc_list_done) struct desc_list parsed = {0};
    AUTO(desc_list_done) struct desc_list made = {0};
    if (desc_list_parse(view_of(data, size), &parsed) != OK)
        return 0;
    if (desc_list_make(parsed.items, parsed.count, &made) != OK || !view_equal(made.encoded, view_of(data, size)))
        abort();
    return 0;
}
