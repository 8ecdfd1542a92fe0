/* Signatures: what is taken encodes to the same bytes. */
#include "tensor/desc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(signature_done) struct signature parsed = {0};
    AUTO(signature_done) struct signature made = {0};
    if (signature_parse(view_of(data, size), &parsed) != OK)
        return 0;
    if (signature_make(parsed.inputs, parsed.input_count, parsed.outputs, parsed.output_count, &made) != OK ||
        !view_equal(made.encoded, view_of(data, size)))
        abort();
    return 0;
}
