/* Linked into front and infer, makes of them a node that proves nothing, to measure what proofs cost: no ticket, no
   digest of a tensor, no report, so that the keeper has nothing to sign. It needs `receipts = false`, or front would
   wait. All else is as it is. */
#include "tensor/digest.h"
#include "wire/frame.h"

typeof(wire_pack_put) __real_wire_pack_put, __wrap_wire_pack_put;
typeof(tensor_digest_begin) __wrap_tensor_digest_begin;
typeof(tensor_digest_value) __wrap_tensor_digest_value;
typeof(tensor_digest_bytes) __wrap_tensor_digest_bytes;
typeof(tensor_digest_final) __wrap_tensor_digest_final;

err_t __wrap_wire_pack_put(struct wire_pack *p, const struct wire_end *end, enum wire_type type, const void *fixed,
                           struct view tail)
{
    return type == MSG_TICKET || type == MSG_REPORT ? OK : __real_wire_pack_put(p, end, type, fixed, tail);
}

err_t __wrap_tensor_digest_begin(UNUSED struct tensor_digest *d, UNUSED const struct desc_list *descs,
                                 UNUSED uint8_t ret_descs[static SHA256_LEN])
{
    return OK;
}

err_t __wrap_tensor_digest_value(UNUSED struct tensor_digest *d, UNUSED uint64_t len)
{
    return OK;
}

err_t __wrap_tensor_digest_bytes(UNUSED struct tensor_digest *d, UNUSED const void *bytes, UNUSED size_t n)
{
    return OK;
}

err_t __wrap_tensor_digest_final(UNUSED struct tensor_digest *d, UNUSED uint8_t ret[static SHA256_LEN])
{
    return OK;
}
