/* Packing and unpacking the header's value. */
#include "receipt/receipt.h"

static void put_descriptors(struct cbor_writer *w, struct view descriptors)
{
    if (descriptors.data != NULL && descriptors.len <= RECEIPT_DESCRIPTORS_MAX)
        cbor_put_bytes(w, descriptors);
    else
        cbor_put_null(w);
}

err_t receipt_pack(const struct receipt_parts *parts, char ret_text[static RECEIPT_TEXT_MAX + 1])
{
    UNINITIALIZED uint8_t bytes[RECEIPT_BYTES_MAX];
    struct view written = {0};
    struct cbor_writer w = cbor_writer_on(bytes, sizeof(bytes));
    cbor_put_array(&w, 4);
    cbor_put_bytes(&w, parts->statement);
    cbor_put_encoded(&w, parts->cose);
    put_descriptors(&w, parts->in_descriptors);
    put_descriptors(&w, parts->out_descriptors);
    TRY(cbor_written(&w, &written));
    base64url_encode(written.data, written.len, ret_text);
    return OK;
}

static err_t get_descriptors(struct cbor_reader *r, struct view *ret)
{
    return cbor_at(r, CBOR_SIMPLE) ? cbor_get_null(r) : cbor_get_bytes(r, RECEIPT_DESCRIPTORS_MAX, ret);
}

static err_t receipt_read(struct cbor_reader *r, struct receipt *ret, struct why *why)
{
    TRY(cbor_enter_array(r, 4));
    TRY(cbor_get_bytes(r, STATEMENT_MAX, &ret->statement_bytes));
    TRY(statement_decode(ret->statement_bytes, &ret->statement, why));
    TRY(cose_read(r, &ret->proof, why));
    TRY(get_descriptors(r, &ret->in_descriptors));
    TRY(get_descriptors(r, &ret->out_descriptors));
    TRY(cbor_leave(r));
    return cbor_end(r);
}

err_t receipt_decode(struct view bytes, struct receipt *ret, struct why *why)
{
    struct receipt receipt = {0};
    struct cbor_reader r = cbor_reader_on(bytes, CBOR_DETERMINISTIC);
    err_t e = receipt_read(&r, &receipt, why);
    if (e == ERR_RECEIPT_MALFORMED || e == ERR_RECEIPT_PROOF)
        return e;
    if (e != OK)
        return why_set(why, ERR_RECEIPT_MALFORMED, "receipt: not statement, COSE_Sign1 and both sides' descriptors");
    *ret = receipt;
    return OK;
}

err_t receipt_unpack(struct view text, struct buf *bytes, struct receipt *ret, struct why *why)
{
    buf_init(bytes, RECEIPT_BYTES_MAX + 2); /* the decoder reserves whole groups */
    if (text.len > RECEIPT_TEXT_MAX)
        return why_set(why, ERR_RECEIPT_MALFORMED, "receipt: longer than %zu characters", RECEIPT_TEXT_MAX);
    err_t e = base64url_decode(text, bytes);
    if (e == ERR_NOMEM)
        return e;
    if (e != OK)
        return why_set(why, ERR_RECEIPT_MALFORMED, "receipt: not base64url without padding");
    return receipt_decode(buf_view(bytes), ret, why);
}
