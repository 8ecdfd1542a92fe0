/* The tail of RECEIPTS: what is taken is written again byte for byte. */
#include "wire/receipts.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view rest = view_of(data, size);
    AUTO_BUF struct buf copy = BUF_WITH(size + 1);
    struct wire_receipt r;
    while (wire_receipts_next(&rest, &r) == OK) {
        assert(r.statement.len + r.cose.len <= RECEIPT_MAX);
        err_t e = wire_receipts_put(&copy, &r);
        assert(e == OK);
    }
    assert(view_equal(buf_view(&copy), view_of(data, size - rest.len)));
    return 0;
}
