/* The block protocol from both sides: frames that are taken are written again byte for byte, and block_missing leads
   to the end. */
#include "wire/block.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frame(const struct block_frame *f, struct view bytes)
{
    AUTO_BUF struct buf copy = {.max = BLOCK_FRAME_MAX};
    err_t e = block_encode_head(&copy, f);
    assert(e == OK);
    e = buf_put_view(&copy, f->bytes);
    assert(e == OK && view_equal(buf_view(&copy), bytes));
    assert(f->type != BLOCK_WANT || block_want_len(f->cid.len) == bytes.len);
}

static void read_as(struct view in, enum block_sender from)
{
    for (;;) {
        struct view at = in;
        struct block_frame f;
        err_t e = block_decode(&in, from, &f);
        if (e == ERR_TRUNCATED)
            assert(block_missing(in) > 0 && block_missing(in) <= BLOCK_FRAME_MAX);
        if (e != OK)
            return;
        check_frame(&f, view_of(at.data, at.len - in.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_as(view_of(data, size), BLOCK_FROM_INFER);
    read_as(view_of(data, size), BLOCK_FROM_FETCH);
    return 0;
}
