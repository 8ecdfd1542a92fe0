/* Reading a bundle, its keyset and its receipt; what is read must be written as the same bytes. */
#include "base/mem.h"
#include "receipt/bundle.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keyset_again(struct view bytes)
{
    struct keyset k = {0};
    uint8_t room[KEYSET_MAX];
    size_t len = 0;
    if (keyset_decode(bytes, &k) != OK)
        return;
    err_t e = keyset_encode(&k, room, &len);
    assert(e == OK && view_equal(view_of(room, len), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[BUNDLE_MAX];
    struct bundle b = {0};
    struct receipt receipt;
    struct why why;
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    keyset_again(view_of(data, size));
    if (bundle_read(view_of(data, size), &b, &why) != OK)
        return 0;
    err_t e = bundle_write(&b, &w);
    assert(e == OK && view_equal(view_of(room, w.len), view_of(data, size)));
    keyset_again(b.keyset);
    e = receipt_decode(b.receipt, &receipt, &why);
    assert(e == OK || e == ERR_RECEIPT_MALFORMED || e == ERR_RECEIPT_PROOF);
    return 0;
}
