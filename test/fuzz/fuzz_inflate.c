/* A compressed body: byte 0 chooses coding and pieces. In pieces or at once, the result must be the same. */
#include "front/body.h"

#include <stdlib.h>
#include <string.h>

#define BODY_MAX 50000

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err_t receive(struct body *b, struct buf *out, struct budget *budget, enum coding coding, const uint8_t *data,
                     size_t size, size_t piece)
{
    struct body_frame frame = {.coding = coding};
    TRY(body_begin(b, out, BODY_MAX, budget, &frame));
    for (size_t i = 0; i < size; i += piece)
        TRY(body_put(b, out, view_of(data + i, MIN(piece, size - i))));
    return body_end(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct budget budget = {.limit = 2 * BODY_MAX};
    struct body whole = {0};
    struct body pieces = {0};
    struct buf one = {0};
    struct buf two = {0};
    if (size < 2)
        return 0;
    enum coding coding = (data[0] & 1) != 0 ? CODING_GZIP : CODING_DEFLATE;
    err_t a = receive(&whole, &one, &budget, coding, data + 1, size - 1, size);
    err_t b = receive(&pieces, &two, &budget, coding, data + 1, size - 1, 1 + data[0] / 2U);
    REQUIRE(a == b && (a == OK || a == ERR_BAD_ENCODING || a == ERR_BODY_TOO_LARGE));
    REQUIRE(one.len <= BODY_MAX && (a != OK || view_equal(buf_view(&one), buf_view(&two))));
    body_done(&whole, &one);
    body_done(&pieces, &two);
    REQUIRE(budget.used == 0);
    return 0;
}
