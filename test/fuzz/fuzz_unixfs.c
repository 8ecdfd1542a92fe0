/* A UnixFS message: its sizes add up as it says; written again it reads the same. */
#include "ipld/unixfs.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sizes(const struct unixfs *u)
{
    struct view sizes = u->sizes;
    uint64_t sum = 0;
    size_t seen = 0;
    for (; sizes.len > 0; seen++) {
        uint64_t one = 0;
        err_t e = unixfs_take_size(&sizes, &one);
        assert(e == OK);
        sum += one;
    }
    assert(seen == u->n_sizes && sum == u->sizes_sum);
}

static void check_copy(const struct unixfs *u)
{
    AUTO_BUF struct buf copy = {.max = MIB};
    struct unixfs again;
    err_t e = unixfs_put(&copy, u);
    assert(e == OK);
    e = unixfs_parse(buf_view(&copy), &again);
    assert(e == OK && again.type == u->type && again.filesize == u->filesize && again.n_sizes == u->n_sizes);
    assert(view_equal(again.data, u->data) && view_equal(again.sizes, u->sizes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unixfs u;
    if (size > 4 * KIB || unixfs_parse(view_of(data, size), &u) != OK)
        return 0;
    check_sizes(&u);
    check_copy(&u);
    return 0;
}
