/* Requests and responses as messages; their types stand in the table in the order of enum nsm_op. */
#include "attest/module.h"

#include <string.h>

_Static_assert(MSG_MODULE_GET_RANDOM - MSG_MODULE_DESCRIBE_NSM == NSM_GET_RANDOM, "the order of enum nsm_op");
_Static_assert(MSG_MODULE_RANDOM - MSG_MODULE_DESCRIBED_NSM == NSM_GET_RANDOM, "the order of enum nsm_op");
_Static_assert(MODULE_CLAIMS_MAX == NSM_USER_DATA_MAX + NSM_NONCE_MAX + NSM_PUBLIC_KEY_MAX,
               "all three at their limits");
_Static_assert(NSM_DOCUMENT_MAX <= MODULE_DOCUMENT_MAX, "every document fits");

/* ── keeper ── */

static struct iovec part_of(struct view v)
{
    return (struct iovec){(void *)(uintptr_t)v.data, v.len};
}

err_t module_ask(const struct wire_end *end, uint32_t id, const struct nsm_request *q)
{
    struct msg_module_request m = {.id = id, .index = q->index};
    enum wire_type type = (enum wire_type)(MSG_MODULE_DESCRIBE_NSM + q->op);
    const struct iovec claims[] = {part_of(q->user_data), part_of(q->nonce), part_of(q->public_key)};
    if (q->op == NSM_EXTEND_PCR)
        return wire_send(end, type, &m, q->data, NULL, 0);
    if (q->op != NSM_ATTESTATION)
        return wire_send(end, type, &m, view_of(NULL, 0), NULL, 0);
    if (q->user_data.len > NSM_USER_DATA_MAX || q->nonce.len > NSM_NONCE_MAX || q->public_key.len > NSM_PUBLIC_KEY_MAX)
        return ERR_TOO_LARGE;
    m.user_data_len = (uint16_t)q->user_data.len;
    m.nonce_len = (uint16_t)q->nonce.len;
    m.public_key_len = (uint16_t)q->public_key.len;
    return wire_sendv(end, type, &m, claims, COUNT_OF(claims), NULL, 0);
}

/* How long the tail of an answer is, from and to. */
static const struct {
    size_t min;
    size_t max;
} tails[NSM_OPS_] = {
    [NSM_DESCRIBE_NSM] = {1, NSM_MODULE_ID_MAX}, [NSM_DESCRIBE_PCR] = {PCR_LEN, PCR_LEN},
    [NSM_EXTEND_PCR] = {PCR_LEN, PCR_LEN},       [NSM_ATTESTATION] = {1, NSM_DOCUMENT_MAX},
    [NSM_GET_RANDOM] = {1, NSM_RANDOM_MAX},
};

static bool is_answer(const struct msg_module_answer *a, enum nsm_op op, size_t tail)
{
    if (a->error != NSM_SUCCESS)
        return a->error < NSM_ERRORS_ && tail == 0;
    return a->locked <= 1 && tail >= tails[op].min && tail <= tails[op].max;
}

err_t module_answer(const struct wire_msg *m, uint32_t *ret_id, struct nsm_response *ret)
{
    if (m->type < MSG_MODULE_DESCRIBED_NSM || m->type > MSG_MODULE_RANDOM)
        return ERR_PROTOCOL;
    const struct msg_module_answer *a = m->fixed;
    enum nsm_op op = (enum nsm_op)(m->type - MSG_MODULE_DESCRIBED_NSM);
    if (!is_answer(a, op, m->tail.len))
        return ERR_PROTOCOL;
    *ret_id = a->id;
    *ret = (struct nsm_response){.op = op, .error = (enum nsm_error)a->error};
    if (a->error != NSM_SUCCESS)
        return OK;
    ret->locked = a->locked != 0;
    ret->locked_pcrs = a->locked_pcrs;
    ret->max_pcrs = a->max_pcrs;
    memcpy(ret->version, a->version, sizeof(ret->version));
    if (op == NSM_DESCRIBE_NSM)
        ret->module_id = m->tail;
    else
        ret->bytes = m->tail;
    return OK;
}

err_t module_call(const struct wire_end *end, struct wire_inbox *in, const struct nsm_request *q, int timeout_ms,
                  struct nsm_response *ret)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct nsm_response p;
    uint32_t id = 0;
    TRY(module_ask(end, 0, q));
    TRY(wire_wait(end, timeout_ms));
    TRY(wire_recv(end, in, false, &m));
    TRY(module_answer(&m, &id, &p));
    if (id != 0 || p.op != q->op)
        return ERR_PROTOCOL;
    if (p.error != NSM_SUCCESS)
        return ERR_NSM_FAILED;
    *ret = p;
    return OK;
}

/* ── nsm and nsm-sim ── */

/* Absent when it has no length. */
static err_t take_claim(struct view *tail, size_t len, size_t max, struct view *ret)
{
    if (len > max)
        return ERR_PROTOCOL;
    if (len == 0)
        return OK;
    return view_take(tail, len, ret) == OK ? OK : ERR_PROTOCOL;
}

static err_t take_claims(const struct msg_module_request *m, struct view tail, struct nsm_request *q)
{
    TRY(take_claim(&tail, m->user_data_len, NSM_USER_DATA_MAX, &q->user_data));
    TRY(take_claim(&tail, m->nonce_len, NSM_NONCE_MAX, &q->nonce));
    TRY(take_claim(&tail, m->public_key_len, NSM_PUBLIC_KEY_MAX, &q->public_key));
    return tail.len == 0 ? OK : ERR_PROTOCOL;
}

err_t module_request(const struct wire_msg *m, uint32_t *ret_id, struct nsm_request *ret)
{
    if (m->type < MSG_MODULE_DESCRIBE_NSM || m->type > MSG_MODULE_GET_RANDOM)
        return ERR_PROTOCOL;
    const struct msg_module_request *r = m->fixed;
    struct nsm_request q = {.op = (enum nsm_op)(m->type - MSG_MODULE_DESCRIBE_NSM), .index = r->index};
    if (q.op == NSM_EXTEND_PCR)
        q.data = m->tail;
    else
        TRY(take_claims(r, m->tail, &q));
    *ret_id = r->id;
    *ret = q;
    return OK;
}

err_t module_reply(const struct wire_end *end, uint32_t id, const struct nsm_response *p)
{
    struct msg_module_answer a = {.id = id, .error = (uint16_t)p->error};
    enum wire_type type = (enum wire_type)(MSG_MODULE_DESCRIBED_NSM + p->op);
    if (p->error != NSM_SUCCESS)
        return wire_send_wait(end, type, &a, view_of(NULL, 0), NULL, 0);
    a.locked = p->locked;
    a.locked_pcrs = p->locked_pcrs;
    a.max_pcrs = p->max_pcrs;
    memcpy(a.version, p->version, sizeof(a.version));
    return wire_send_wait(end, type, &a, p->op == NSM_DESCRIBE_NSM ? p->module_id : p->bytes, NULL, 0);
}
