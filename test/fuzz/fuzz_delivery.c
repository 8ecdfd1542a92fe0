/* A delivered configuration: what is taken is exactly what its text would be sent as. */
#include "wire/delivery.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf again = BUF_WITH(DELIVERY_MAX);
    struct view text;
    if (delivery_decode(view_of(data, size), &text) != OK)
        return 0;
    assert(delivery_encode(text, &again) == OK && view_equal(buf_view(&again), view_of(data, size)));
    return 0;
}
