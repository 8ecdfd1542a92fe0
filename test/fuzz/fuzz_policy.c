/* The text of a policy: what comes out is canonical, so it comes out again as it is. */
#include "verify/policy.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf once = BUF_WITH(MIB);
    AUTO_BUF struct buf twice = BUF_WITH(MIB);
    if (policy_canonical(view_of(data, size), &once) != OK)
        return 0;
    err_t e = policy_canonical(buf_view(&once), &twice);
    assert(e == OK && view_equal(buf_view(&once), buf_view(&twice)));
    return 0;
}
