/* One handler an operation. */
#include "nsm/sim.h"

#include "base/clock.h"

#include <openssl/rand.h>
#include <string.h>

static uint64_t now_ms(void)
{
    return clock_wall_us() / 1000;
}

err_t sim_init(struct sim *s, struct issued *root, const uint8_t pcr[static 3][PCR_LEN])
{
    *s = (struct sim){.map = DOCUMENT_MAP_OPEN};
    TRY(sim_chain_init(&s->chain, root, now_ms()));
    memcpy(s->bank.pcr, pcr, 3 * sizeof(s->bank.pcr[0]));
    TRY(pcr_extend(s->bank.pcr[4], view_of(s->chain.instance_id, strlen(s->chain.instance_id))));
    bank_start(&s->bank);
    return OK;
}

void sim_done(struct sim *s)
{
    sim_chain_done(&s->chain);
}

/* ── operations ── */

static enum nsm_error describe_nsm(struct sim *s, UNUSED const struct nsm_request *q, struct nsm_response *p)
{
    p->version[0] = 1;
    p->module_id = view_of(s->chain.module_id, strlen(s->chain.module_id));
    p->max_pcrs = PCR_COUNT;
    p->locked_pcrs = s->bank.locked;
    return NSM_SUCCESS;
}

static enum nsm_error describe_pcr(struct sim *s, const struct nsm_request *q, struct nsm_response *p)
{
    if (q->index >= PCR_COUNT)
        return NSM_INVALID_INDEX;
    p->locked = bank_is_locked(&s->bank, q->index);
    p->bytes = view_of(s->bank.pcr[q->index], PCR_LEN);
    return NSM_SUCCESS;
}

static enum nsm_error extend_pcr(struct sim *s, const struct nsm_request *q, struct nsm_response *p)
{
    enum nsm_error error = bank_extend(&s->bank, q->index, q->data);
    if (error == NSM_SUCCESS)
        p->bytes = view_of(s->bank.pcr[q->index], PCR_LEN);
    return error;
}

static enum nsm_error lock_pcr(struct sim *s, const struct nsm_request *q, UNUSED struct nsm_response *p)
{
    return bank_lock(&s->bank, q->index);
}

static enum nsm_error lock_pcrs(struct sim *s, const struct nsm_request *q, UNUSED struct nsm_response *p)
{
    return bank_lock_first(&s->bank, q->index);
}

/* Only locked registers are in a document. */
static void fill_document(const struct sim *s, const struct nsm_request *q, struct document *ret)
{
    *ret = (struct document){
        .module_id = view_of(s->chain.module_id, strlen(s->chain.module_id)),
        .timestamp_ms = now_ms(),
        .n_certs = LEVELS_,
        .public_key = q->public_key,
        .user_data = q->user_data,
        .nonce = q->nonce,
    };
    for (enum level level = LEVEL_ROOT; level < LEVELS_; level++)
        ret->certs[level] = sim_chain_der(&s->chain, level);
    for (unsigned i = 0; i < PCR_COUNT; i++)
        if (bank_is_locked(&s->bank, i))
            ret->pcr[i] = view_of(s->bank.pcr[i], PCR_LEN);
}

static err_t make_document(struct sim *s, const struct nsm_request *q, struct view *ret)
{
    struct document d;
    struct cbor_writer inner = cbor_writer_on(s->payload, sizeof(s->payload));
    struct cbor_writer outer = cbor_writer_on(s->bytes, sizeof(s->bytes));
    struct view payload = {0};
    TRY(sim_chain_renew(&s->chain, now_ms() / 1000));
    fill_document(s, q, &d);
    document_put_payload(&d, s->map, &inner);
    TRY(cbor_written(&inner, &payload));
    TRY(document_put_signed(payload, s->chain.level[LEVEL_LEAF].key, &outer));
    TRY(cbor_written(&outer, ret));
    s->map = s->map == DOCUMENT_MAP_OPEN ? DOCUMENT_MAP_SIZED : DOCUMENT_MAP_OPEN;
    return OK;
}

static enum nsm_error attestation(struct sim *s, const struct nsm_request *q, struct nsm_response *p)
{
    return make_document(s, q, &p->bytes) == OK ? NSM_SUCCESS : NSM_INTERNAL_ERROR;
}

static enum nsm_error get_random(struct sim *s, UNUSED const struct nsm_request *q, struct nsm_response *p)
{
    if (RAND_bytes(s->bytes, NSM_RANDOM_MAX) != 1)
        return NSM_INTERNAL_ERROR;
    p->bytes = view_of(s->bytes, NSM_RANDOM_MAX);
    return NSM_SUCCESS;
}

static enum nsm_error (*const operations[NSM_OPS_])(struct sim *s, const struct nsm_request *q,
                                                    struct nsm_response *p) = {
    [NSM_DESCRIBE_NSM] = describe_nsm, [NSM_DESCRIBE_PCR] = describe_pcr, [NSM_EXTEND_PCR] = extend_pcr,
    [NSM_LOCK_PCR] = lock_pcr,         [NSM_LOCK_PCRS] = lock_pcrs,       [NSM_ATTESTATION] = attestation,
    [NSM_GET_RANDOM] = get_random,
};

/* ── the device ── */

static err_t call_sim(void *self, struct view request, uint8_t *response, size_t *ret_len)
{
    struct nsm_request q = {0};
    struct nsm_response p = {.error = NSM_INVALID_OPERATION};
    struct cbor_writer w = cbor_writer_on(response, NSM_RESPONSE_MAX);
    struct view written = {0};
    if (request.len > NSM_REQUEST_MAX)
        return ERR_TOO_LARGE;
    if (nsm_request_read(request, &q) == OK) {
        p = (struct nsm_response){.op = q.op};
        p.error = operations[q.op](self, &q, &p);
    }
    TRY(nsm_response_write(&p, &w));
    TRY(cbor_written(&w, &written));
    *ret_len = written.len;
    return OK;
}

struct nsm_device sim_device(struct sim *s)
{
    return (struct nsm_device){s, call_sim};
}
