/* One ring of requests, in the order in which the module answers. */
#include "keeper/documents.h"

#include "attest/document.h"
#include "base/clock.h"

void documents_init(struct documents *d, struct trust *trust)
{
    uint64_t now = clock_mono_ms();
    *d = (struct documents){.trust = trust, .asked_ms = now, .told_ms = now, .clock_good = true};
}

/* ── asking ── */

static err_t ask(struct documents *d, struct nsm_request q, struct document_due due)
{
    TRY(module_ask(&d->trust->module, 0, &q));
    d->due[(d->first + d->count) % COUNT_OF(d->due)] = due;
    d->count++;
    d->asked_ms = clock_mono_ms();
    return OK;
}

err_t documents_ask(struct documents *d, const struct msg_document_ask *m, uint16_t generation)
{
    struct document_due due = {.id = m->id, .generation = generation, .asked_ms = clock_wall_us() / 1000};
    if (d->count - d->looking >= DOCUMENTS_QUEUE || !rate_allows(&d->rate, DOCUMENTS_A_SECOND, clock_mono_ms()))
        return ERR_OVERLOADED;
    err_t e = ask(d, trust_claims(d->trust, view_of(m->nonce.bytes, m->nonce.len)), due);
    d->rate.count += e == OK;
    return e == ERR_WOULD_BLOCK ? ERR_OVERLOADED : e;
}

void documents_renew(struct documents *d)
{
    d->renew = true;
}

err_t documents_look(struct documents *d)
{
    struct document_due due = {.renews = d->renew, .asked_ms = clock_wall_us() / 1000};
    if (d->looking || (!d->renew && clock_mono_ms() - d->asked_ms < CLOCK_LOOK_MS))
        return OK;
    err_t e = ask(d, d->renew ? trust_next_claims(d->trust) : trust_claims(d->trust, view_of(NULL, 0)), due);
    d->looking = e == OK;
    d->renew = d->renew && e != OK;
    return e == ERR_WOULD_BLOCK ? OK : e;
}

/* ── answers ── */

static err_t take_time(struct documents *d, const struct document_due *due, struct view bytes)
{
    struct document doc = {0};
    uint64_t now_ms = clock_wall_us() / 1000;
    TRY(document_read(bytes, &doc, NULL));
    d->clock_good = trust_clock_is_good(trust_ahead(due->asked_ms, now_ms, doc.timestamp_ms));
    d->told_ms = clock_mono_ms();
    return OK;
}

err_t documents_answer(struct documents *d, const struct wire_msg *m, struct document_due *ret_due, err_t *ret_result,
                       struct view *ret)
{
    struct nsm_response p = {0};
    uint32_t id = 0;
    TRY(module_answer(m, &id, &p));
    if (d->count == 0 || p.op != NSM_ATTESTATION || id != 0)
        return ERR_PROTOCOL;
    *ret_due = d->due[d->first];
    d->first = (d->first + 1) % COUNT_OF(d->due);
    d->count--;
    if (ret_due->generation == 0)
        d->looking = false;
    bool good = p.error == NSM_SUCCESS && take_time(d, ret_due, p.bytes) == OK;
    *ret_result = good ? OK : ERR_NSM_FAILED;
    *ret = good ? p.bytes : view_of(NULL, 0);
    return OK;
}

err_t documents_clock(const struct documents *d)
{
    return d->clock_good && clock_mono_ms() - d->told_ms < CLOCK_GOOD_MS ? OK : ERR_CLOCK_WRONG;
}
