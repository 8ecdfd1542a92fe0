/* Decoding a statement. What is taken must be encoded to the same bytes. */
#include "receipt/statement.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct statement s;
    struct why why;
    uint8_t bytes[STATEMENT_MAX];
    size_t len = 0;
    if (statement_decode(view_of(data, size), &s, &why) != OK)
        return 0;
    assert(statement_encode(&s, bytes, &len, &why) == OK);
    assert(view_equal(view_of(bytes, len), view_of(data, size)));
    return 0;
}
