/* What a security module answers to the request that the first byte names, and the same bytes as a request. What is
   taken must be written and read again to the same. */
#include "attest/nsm.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room[2 * NSM_RESPONSE_MAX];

static bool same(struct view a, struct view b)
{
    return view_equal(a, b) && (a.data == NULL) == (b.data == NULL);
}

static struct view written(const struct cbor_writer *w)
{
    struct view v = {0};
    err_t e = cbor_written(w, &v);
    assert(e == OK);
    return v;
}

static void respond(struct view bytes, enum nsm_op op)
{
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    struct nsm_response p, again;
    if (nsm_response_read(bytes, op, &p) != OK)
        return;
    err_t e = nsm_response_write(&p, &w);
    assert(e == OK);
    e = nsm_response_read(written(&w), op, &again);
    assert(e == OK && p.error == again.error && p.locked == again.locked && p.locked_pcrs == again.locked_pcrs);
    assert(p.max_pcrs == again.max_pcrs && same(p.bytes, again.bytes) && same(p.module_id, again.module_id));
    for (size_t i = 0; i < COUNT_OF(p.version); i++)
        assert(p.version[i] == again.version[i]);
}

static void request(struct view bytes)
{
    struct cbor_writer w = cbor_writer_on(room, sizeof(room));
    struct nsm_request q, again;
    if (nsm_request_read(bytes, &q) != OK)
        return;
    err_t e = nsm_request_write(&q, &w);
    assert(e == OK);
    e = nsm_request_read(written(&w), &again);
    assert(e == OK && q.op == again.op && q.index == again.index && same(q.data, again.data));
    assert(same(q.user_data, again.user_data) && same(q.nonce, again.nonce) && same(q.public_key, again.public_key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    respond(view_of(data + 1, size - 1), (enum nsm_op)(data[0] % NSM_OPS_));
    request(view_of(data + 1, size - 1));
    return 0;
}
