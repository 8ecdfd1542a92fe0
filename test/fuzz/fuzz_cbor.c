/* The CBOR reader under all of its options. What the deterministic one takes, the writer must write again byte for
   byte. */
#include "base/utf8.h"
#include "receipt/cbor.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err_t copy_item(struct cbor_reader *r, struct cbor_writer *w);

#define SIZE 512

/* A container has lost its length when it is entered: its content is written first, apart. */
static err_t copy_container(struct cbor_reader *r, struct cbor_writer *w)
{
    uint8_t room[SIZE];
    bool map = cbor_at(r, CBOR_MAP);
    struct cbor_writer content = cbor_writer_on(room, sizeof(room));
    struct view written = {0};
    uint64_t n = 0;
    TRY(map ? cbor_enter_map(r, UINT64_MAX) : cbor_enter_array(r, UINT64_MAX));
    for (; cbor_more(r); n++)
        TRY(copy_item(r, &content));
    TRY(cbor_leave(r));
    if (map)
        cbor_put_map(w, n / 2);
    else
        cbor_put_array(w, n);
    TRY(cbor_written(&content, &written));
    cbor_put_encoded(w, written);
    return OK;
}

static err_t copy_string(struct cbor_reader *r, struct cbor_writer *w)
{
    struct view part = {0};
    if (cbor_at(r, CBOR_BYTES)) {
        TRY(cbor_get_bytes(r, SIZE_MAX, &part));
        cbor_put_bytes(w, part);
    } else {
        TRY(cbor_get_text(r, SIZE_MAX, &part));
        assert(utf8_valid(part));
        cbor_put_text(w, part);
    }
    return OK;
}

static err_t copy_item(struct cbor_reader *r, struct cbor_writer *w)
{
    int64_t i = 0;
    uint64_t n = 0;
    if (cbor_at(r, CBOR_ARRAY) || cbor_at(r, CBOR_MAP))
        return copy_container(r, w);
    if (cbor_at(r, CBOR_BYTES) || cbor_at(r, CBOR_TEXT))
        return copy_string(r, w);
    if (cbor_at(r, CBOR_UINT)) {
        TRY(cbor_get_uint(r, UINT64_MAX, &n));
        cbor_put_uint(w, n);
    } else if (cbor_at(r, CBOR_NINT)) {
        TRY(cbor_get_int(r, &i));
        cbor_put_int(w, i);
    } else if (cbor_at(r, CBOR_TAG)) {
        TRY(cbor_get_tag(r, 18));
        cbor_put_tag(w, 18);
        return copy_item(r, w);
    } else {
        TRY(cbor_get_null(r));
        cbor_put_null(w);
    }
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (unsigned allow = 0; allow < 4 && size <= SIZE; allow++) {
        uint8_t copy[SIZE];
        struct view written = {0};
        struct cbor_reader r = cbor_reader_on(view_of(data, size), allow);
        struct cbor_writer w = cbor_writer_on(copy, sizeof(copy));
        if (copy_item(&r, &w) != OK || cbor_end(&r) != OK)
            continue;
        err_t e = cbor_written(&w, &written); /* which is never longer than what was read */
        assert(e == OK);
        assert(allow != CBOR_DETERMINISTIC || view_equal(written, view_of(data, size)));
    }
    return 0;
}
