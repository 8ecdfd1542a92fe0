/* Asking the keeper for a signature and waiting for it. */
#include "front/sign.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

err_t signer_init(struct signer *s, struct wire_end *end)
{
    *s = (struct signer){.end = *end, .wait_ms = SIGN_WAIT_MS};
    TRY(wire_inbox_init(&s->inbox, CHAN_SIGN));
    end->fd = -1;
    return OK;
}

void signer_done(struct signer *s)
{
    if (s->inbox.data == NULL)
        return;
    wire_end_close(&s->end);
    wire_inbox_done(&s->inbox);
}

/* The next answer if it is the one to the last question; one to an earlier question came too late and is dropped. */
static err_t take_answer(struct signer *s, uint8_t *ret_signature, size_t *ret_len)
{
    AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
    struct msg_tls_sign answer;
    TRY(wire_recv(&s->end, &s->inbox, false, &m));
    memcpy(&answer, m.fixed, sizeof(answer));
    if (m.type != MSG_TLS_SIGNATURE || s->id - answer.id > UINT32_MAX / 2)
        return ERR_PROTOCOL;
    if (answer.id != s->id)
        return ERR_WOULD_BLOCK;
    if (m.tail.len == 0 || m.tail.len > SIGNATURE_MAX)
        return ERR_PROTOCOL;
    memcpy(ret_signature, m.tail.data, m.tail.len);
    *ret_len = m.tail.len;
    return OK;
}

static err_t wait_answer(struct signer *s, uint64_t deadline, uint8_t *ret_signature, size_t *ret_len)
{
    for (;;) {
        err_t e = take_answer(s, ret_signature, ret_len);
        if (e != ERR_WOULD_BLOCK)
            return e;
        uint64_t now = clock_mono_ms();
        if (now >= deadline)
            return ERR_TIMEOUT;
        e = wire_wait(&s->end, (int)(deadline - now));
        if (e != OK)
            return e;
    }
}

err_t signer_sign(struct signer *s, struct view text, uint8_t ret_signature[static SIGNATURE_MAX], size_t *ret_len)
{
    uint64_t start = clock_mono_ms();
    if (start < s->resting_ms)
        return ERR_KEEPER_BUSY;
    if (text.len > SIGN_TEXT_MAX)
        return ERR_TOO_LARGE;
    struct msg_tls_sign question = {.id = ++s->id};
    err_t e = wire_send(&s->end, MSG_TLS_SIGN, &question, text, NULL, 0);
    if (e == OK)
        e = wait_answer(s, start + s->wait_ms, ret_signature, ret_len);
    if (e != ERR_TIMEOUT && e != ERR_WOULD_BLOCK)
        return e;
    uint64_t end = clock_mono_ms();
    s->resting_ms = end + SIGN_WAIT_MS;
    log_event(LOG_KEEPER_SLOW, (int64_t)(end - start));
    return ERR_KEEPER_BUSY;
}
