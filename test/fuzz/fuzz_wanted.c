/* The policy that somebody wants: what it says stays, what it leaves out stands behind it once, and then nothing is
 * left out. */
#include "cli/wanted.h"
#include "verify/policy.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64 * KIB)

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf text = BUF_WITH(TEXT_MAX + WANTED_DEFAULTS);
    AUTO_BUF struct buf twice = BUF_WITH(TEXT_MAX + WANTED_DEFAULTS);
    AUTO_BUF struct buf canonical = BUF_WITH(TEXT_MAX + WANTED_DEFAULTS);
    if (size > TEXT_MAX)
        return 0;
    REQUIRE(buf_put(&text, data, size) == OK && wanted_fill(&text) == OK);
    REQUIRE(text.len >= size && text.len <= size + WANTED_DEFAULTS);
    REQUIRE(size == 0 || memcmp(text.data, data, size) == 0);
    REQUIRE(buf_put_view(&twice, buf_view(&text)) == OK && wanted_fill(&twice) == OK);
    REQUIRE(view_equal(buf_view(&text), buf_view(&twice)));
    (void)!policy_canonical(buf_view(&text), &canonical);
    return 0;
}
