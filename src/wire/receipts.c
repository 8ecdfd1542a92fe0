/* Packing receipts into one message and unpacking them. */
#include "wire/receipts.h"

err_t wire_receipts_put(struct buf *tail, const struct wire_receipt *r)
{
    uint8_t *room = NULL;
    struct msg_receipt head = {
        .job = r->job, .statement_len = (uint32_t)r->statement.len, .cose_len = (uint32_t)r->cose.len};
    TRY(buf_reserve(tail, sizeof(head) + r->statement.len + r->cose.len, &room)); /* all of it or nothing */
    TRY(buf_put(tail, &head, sizeof(head)));
    TRY(buf_put_view(tail, r->statement));
    return buf_put_view(tail, r->cose);
}

err_t wire_receipts_next(struct view *tail, struct wire_receipt *ret)
{
    struct view rest = *tail;
    struct msg_receipt head;
    struct wire_receipt r = {0};
    if (view_copy(&rest, &head, sizeof(head)) != OK || head.statement_len > RECEIPT_MAX ||
        head.cose_len > RECEIPT_MAX - head.statement_len)
        return ERR_PROTOCOL;
    if (view_take(&rest, head.statement_len, &r.statement) != OK || view_take(&rest, head.cose_len, &r.cose) != OK)
        return ERR_PROTOCOL;
    r.job = head.job;
    *ret = r;
    *tail = rest;
    return OK;
}
