/* The tensor digest, running or all at once. */
#include "tensor/digest.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

err_t tensor_digest_init(struct tensor_digest *d)
{
    *d = (struct tensor_digest){0};
    return sha256_init(&d->hash);
}

void tensor_digest_done(struct tensor_digest *d)
{
    sha256_done(&d->hash);
}

static err_t hash_descs(struct tensor_digest *d, struct view descs)
{
    if (d->descs_len > 0 && view_equal(view_of(d->descs, d->descs_len), descs))
        return OK;
    d->descs_len = 0;
    TRY(sha256_reset(&d->hash));
    TRY(sha256_update(&d->hash, descs.data, descs.len));
    TRY(sha256_final(&d->hash, d->descs_digest));
    if (descs.len <= sizeof(d->descs)) {
        memcpy(d->descs, descs.data, descs.len);
        d->descs_len = descs.len;
    }
    return OK;
}

err_t tensor_digest_begin(struct tensor_digest *d, const struct desc_list *descs, uint8_t ret_descs[static SHA256_LEN])
{
    d->left = 0;
    TRY(hash_descs(d, descs->encoded));
    memcpy(ret_descs, d->descs_digest, SHA256_LEN);
    TRY(sha256_reset(&d->hash));
    return sha256_update(&d->hash, ret_descs, SHA256_LEN);
}

err_t tensor_digest_value(struct tensor_digest *d, uint64_t len)
{
    assert(d->left == 0);
    uint64_t raw = htole64(len);
    d->left = len;
    return sha256_update(&d->hash, &raw, sizeof(raw));
}

err_t tensor_digest_bytes(struct tensor_digest *d, const void *bytes, size_t n)
{
    assert(n <= d->left);
    d->left -= n;
    return sha256_update(&d->hash, bytes, n);
}

err_t tensor_digest_final(struct tensor_digest *d, uint8_t ret[static SHA256_LEN])
{
    assert(d->left == 0);
    return sha256_final(&d->hash, ret);
}

err_t tensor_digest_of(const struct value_set *set, const uint8_t *area, uint8_t ret_descs[static SHA256_LEN],
                       uint8_t ret[static SHA256_LEN])
{
    AUTO(tensor_digest_done) struct tensor_digest d = {0};
    TRY(tensor_digest_init(&d));
    TRY(tensor_digest_begin(&d, &set->descs, ret_descs));
    for (size_t i = 0; i < set->descs.count; i++) {
        TRY(tensor_digest_value(&d, set->places[i].len));
        TRY(tensor_digest_bytes(&d, area + set->places[i].offset, set->places[i].len));
    }
    return tensor_digest_final(&d, ret);
}
