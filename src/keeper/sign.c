/* TLS signatures for the fronts. */
#include "keeper/state.h"

#define AT_ONCE 16 /* then the reports get their turn */

static err_t answer(struct keeper *k, struct keeper_front *f, const struct wire_msg *m)
{
    uint8_t signature[80];
    size_t n = 0;
    struct msg_tls_sign reply = {.id = ((const struct msg_tls_sign *)m->fixed)->id};
    TRY(keys_sign_handshake(&k->keys, m->tail, signature, &n));
    return wire_send(&f->sign, MSG_TLS_SIGNATURE, &reply, view_of(signature, n), NULL, 0);
}

void keeper_handshakes(struct keeper *k, struct keeper_front *f)
{
    for (unsigned n = 0; n < AT_ONCE && f->sign.fd >= 0; n++) {
        AUTO(wire_msg_done) struct wire_msg m = WIRE_MSG_NONE;
        err_t e = wire_recv(&f->sign, &k->inbox, false, &m);
        if (e == OK)
            e = answer(k, f, &m);
        if (e == ERR_WOULD_BLOCK)
            return;
        if (e == ERR_CLOSED)
            wire_end_close(&f->sign);
        else if (e != OK)
            keeper_accuse_front(k, f, e);
    }
}
