/* CIDs and model names as text and as bytes. What is taken has one spelling in each base, and comes back from it. */
#include "ipld/model_id.h"
#include "ipld/multibase.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_multibase(struct view text)
{
    uint8_t bytes[CID_TEXT_MAX];
    size_t len = 0;
    AUTO_BUF struct buf again = {.max = 2 * CID_TEXT_MAX + 1};
    if (text.len > CID_TEXT_MAX || multibase_decode(text, bytes, sizeof(bytes), &len) != OK)
        return;
    err_t e = multibase_encode((char)text.data[0], view_of(bytes, len), &again);
    assert(e == OK && view_equal(buf_view(&again), text));
}

static void check_cid(const struct cid *cid)
{
    char text[CID_TEXT_SIZE];
    struct cid again;
    cid_to_text(cid, text);
    err_t e = cid_from_text(view_of(text, cid_version(cid) == 0 ? 46 : 59), &again, NULL);
    assert(e == OK && cid_equal(cid, &again));
    e = cid_from_bytes(cid_view(cid), &again);
    assert(e == OK && cid_equal(cid, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view input = view_of(data, size);
    struct model_id id;
    struct cid_ref ref;
    struct why why;
    check_multibase(input);
    if (model_id_parse(input, &id, &why) == OK) {
        check_cid(&id.cid);
        err_t e = model_path_check(model_id_path(&id), NULL);
        assert(e == OK);
    }
    while (cid_take(&input, &ref) == OK) {
        if (ref.kind == CID_BLOCK)
            check_cid(&ref.cid);
        assert(ref.kind != CID_INLINE || ref.content.len <= CID_INLINE_MAX);
    }
    return 0;
}
